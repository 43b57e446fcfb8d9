"""Target `docker`: a container per release on one host, behind an edge that never closes.

Everything is named after environment and model (`trainshed-production-churn`): the network, the
door that holds the live port (`…-door`), the edge behind it that is switched (`…-edge`), and one
container per release (`…-v1.1.0`). The engine's labels tell whose it is,
so nothing is kept on the deployer's machine. The inference log lies on the volume
`trainshed-<model>-log`, a folder per release.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from trainshed import engine, http_client, image, image_build, registry, tags
from trainshed.config import Environment
from trainshed.engine import Client
from trainshed.errors import OutsideError, ReleaseStateError
from trainshed.manifest import Manifest
from trainshed.reconcile import Current
from trainshed.tags import Tag
from trainshed.targets import caddy, docker_caddy, fitness
from trainshed.targets.docker_caddy import file_in
from trainshed.targets.docker_door import Door
from trainshed.targets.docker_edge import Edge

_READY_SECONDS = 60.0
_DRAIN_SECONDS = 15
_KEPT = 5
"""Releases that are kept stopped, for a rollback that starts a container instead of making one."""
_RELEASE = f"{image.LABEL}.release"
_SEQUENCE = f"{image.LABEL}.sequence"


class ReleaseHasNoImage(ReleaseStateError):
    """A release was made without an image, so a container host cannot run it."""


class ImageIsNotTheRelease(ReleaseStateError):
    """An image's labels are not what the release's manifest says."""


class DockerTarget:
    """One model in one environment on the engine's host."""

    def __init__(
        self,
        client: Client,
        *,
        environment: str,
        model: str,
        settings: Environment,
        tell: Callable[[str], None],
    ) -> None:
        self.name = f"trainshed-{environment}-{model}"
        self._labels = {
            f"{image.LABEL}.environment": environment,
            f"{image.LABEL}.model": model,
        }
        self._client = client
        self._model = model
        self._tell = tell
        self._seen: caddy.State | None = None
        """What the edge was told when it was asked what is live: all else is based on that."""
        self._answered = False
        """Whether what was found live answered."""
        self._before: caddy.State | None = None
        """What the edge was told when a release was prepared: a switch takes it for granted."""
        self._edge = Edge(client=client, name=self.name, labels=self._labels)
        self._door = Door(
            client=client,
            name=self.name,
            address=settings.address,
            port=settings.port_of(model),
            domain=settings.domain,
            labels=self._labels,
        )

    def current(self) -> Current:
        self._seen = self._edge.state()
        tag = self._tag_of(self._seen)
        if tag is None:
            return Current(tag=None)
        self._answered = self._answers(tag)
        is_open = self._door.is_open and self._edge.is_running
        return Current(tag=tag, is_healthy=is_open and self._answered)

    def prepare(self, manifest: Manifest) -> None:
        """Start a release's container beside the live one.

        Raises:
            ReleaseHasNoImage, ImageIsGone, ImageIsNotTheRelease, RegistryFailed: nothing to start.
            PortIsInUse, EdgeCannotStart: the door cannot hold the live port.
            AnotherDeployerSwitched: what was found live is not live any more.
            ReleaseIsNotHealthy, GoldenRowsDiffer: it started, but is not fit to be live.
        """
        found = self._image_of(manifest)
        docker_caddy.ensure_network(self._client, self.name, self._labels)
        self._before = self._edge.ensure()
        if self._seen is not None and self._seen.upstream != self._before.upstream:
            raise caddy.conflict()
        self._door.ensure()
        started = self._container(manifest, found)
        try:
            self._check(manifest, started)
        except BaseException:
            self._discard(started, manifest.tag)
            raise

    def switch(self, manifest: Manifest) -> None:
        assert self._before is not None, "prepare comes before switch"
        self._edge.switch(self._upstream(manifest.tag), before=self._before)

    def retire(self) -> None:
        """Stop what is not live; keep the newest of it stopped, remove the rest. No image goes."""
        state = self._edge.state()
        live = self._tag_of(state)
        if state is None or live is None or not self._edge.is_running:
            return
        others = [one for one in self._containers() if one.labels[_RELEASE] != str(live)]
        others.sort(key=lambda one: int(one.labels[_SEQUENCE]), reverse=True)
        if not all(map(_is_down, others)):
            try:
                self._edge.claim(state)
            except caddy.AnotherDeployerSwitched:
                return  # it clears up itself
        for number, one in enumerate(others):
            # One that another deployer removed meanwhile is as good as retired.
            with engine.told(f"retiring {one.name}"), suppress(NotFound):
                if not _is_down(one):
                    # One that is always restarted would come back with the engine.
                    one.update(restart_policy={"Name": "no"})
                    one.stop(timeout=_DRAIN_SECONDS)
                if number >= _KEPT:
                    one.remove()

    def stop(self) -> None:
        """Remove everything but images and the inference log: for a demo or a test that is over."""
        fronts = [one for one in (self._door.container, self._edge.container) if one is not None]
        for one in [*fronts, *self._containers()]:
            with engine.told(f"removing {one.name}"):
                one.remove(force=True, v=True)
        with engine.told(f"removing what {self.name} kept"):
            for network in self._client.networks.list(names=[f"^{self.name}$"]):
                network.remove()
            for volume in self._client.volumes.list(filters={"name": f"^{self.name}-(edge|door)-"}):
                volume.remove(force=True)

    def _image_of(self, manifest: Manifest) -> Any:
        if manifest.image is None:
            raise ReleaseHasNoImage(
                f"{manifest.tag} was released without an image; target docker runs images.",
                fix=f"Give {manifest.model} an `image:` in trainshed.yml and release again, or use "
                "`target: process`.",
            )
        found = registry.pull(self._client, manifest.image, tell=self._tell)
        different = image.mismatches(
            found.labels,
            run_id=manifest.run_id,
            dataset=manifest.dataset.digest,
            artifact=manifest.artifact,
        )
        if different:
            raise ImageIsNotTheRelease(
                f"The image of {manifest.tag} is labelled with another {', '.join(different)} than "
                "its manifest says.",
                fix="Do not run it. Revert the release and release main again.",
            )
        return found

    def _container(self, manifest: Manifest, found: Any) -> Any:
        """Return the release's container, running: the one that was kept, or a new one."""
        name = self._container_name(manifest.tag)
        one = engine.container(self._client, name)
        if one is not None and not self._is_usable(one, manifest.tag, found):
            assert self._before is not None, "the edge comes before what is behind it"
            self._before = self._edge.claim(self._before)
            with engine.told(f"removing {name}"):
                one.remove(force=True)
            one = None
        if one is None:
            one = self._create(manifest, found, name)
        with engine.told(f"starting {name}"):
            if one.status != "running":
                one.update(restart_policy=docker_caddy.ALWAYS)
                one.start()
                one.reload()
        return one

    def _is_usable(self, one: Any, tag: Tag, found: Any) -> bool:
        """Tell whether a container can become live: it was kept, or it is live and answered.

        Any other that runs is what a killed deployer left, or what another one is preparing.
        """
        if one.attrs["Image"] != found.id:
            return False
        return _is_down(one) or (tag == self._tag_of(self._before) and self._answered)

    def _discard(self, started: Any, tag: Tag) -> None:
        """Remove what is not fit to be live; when that cannot be, the next deployment does it.

        Raises:
            AnotherDeployerSwitched: perhaps it is not fit because of what that one did.
        """
        if self._before is None or tag == self._tag_of(self._before):
            return
        with suppress(OutsideError):
            self._edge.claim(self._before)
            with engine.told(f"removing {started.name}"):
                started.remove(force=True)

    def _create(self, manifest: Manifest, found: Any, name: str) -> Any:
        options = image_build.server_options(predictor=found.labels.get(f"{image.LABEL}.predictor"))
        log = {f"trainshed-{self._model}-log": {"bind": "/trainshed/log", "mode": "rw"}}
        labels = {
            **self._labels,
            _RELEASE: str(manifest.tag),
            _SEQUENCE: str(manifest.sequence),
        }
        with engine.told(f"making {name}"):
            return self._client.containers.create(
                found.id,
                name=name,
                network=self.name,
                volumes=log,
                labels=labels,
                environment={"TRAINSHED_MANIFEST": manifest.to_json()},
                restart_policy=docker_caddy.ALWAYS,
                **options,
            )

    def _check(self, manifest: Manifest, started: Any) -> None:
        port = engine.published_port(started, image.PORT)
        fitness.await_ready(
            str(manifest.tag), port,
            is_alive=lambda: image_build.is_running(started),
            log=lambda: image_build.log_of(started), limit=_READY_SECONDS,
        )  # fmt: skip
        examples = self._examples(started)
        if examples is None:
            self._tell(f"{manifest.tag} has no examples: its golden rows are not checked")
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "examples.jsonl"
            file.write_bytes(examples)
            fitness.check_golden_rows(str(manifest.tag), port, file)

    def _examples(self, started: Any) -> bytes | None:
        """Read the release's own examples out of its image."""
        from trainshed import run  # noqa: PLC0415  # only a move needs it

        record = file_in(started, f"/{image.RUN_FOLDER}/run.json")
        if record is None:
            return None
        examples = run.from_json(record).examples
        return file_in(started, f"/{image.RUN_FOLDER}/{examples.path}") if examples else None

    def _answers(self, tag: Tag) -> bool:
        one = engine.container(self._client, self._container_name(tag))
        if one is None or one.status != "running":
            return False
        answer = http_client.get(engine.published_port(one, image.PORT), "/info")
        says = answer.body if answer.is_ok and isinstance(answer.body, dict) else {}
        return bool(says.get("release") == str(tag))

    def _containers(self) -> list[Any]:
        wanted = [f"{key}={value}" for key, value in self._labels.items()]
        with engine.told(f"listing the containers of {self.name}"):
            return list(
                self._client.containers.list(
                    all=True, filters={"label": [*wanted, _RELEASE]}, ignore_removed=True
                )
            )

    def _container_name(self, tag: Tag) -> str:
        return f"{self.name}-v{tag.version}"

    def _upstream(self, tag: Tag) -> str:
        return f"{self._container_name(tag)}:{image.PORT}"

    def _tag_of(self, state: caddy.State | None) -> Tag | None:
        """Return the release that is live when the edge is told this."""
        if state is None or state.upstream is None:
            return None
        version = state.upstream.rsplit(":", 1)[0].removeprefix(f"{self.name}-v")
        return tags.parse(f"{self._model}@v{version}")


def _is_down(one: Any) -> bool:
    return one.status in {"created", "exited"}
