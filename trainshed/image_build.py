"""Build a run's image: its build context, the build itself, and the golden rows asked inside it."""

import io
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainshed import checkout, engine, image, private_columns
from trainshed.config import Model
from trainshed.engine import Client
from trainshed.errors import ProgramError
from trainshed.image import Names
from trainshed.project import Project
from trainshed.run import Run
from trainshed.settings import FRAMEWORK, settings
from trainshed.targets import fitness

# What the server imports of this library: nothing that a model's environment would have to bring.
_SERVED_MODULES = ("__init__", "errors", "github", "ports", "script", "settings")
_READY_SECONDS = 60.0
_STEP = re.compile(r"^Step \S+ : (FROM|RUN|COPY|ADD) [^;]*")


class ImageCannotBeBuilt(ProgramError):
    """The image's build failed: usually the model's lock cannot be installed."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    project: Project
    client: Client
    tell: Callable[[str], None]
    use_cache: bool = True
    """Whether layers that the engine has built before are taken as they are."""

    def build(self, run: Run, folder: Path, chosen: Model, names: Names, *, commit: str) -> Any:
        """Build an image, check its golden rows, and return it, tagged with both its names.

        Args:
            run: what it holds.
            folder: the run's folder in the store.
            chosen: the model's configuration.
            names: its repository and tags.
            commit: whose `serve.include` and `lock` count.

        Raises:
            ImageCannotBeBuilt: shows the end of what the build said.
            ReleaseIsNotHealthy, GoldenRowsDiffer: it does not answer as the run did.
        """
        built = self.build_only(run, folder, chosen, commit=commit)
        self._check(built, run, folder)
        with engine.told(f"tagging the image of {run.model}"):
            for tag in (names.fixed, names.moving):
                built.tag(names.repository, tag)
        return built

    def build_only(self, run: Run, folder: Path, chosen: Model, *, commit: str) -> Any:
        """Build an image and return it, neither checked nor tagged."""
        context = self._context(run, folder, chosen, commit=commit)
        labels = image.labels(run)
        if chosen.serve != "none" and chosen.serve.predictor is not None:
            labels[f"{image.LABEL}.predictor"] = chosen.serve.predictor
        image_id = build(
            self.client, context, labels=labels, tell=self.tell, use_cache=self.use_cache
        )
        with engine.told(f"looking at the image of {run.model}"):
            return self.client.images.get(image_id)

    def _context(self, run: Run, folder: Path, chosen: Model, *, commit: str) -> bytes:
        files = {
            "Dockerfile": (FRAMEWORK / "Dockerfile").read_bytes(),
            "requirements/serve.txt": (FRAMEWORK / "requirements/serve.txt").read_bytes(),
            "log/.keep": b"",
            "code/.keep": b"",
            "run.tar": image.run_layer(folder, run, private=_private(chosen)),
            **_framework_files(),
            **self._code(chosen, commit=commit),
        }
        if chosen.lock is not None:
            lock = self.project.kept_lock(commit, chosen.lock)
            files["requirements/model.txt"] = lock.read_bytes()
        ca = settings().build_ca
        if ca is not None and ca.is_file():  # stays in the first stage: no image holds it
            files["requirements/ca.crt"] = ca.read_bytes()
        return image.tar(files)

    def _code(self, chosen: Model, *, commit: str) -> dict[str, bytes]:
        include = chosen.serve.include if chosen.serve != "none" else []
        if not include:
            return {}
        with checkout.of(self.project, commit, only=include) as folder:
            roots = [folder / path for path in include]
            paths = [
                path for root in roots for path in (root.rglob("*") if root.is_dir() else [root])
            ]
            return {
                f"code/{path.relative_to(folder).as_posix()}": path.read_bytes()
                for path in paths
                if path.is_file()
            }

    def _check(self, built: Any, run: Run, folder: Path) -> None:
        """Ask the golden rows inside the image, as it will run."""
        with _running(self.client, built, run) as started:
            port = engine.published_port(started, image.PORT)
            fitness.await_ready(
                f"the image of {run.model}", port,
                is_alive=lambda: is_running(started), log=lambda: log_of(started),
                limit=_READY_SECONDS,
            )  # fmt: skip
            if run.examples is None:
                self.tell("the run has no examples: its golden rows are not checked")
                return
            checked = fitness.check_golden_rows(
                f"the image of {run.model}", port, folder / run.examples.path
            )
            self.tell(f"{checked} golden rows are answered equally inside the image")


def build(
    client: Client,
    context: bytes,
    *,
    labels: Mapping[str, str],
    tell: Callable[[str], None],
    use_cache: bool = True,
) -> str:
    """Build a context (a tar with a Dockerfile that takes BASE); return the image's id.

    Raises:
        ImageCannotBeBuilt: shows the end of what the build said.
    """
    now = settings()
    given = {"BASE": now.base_image, "PIP_INDEX_URL": now.build_index}
    arguments = {name: value for name, value in given.items() if value}
    said: list[str] = []
    image_id = ""
    with engine.told("building an image"):
        lines = client.api.build(
            fileobj=io.BytesIO(context), custom_context=True, buildargs=arguments,
            labels=dict(labels), nocache=not use_cache, rm=True, forcerm=True, decode=True,
        )  # fmt: skip
        for line in lines:
            said.append(str(line.get("stream") or line.get("error") or "").rstrip())
            image_id = line.get("aux", {}).get("ID", image_id)
            if "error" in line:
                image_id = ""
                break
            step = _STEP.match(said[-1])
            if step:
                tell(step[0] if len(step[0]) <= 80 else f"{step[0][:79]}…")
    if not image_id:
        tail = "\n".join(f"  {line}" for line in said if line)[-2000:]
        raise ImageCannotBeBuilt(
            f"The image cannot be built:\n{tail}",
            fix="Mend what it says. The lock must install on the base image "
            "(TRAINSHED_BASE_IMAGE names another one).",
        )
    return image_id


def server_options(*, predictor: str | None) -> dict[str, Any]:
    """Return how a release's container runs: no root, no capabilities, all it has is read-only."""
    return {
        "command": ["--predictor", predictor] if predictor else [],
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "tmpfs": {"/tmp": "rw,noexec,nosuid,size=64m"},  # noqa: S108  # inside the container
        "ports": {f"{image.PORT}/tcp": ("127.0.0.1", None)},
        "init": False,
        "detach": True,
    }


