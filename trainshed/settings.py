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
class GitHub:
    """Where GitHub is, and as whom we speak to it."""

    repository: str
    """owner/name."""
    token: str = field(repr=False)
    api: str
    """Its REST API: another one on GitHub Enterprise."""
    server: str
    """Where people look at it."""
    run_url: str | None
    """The page of the workflow run that we are part of."""


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
    github: "GitHub | None"
    """The repository on GitHub, where there is one and a token was given."""
    github_environment_file: Path | None
    """Where a step sets variables for the steps after it."""
    github_path_file: Path | None
    """Where a step adds folders to the PATH of the steps after it."""
    runner_is_hosted: bool
    """The machine is GitHub's own, and is gone when the job ends."""
    github_event: Path | None
    """The payload of the event that started the workflow, as JSON."""
    ssh_key: str | None = field(repr=False)
    """Private key for `host: ssh://…`; None: those of the person's own ssh agent and files."""
    training_python: str | None
    """The Python that locked models are trained with: a path, or a command such as python3.10."""
    mlflow_tracking_uri: str | None = field(repr=False)
    """The MLflow server that runs are exported to: its address may hold a password."""

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
        github=_github(env),
        github_environment_file=_path(env, "GITHUB_ENV"),
        github_path_file=_path(env, "GITHUB_PATH"),
        runner_is_hosted=env.get("RUNNER_ENVIRONMENT") == "github-hosted",
        github_event=_path(env, "GITHUB_EVENT_PATH"),
        ssh_key=env.get("TRAINSHED_SSH_KEY") or None,
        training_python=env.get("TRAINSHED_TRAINING_PYTHON") or None,
        mlflow_tracking_uri=env.get("MLFLOW_TRACKING_URI") or None,
    )


def child_environment(
    extra: Mapping[str, str] | None = None, *, without: Collection[str] = ()
) -> dict[str, str]:
    """Return the whole environment for a program that is started: less some, then additions."""
    dropped = {*_PLACES_OF_GIT, *without}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, **(extra or {})}


# Code that is trained or served is not trusted with these.
_SECRETS = {
    "TRAINSHED_GITHUB_TOKEN",
    "TRAINSHED_REGISTRY_USER",
    "TRAINSHED_REGISTRY_PASSWORD",
    "TRAINSHED_SSH_KEY",
    # A job that may prove its identity hands this to every step; a token of clouds is made of it.
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
}
_FETCH = "TRAINSHED_FETCH_"
# What is written there becomes an output, a variable or the PATH of steps that trust us.
_FILES_OF_STEPS = {
    "GITHUB_ENV",
    "GITHUB_OUTPUT",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
}


def users_environment(
    extra: Mapping[str, str] | None = None, *, without: Collection[str] = ()
) -> dict[str, str]:
    """Return the whole environment for a person's own program: it gets no secret of ours."""
    fetching = {name for name in os.environ if name.startswith(_FETCH)}
    return child_environment(extra, without={*without, *_SECRETS, *_FILES_OF_STEPS, *fetching})


def fetch_credentials() -> dict[str, str]:
    """Return what TRAINSHED_FETCH_<NAME> holds, as <NAME>: for `fetch:` commands and nobody else.

    The name without its prefix is what the program that fetches looks for, such as
    AWS_SECRET_ACCESS_KEY.
    """
    return {
        name.removeprefix(_FETCH): value
        for name, value in os.environ.items()
        if name.startswith(_FETCH) and name != _FETCH and value
    }


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


def _github(env: Mapping[str, str]) -> GitHub | None:
    """A token alone is not enough: without a repository there is nobody to speak to."""
    repository, token = env.get("GITHUB_REPOSITORY"), env.get("TRAINSHED_GITHUB_TOKEN")
    if not repository or not token:
        return None
    server = env.get("GITHUB_SERVER_URL") or "https://github.com"
    run = env.get("GITHUB_RUN_ID")
    return GitHub(
        repository=repository,
        token=token,
        api=env.get("GITHUB_API_URL") or "https://api.github.com",
        server=server,
        run_url=f"{server}/{repository}/actions/runs/{run}" if run else None,
    )


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
