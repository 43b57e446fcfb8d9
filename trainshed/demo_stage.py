"""The demo's stage: a throwaway origin and clones, on containers where they are to be had."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainshed import git, http_client, ports, project, targets
from trainshed.cmd import run as run_program
from trainshed.settings import settings
from trainshed.store import Store

_PLACE = "  production: {target: process, port: 8080}\n"
_BEFORE_IMAGE = "    timeout: 30m\n"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The throwaway world: a bare origin, a clone, and a second clone that will be stale."""

    folder: Path
    port: int
    environment: str
    """A name of its own: on a shared engine, nobody else's containers are called so."""
    registry: str | None
    """Host and port of the registry that images go to; None: target process, no images."""

    @property
    def origin(self) -> Path:
        return self.folder / "origin.git"

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    @property
    def stale(self) -> Path:
        return self.folder / "stale-clone"

    @property
    def image(self) -> str:
        return f"{self.registry}/trainshed-demo/churn"


def registry_of_this_machine() -> tuple[str | None, str]:
    """Return the registry that the demo can use, or None, and one line that says why."""
    from trainshed import engine  # noqa: PLC0415  # it may not be used at all

    if not engine.is_there():
        return None, "target process: no container engine answers here"
    address = settings().registry
    host, _, port = address.partition(":")
    if not http_client.get((host, int(port or 80)), "/v2/", timeout=2.0).is_ok:
        return None, f"target process: an engine is here, but no registry answers at {address}"
    return address, f"target docker: this machine's engine, and the registry at {address}"


@contextmanager
def stage(source: git.Repository, *, registry: str | None, is_kept: bool) -> Iterator[Stage]:
    """Set the stage from a repository's last commit; it is removed afterwards, servers stopped."""
    folder = Path(tempfile.mkdtemp(prefix="trainshed-demo-"))
    made = Stage(
        folder=folder,
        port=ports.free_port(),
        environment=f"demo-{secrets.token_hex(3)}",
        registry=registry,
    )
    try:
        _prepare(source, made)
        yield made
    finally:
        _stop(made)
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)


def _prepare(source: git.Repository, made: Stage) -> None:
    run_program(["git", "init", "-q", "--bare", "-b", "main", str(made.origin)], cwd=made.folder)
    bare = git.Repository(made.origin)
    bare.run("config", "receive.shallowUpdate", "true")  # the source may be a shallow clone
    source.run("push", "--quiet", "--no-verify", str(made.origin), "HEAD:refs/heads/main")
    run_program(["git", "clone", "-q", str(made.origin), str(made.clone)], cwd=made.folder)
    clone = git.Repository(made.clone)
    for key, value in (("user.name", "Demo"), ("user.email", "demo@example.org")):
        clone.run("config", key, value)
    file = made.clone / "trainshed.yml"
    file.write_text(_configured(file.read_text(encoding="utf-8"), made), encoding="utf-8")
    clone.run("commit", "--quiet", "--all", "-m", "A place for the demo")
    clone.run("push", "--quiet", "origin", "main")


def _configured(text: str, made: Stage) -> str:
    target = "process" if made.registry is None else "docker"
    place = f"  {made.environment}: {{target: {target}, port: {made.port}}}\n"
    text = text.replace(_PLACE, place)
    if made.registry is not None:
        text = text.replace(_BEFORE_IMAGE, f"{_BEFORE_IMAGE}    image: {made.image}\n")
    return text


def _stop(made: Stage) -> None:
    if not (made.clone / ".trainshed").is_dir():
        return
    here = project.open_at(made.clone)
    target = targets.make(
        here,
        Store(here),
        environment=made.environment,
        model="churn",
        settings=here.config_at("refs/remotes/origin/main").environments[made.environment],
        tell=lambda _: None,
    )
    target.stop()
    if made.registry is not None:
        _remove_images(made)


def _remove_images(made: Stage) -> None:
    from trainshed import engine  # noqa: PLC0415

    client = engine.connect()
    with engine.told("removing the demo's images"):
        for one in client.images.list(name=made.image):
            client.images.remove(str(one.id), force=True)
