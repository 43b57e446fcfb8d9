"""What the environment variables say. The only module that reads them."""

import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FRAMEWORK = Path(__file__).parents[1]
"""The folder that holds `trainshed/`, `scripts/` and `requirements/`."""

# Git sets these for a hook that starts us; to any git below they would count more than its folder.
_PLACES_OF_GIT = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    in_github_actions: bool
    github_output: Path | None
    github_step_summary: Path | None
    actor: str | None
    cache_folder: Path
    debug: bool
    manifest: str | None
    """The manifest of the release that a container serves."""
    base_image: str | None
    """What images are built upon, instead of the Dockerfile's own default."""
    registry: str
    """Where the demo looks for a registry: host and port."""
    registry_user: str | None
    """Who pushes to and pulls from the registry of a model's image, with the password below."""
    registry_password: str | None = field(repr=False)
    """Without both, what `docker login` left in the Docker configuration is used."""
    build_ca: Path | None
    """Certificates that pip needs inside a build, where the network has an authority of its own."""
    build_index: str | None
    """Package index that pip asks inside a build."""

    @property
    def environments(self) -> Path:
        """Where virtual environments are made: shared by all clones of a person."""
        return self.cache_folder / "environments"


def settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the environment. Cheap, and never cached: tests and long processes may change it."""
    env = os.environ if environment is None else environment
    return Settings(
        in_github_actions=env.get("GITHUB_ACTIONS") == "true",
        github_output=_path(env, "GITHUB_OUTPUT"),
        github_step_summary=_path(env, "GITHUB_STEP_SUMMARY"),
        actor=env.get("GITHUB_ACTOR") or None,
        cache_folder=_cache_folder(env),
        debug=env.get("TRAINSHED_DEBUG", "") not in {"", "0"},
        manifest=env.get("TRAINSHED_MANIFEST") or None,
        base_image=env.get("TRAINSHED_BASE_IMAGE") or None,
        registry=env.get("TRAINSHED_REGISTRY") or "127.0.0.1:5000",
        registry_user=env.get("TRAINSHED_REGISTRY_USER") or None,
        registry_password=env.get("TRAINSHED_REGISTRY_PASSWORD") or None,
        build_ca=_path(env, "PIP_CERT"),
        build_index=env.get("PIP_INDEX_URL") or None,
    )


def child_environment(
    extra: Mapping[str, str] | None = None, *, without: Collection[str] = ()
) -> dict[str, str]:
    """Return the whole environment for a program that is started: less some, then additions."""
    dropped = {*_PLACES_OF_GIT, *without}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, **(extra or {})}


# Code that is trained or served is not trusted with these.
_SECRETS = {"TRAINSHED_REGISTRY_USER", "TRAINSHED_REGISTRY_PASSWORD"}


def users_environment(
    extra: Mapping[str, str] | None = None, *, without: Collection[str] = ()
) -> dict[str, str]:
    """Return the whole environment for a person's own program: it gets no secret of ours."""
    return child_environment(extra, without={*without, *_SECRETS})


def outside_environment() -> dict[str, str]:
    """Return the environment as it is outside the framework's own virtual environment.

    For a person's program that brings no lock: it must find the person's Python, not ours.
    """
    kept = users_environment(without={"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"})
    if sys.prefix != sys.base_prefix:
        ours = str(Path(sys.prefix) / "bin")
        folders = [one for one in kept.get("PATH", "").split(os.pathsep) if one != ours]
        kept["PATH"] = os.pathsep.join(folders)
    return kept


def _path(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(name)
    return Path(value) if value else None


def _cache_folder(env: Mapping[str, str]) -> Path:
    """Environments are expensive and content-addressed, so every clone of a person shares them."""
    named = env.get("TRAINSHED_CACHE")
    if named:
        return Path(named)
    base = env.get("XDG_CACHE_HOME") or str(Path(env.get("HOME") or Path.home()) / ".cache")
    return Path(base) / "trainshed"
