"""The containers of releases: one per release, made of its image, asked from here."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainshed import engine, http_client, image, image_build
from trainshed.engine import Client, EngineRefused
from trainshed.manifest import Manifest
from trainshed.tags import Tag
from trainshed.targets import ReleaseIsNotHealthy, fitness
from trainshed.targets.docker_caddy import ALWAYS, file_in

RELEASE = f"{image.LABEL}.release"
SEQUENCE = f"{image.LABEL}.sequence"
_READY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Containers:
    """Those of one model in one environment."""

    client: Client
    name: str
    """Of the environment and model: `trainshed-production-churn`; also the network's name."""
    model: str
    labels: Mapping[str, str]
    tell: Callable[[str], None]

    def name_of(self, tag: Tag) -> str:
        return f"{self.name}-v{tag.version}"

    def find(self, tag: Tag) -> Any | None:
        return engine.container(self.client, self.name_of(tag))

    def all(self) -> list[Any]:
        """List them, running or not, those of the newest release first."""
        wanted = [f"{key}={value}" for key, value in self.labels.items()]
        with engine.told(f"listing the containers of {self.name}"):
            found = self.client.containers.list(
                all=True, filters={"label": [*wanted, RELEASE]}, ignore_removed=True
            )
        return sorted(found, key=lambda one: int(one.labels[SEQUENCE]), reverse=True)

    def create(self, manifest: Manifest, found: Any) -> Any:
        """Make a release's container of its image, not yet started."""
        options = image_build.server_options(predictor=found.labels.get(f"{image.LABEL}.predictor"))
        name = self.name_of(manifest.tag)
        labels = {
            **self.labels, RELEASE: str(manifest.tag), SEQUENCE: str(manifest.sequence),
        }  # fmt: skip
        with engine.told(f"making {name}"):
            return self.client.containers.create(
                found.id,
                name=name,
                network=self.name,
                volumes={f"trainshed-{self.model}-log": {"bind": "/trainshed/log", "mode": "rw"}},
                labels=labels,
                environment={"TRAINSHED_MANIFEST": manifest.to_json()},
                restart_policy=ALWAYS,
                **options,
            )

    def start(self, one: Any) -> None:
        """Start a container that does not run; it is then started again whenever it ends."""
        if one.status == "running":
            return
        with engine.told(f"starting {one.name}"):
            one.update(restart_policy=ALWAYS)
            one.start()
            one.reload()

    def check(self, manifest: Manifest, started: Any) -> None:
        """Return once a started release is ready and answers its golden rows as in training.

        Raises:
            ReleaseIsNotHealthy, GoldenRowsDiffer: it is not fit to be live.
            EngineRefused: it was started again meanwhile, though it had not ended by itself.
        """
        port = engine.published_port(started, image.PORT)
        at = started.client.reach(port)
        fitness.await_ready(
            str(manifest.tag), at, is_alive=lambda: _is_alive(started, port),
            log=lambda: image_build.log_of(started), limit=_READY_SECONDS,
        )  # fmt: skip
        examples = _examples(started)
        if examples is None:
            self.tell(f"{manifest.tag} has no examples: its golden rows are not checked")
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "examples.jsonl"
            file.write_bytes(examples)
            try:
                fitness.check_golden_rows(str(manifest.tag), at, file)
            except ReleaseIsNotHealthy:
                image_build.is_running(started)  # it is the engine, or its host, that went away
                raise

    def answers(self, tag: Tag) -> bool:
        """Tell whether the container of a release runs, and answers as that release."""
        one = self.find(tag)
        if one is None or one.status != "running":
            return False
        try:
            at = engine.published(one, image.PORT)
        except EngineRefused:  # it has lost its network
            return False
        answer = http_client.get(at, "/info")
        says = answer.body if answer.is_ok and isinstance(answer.body, dict) else {}
        return bool(says.get("release") == str(tag))


def is_down(one: Any) -> bool:
    return one.status in {"created", "exited"}


def _is_alive(started: Any, port: int) -> bool:
    if not image_build.is_running(started) or started.attrs["RestartCount"]:
        return False
    if engine.published_port(started, image.PORT) != port:
        raise EngineRefused(
            f"{started.name} was started again while it was checked.",
            fix="The engine itself was, perhaps. Run the same command again.",
        )
    return True


def _examples(started: Any) -> bytes | None:
    """Read the release's own examples out of its image; None when it has none."""
    from trainshed import run  # noqa: PLC0415  # only a move needs it

    record = file_in(started, f"/{image.RUN_FOLDER}/run.json")
    if record is None:
        return None
    examples = run.from_json(record).examples
    return file_in(started, f"/{image.RUN_FOLDER}/{examples.path}") if examples else None
