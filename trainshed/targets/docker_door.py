"""The door: the Caddy that holds the live port, and is never told anything new: it never closes.

A Caddy whose configuration changes loses the odd request under load, for a server that shuts down
drops what it has just read. So the switch is made behind a door, in the edge; the door tries a
request that found no answer there again, for a few seconds.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainshed import engine, http_client, image, image_build
from trainshed.engine import Client
from trainshed.http_client import Address
from trainshed.targets import EdgeCannotStart, caddy, docker_caddy

_START_SECONDS = 15.0
_POLL_SECONDS = 0.02
_LISTEN = f"{image.LABEL}.listen"
_FILE = "etc/caddy/door.json"
_ASKED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # not bound: asked
"""By which address a machine reaches what listens on all that it has."""


@dataclass(frozen=True, kw_only=True)
class Door:
    client: Client
    name: str
    """Of the environment and model; also the network's name."""
    address: str
    port: int
    domain: str | None
    labels: Mapping[str, str]

    @property
    def container(self) -> Any | None:
        return engine.container(self.client, f"{self.name}-door")

    @property
    def is_open(self) -> bool:
        """Whether it runs, and holds the port that it should."""
        one = self.container
        return one is not None and one.status == "running" and self._is_as_configured(one)

    def ensure(self) -> None:
        """Start the door unless it runs; make it anew when the port or the domain was changed.

        Raises:
            PortIsInUse, EdgeCannotStart
        """
        one = self.container
        if one is not None and not self._is_as_configured(one):
            self._try_ports(before=one)
            with engine.told(f"removing {one.name}"):
                one.remove(force=True, v=True)
            one = None
        if one is None:
            one = self._create()
        if one.status == "created":  # its maker may have been killed before it was configured
            self._configure(one)
        if one.status != "running":
            docker_caddy.start(one, address=self.address, port=self._live_port)
            self._await(one)

    def _await(self, one: Any) -> None:
        """Return once it listens."""
        at = self.client.reach(self._live_port, address=_ASKED_AT.get(self.address, self.address))
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and image_build.is_running(one):
            if _listens(at):
                return
            time.sleep(_POLL_SECONDS)
        raise EdgeCannotStart(
            f"{one.name} does not listen on port {self._live_port}. It said:\n"
            f"{image_build.log_of(one)}",
            fix="Mend what it says, then run the same command again.",
        )

    def _is_as_configured(self, one: Any) -> bool:
        return bool(one.labels.get(_LISTEN) == self._listen)

    def _try_ports(self, *, before: Any) -> None:
        """Find out that a port is taken before the door that is open is removed, not after."""
        bindings = (before.attrs["HostConfig"]["PortBindings"] or {}).values()
        held = {one["HostPort"] for those in bindings for one in those}
        wanted = {inside: at for inside, at in self._published.items() if str(at[1]) not in held}
        name = f"{self.name}-door-try"
        left = engine.container(self.client, name)
        if left is not None:
            with engine.told(f"removing {name}"):
                left.remove(force=True, v=True)
        one = docker_caddy.create(
            self.client, name, ["caddy", "version"], ports=wanted, labels=dict(self.labels),
            restart_policy=None,
        )  # fmt: skip
        try:
            docker_caddy.start(one, address=self.address, port=self._live_port)
        finally:
            with engine.told(f"removing {name}"):
                one.remove(force=True, v=True)

    @property
    def _live_port(self) -> int:
        return self.port if self.domain is None else 443

    @property
    def _published(self) -> dict[str, Any]:
        listening = (self.port,) if self.domain is None else (80, 443)
        return {f"{port}/tcp": (self.address, port) for port in listening}

    @property
    def _listen(self) -> str:
        return f"{self.address}:{self.port} {self.domain or ''}".strip()

    def _create(self) -> Any:
        return docker_caddy.create(
            self.client,
            f"{self.name}-door",
            ["caddy", "run", "--config", f"/{_FILE}"],
            network=self.name,
            ports=self._published,
            volumes={f"{self.name}-door-data": {"bind": "/data", "mode": "rw"}},
            labels={**self.labels, _LISTEN: self._listen},
        )

    def _configure(self, one: Any) -> None:
        config = caddy.door(edge=f"{self.name}-edge", port=self.port, domain=self.domain)
        with engine.told(f"configuring {one.name}"):
            one.put_archive("/", image.tar({_FILE: json.dumps(config).encode()}))


def _listens(at: Address) -> bool:
    """Tell whether a server of HTTP or HTTPS is there.

    A request without a host is refused by every one of them, before anything behind it is asked.
    Being connected means nothing: the engine does that too, for a container that is not ready.
    """
    try:
        with http_client.open_socket(at, timeout=1.0) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            return connection.recv(1) != b""
    except OSError:
        return False
