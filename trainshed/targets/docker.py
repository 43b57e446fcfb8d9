"""Target `docker`: a container per release on one host, behind an edge that never closes.

Everything is named after environment and model (`trainshed-production-churn`): the network, the
door that holds the live port (`…-door`), the edge behind it that is switched (`…-edge`), and one
container per release (`…-v1.1.0`). The engine's labels tell whose it is,
so nothing is kept on the deployer's machine. The inference log lies on the volume
`trainshed-<model>-log`, a folder per release.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from docker.errors import NotFound

from trainshed import engine, image, registry, tags
from trainshed.config import Environment
from trainshed.engine import Client
from trainshed.errors import OutsideError, ReleaseStateError
from trainshed.manifest import Manifest
from trainshed.reconcile import Current
from trainshed.tags import Tag
from trainshed.targets import caddy, docker_caddy
from trainshed.targets.docker_door import Door
from trainshed.targets.docker_edge import Edge
from trainshed.targets.docker_release import RELEASE, Containers, is_down

_DRAIN_SECONDS = 15
_KEPT = 5
"""Releases that are kept stopped, for a rollback that starts a container instead of making one."""


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
        self._releases = Containers(
            client=client, name=self.name, model=model, labels=self._labels, tell=tell
        )
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
        self._answered = self._releases.answers(tag)
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
            self._releases.start(started)
            self._releases.check(manifest, started)
        except BaseException:
            self._discard(started, manifest.tag)
            raise

    def switch(self, manifest: Manifest) -> None:
        assert self._before is not None, "prepare comes before switch"
        upstream = f"{self._releases.name_of(manifest.tag)}:{image.PORT}"
        self._edge.switch(upstream, before=self._before)

    def retire(self) -> None:
        """Stop what is not live; keep the newest of it stopped, remove the rest. No image goes."""
        state = self._edge.state()
        live = self._tag_of(state)
        if state is None or live is None or not self._edge.is_running:
            return
        others = [one for one in self._releases.all() if one.labels[RELEASE] != str(live)]
        if not all(map(is_down, others)):
            try:
                self._edge.claim(state)
            except caddy.AnotherDeployerSwitched:
                return  # it clears up itself
        for number, one in enumerate(others):
            # One that another deployer removed meanwhile is as good as retired.
            with engine.told(f"retiring {one.name}"), suppress(NotFound):
                if not is_down(one):
                    # One that is always restarted would come back with the engine.
                    one.update(restart_policy={"Name": "no"})
                    one.stop(timeout=_DRAIN_SECONDS)
                if number >= _KEPT:
                    one.remove()

    def stop(self) -> None:
        """Remove everything but images and the inference log: for a demo or a test that is over."""
        fronts = [one for one in (self._door.container, self._edge.container) if one is not None]
        for one in [*fronts, *self._releases.all()]:
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
        """Return the release's container: the one that was kept, the live one, or a new one."""
        one = self._releases.find(manifest.tag)
        if one is not None and not self._is_usable(one, manifest.tag, found):
            assert self._before is not None, "the edge comes before what is behind it"
            self._before = self._edge.claim(self._before)
            with engine.told(f"removing {one.name}"):
                one.remove(force=True)
            one = None
        return one or self._releases.create(manifest, found)

    def _is_usable(self, one: Any, tag: Tag, found: Any) -> bool:
        """Tell whether a container can become live: it was kept, or it is live and answered.

        Any other that runs is what a killed deployer left, or what another one is preparing.
        """
        if one.attrs["Image"] != found.id:
            return False
        return is_down(one) or (tag == self._tag_of(self._before) and self._answered)

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

    def _tag_of(self, state: caddy.State | None) -> Tag | None:
        """Return the release that is live when the edge is told this."""
        if state is None or state.upstream is None:
            return None
        version = state.upstream.rsplit(":", 1)[0].removeprefix(f"{self.name}-v")
        return tags.parse(f"{self._model}@v{version}")