@contextmanager
def _running(client: Client, built: Any, run: Run) -> Iterator[Any]:
    predictor = built.labels.get(f"{image.LABEL}.predictor")
    name = f"trainshed-check-{run.run_id[:12]}-{secrets.token_hex(3)}"
    options = server_options(predictor=predictor)
    options["tmpfs"] |= {"/trainshed/log": f"rw,uid={image.USER}"}
    with engine.told(f"starting the image of {run.model}"):
        started = client.containers.run(built.id, name=name, **options)
    try:
        started.reload()
        yield started
    finally:
        with engine.told(f"removing {name}"):
            started.remove(force=True, v=True)


def is_running(started: Any) -> bool:
    with engine.told(f"looking at {started.name}"):
        started.reload()
    return bool(started.status == "running")


def log_of(started: Any) -> str:
    with engine.told(f"reading the log of {started.name}"):
        text = started.logs(tail=15).decode("utf-8", "replace")
    return "\n".join(f"  {line}" for line in text.splitlines()) or "  (nothing)"


def _private(chosen: Model) -> Collection[str]:
    return private_columns.named(private=chosen.private, key=chosen.key, target=chosen.target)


def _framework_files() -> Mapping[str, bytes]:
    library = FRAMEWORK / "trainshed"
    paths = [library / f"{name}.py" for name in _SERVED_MODULES]
    paths += sorted((library / "serving").glob("*.py"))
    return {
        f"framework/{path.relative_to(FRAMEWORK).as_posix()}": path.read_bytes() for path in paths
    }
