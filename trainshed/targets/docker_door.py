"""The door: the Caddy that holds the live port, and is never told anything new: it never closes.

A Caddy whose configuration changes loses the odd request under load, for a server that shuts down
drops what it has just read. So the switch is made behind a door, in the edge; the door tries a
request that found no answer there again, for a few seconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainshed import engine, image
from trainshed.engine import Client
from trainshed.targets import caddy, docker_caddy

_LISTEN = f"{image.LABEL}.listen"
_FILE = "etc/caddy/door.json"


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
    def is_running(self) -> bool:
        one = self.container
        return one is not None and one.status == "running"

    def ensure(self) -> None:
        """Start the door unless it runs; make it anew when the port or the domain was changed.

        Raises:
            PortIsInUse, EdgeCannotStart
        """
        one = self.container
        if one is not None and one.labels.get(_LISTEN) != self._listen:
            with engine.told(f"removing {one.name}"):
                one.remove(force=True, v=True)
            one = None
        if one is None:
            one = self._create()
        if one.status != "running":
            docker_caddy.start(one, address=self.address, port=self.port)

    @property
    def _listen(self) -> str:
        return f"{self.address}:{self.port} {self.domain or ''}".strip()

    def _create(self) -> Any:
        published: dict[str, Any] = {f"{self.port}/tcp": (self.address, self.port)}
        if self.domain is not None:
            published = {f"{port}/tcp": (self.address, port) for port in (80, 443)}
        one = docker_caddy.create(
            self.client,
            f"{self.name}-door",
            ["caddy", "run", "--config", f"/{_FILE}"],
            network=self.name,
            ports=published,
            volumes={f"{self.name}-door-data": {"bind": "/data", "mode": "rw"}},
            labels={**self.labels, _LISTEN: self._listen},
        )
        config = caddy.door(edge=f"{self.name}-edge", port=self.port, domain=self.domain)
        with engine.told(f"configuring {one.name}"):
            one.put_archive("/", image.tar({_FILE: json.dumps(config).encode()}))
        return one
