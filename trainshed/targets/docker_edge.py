"""The edge: the Caddy behind the door that knows which release is live, and is switched."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import NotFound

from trainshed import engine, image, image_build
from trainshed.engine import Client, EngineRefused
from trainshed.errors import OutsideError
from trainshed.targets import EdgeCannotStart, caddy, docker_caddy

_START_SECONDS = 15.0
_POLL_SECONDS = 0.02
_TOKEN = f"{image.LABEL}.token"
_SAVED = "/config/caddy/autosave.json"
_NOT_TOLD_NOW = '"/config/ saved"'
"""The Etag of a saved configuration: no running Caddy has it, so nothing can be based on it."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    client: Client
    name: str
    """Of the environment and model: `trainshed-production-churn`; also the network's name."""
    labels: Mapping[str, str]

    @property
    def container(self) -> Any | None:
        return engine.container(self.client, f"{self.name}-edge")

    @property
    def is_running(self) -> bool:
        one = self.container
        return one is not None and one.status == "running"

    def state(self) -> caddy.State | None:
        """Return what the edge is told; of a dead one, what it saved last; None without an edge."""
        one = self.container
        if one is None:
            return None
        if one.status == "running":
            try:
                return self.admin(one).state()
            except (caddy.EdgeRefused, EngineRefused):
                pass
        return caddy.State(config=_saved(one), etag=_NOT_TOLD_NOW)

    def admin(self, one: Any) -> caddy.Admin:
        at = engine.published(one, caddy.ADMIN_PORT)
        return caddy.Admin(at=at, token=self._token())

    def ensure(self) -> caddy.State:
        """Start the edge unless it runs, and return what it is told.

        One whose saved configuration is damaged cannot start: it is made anew, with an empty one.

        Raises:
            EdgeCannotStart: it did not answer.
        """
        one = self.container or self._create()
        try:
            return self._started(one)
        except EdgeCannotStart:
            with engine.told(f"removing {one.name}"):
                one.remove(force=True, v=True)
                self.client.volumes.get(f"{self.name}-edge-config").remove(force=True)
            return self._started(self._create())

    def switch(self, upstream: str, *, before: caddy.State) -> None:
        """Send all new requests to another release, in one atomic step.

        Raises:
            AnotherDeployerSwitched: the edge is told something else by now than `before`.
        """
        self._change(upstream, before=before)

    def claim(self, before: caddy.State) -> caddy.State:
        """Void what other deployers based their decisions on; return the state to go on from.

        Whoever stops or removes what is not live claims first. Another deployer may have prepared
        just that: it cannot switch to it any more. (Where nothing is live, nothing can be broken.)

        Raises:
            AnotherDeployerSwitched: another one was faster.
        """
        if before.upstream is None:
            return before
        config = self._change(before.upstream, before=before)
        now = self.state()
        if now is None or now.config != config:
            raise caddy.conflict()
        return now

    def _change(self, upstream: str, *, before: caddy.State) -> Mapping[str, Any]:
        one = self.container
        if one is None or one.status != "running":
            raise EdgeCannotStart(
                f"{self.name}-edge is gone.", fix="Run the same command again: it is made anew."
            )
        config = caddy.edge(token=self._token(), upstream=upstream, turn=secrets.token_hex(4))
        self.admin(one).change(config, before=before)
        return config

    def _create(self) -> Any:
        self._token()
        return docker_caddy.create(
            self.client,
            f"{self.name}-edge",
            ["caddy", "run", "--resume"],
            network=self.name,
            ports={f"{caddy.ADMIN_PORT}/tcp": ("127.0.0.1", None)},
            environment={"CADDY_ADMIN": f"0.0.0.0:{caddy.ADMIN_PORT}"},
            volumes={
                f"{self.name}-edge-{kind}": {"bind": f"/{kind}", "mode": "rw"}
                for kind in ("config", "data")
            },
            labels=dict(self.labels),
        )

    def _token(self) -> str:
        """Return what the admin API wants to be told; it is kept with the saved configuration."""
        name = f"{self.name}-edge-config"
        with engine.told(f"making the volume {name}"):
            try:
                volume = self.client.volumes.get(name)
            except NotFound:
                token = f"trainshed-{secrets.token_hex(16)}"
                volume = self.client.volumes.create(name, labels={**self.labels, _TOKEN: token})
        kept: str = volume.attrs["Labels"][_TOKEN]
        return kept

    def _started(self, one: Any) -> caddy.State:
        if one.status != "running":
            docker_caddy.start(one, address="127.0.0.1", port=0)
        deadline = time.monotonic() + _START_SECONDS
        last: OutsideError | None = None
        while time.monotonic() < deadline:
            try:
                return self.admin(one).state()
            except (
                caddy.EdgeRefused,
                EngineRefused,
            ) as error:  # not what is wrong on the way there
                last = error
            time.sleep(_POLL_SECONDS)
            if not image_build.is_running(one):
                break  # it is started again and again, and ends each time
        raise EdgeCannotStart(
            f"{one.name} does not answer: {last.problem if last else ''}",
            fix=f"Look at `docker logs {one.name}`, then run the same command again.",
        )


def _saved(one: Any) -> Mapping[str, Any] | None:
    """Read what a stopped Caddy saved last, out of its volume."""
    content = docker_caddy.file_in(one, _SAVED)
    if content is None:
        return None
    try:
        saved: Mapping[str, Any] = json.loads(content)
    except ValueError:
        return None
    return saved
