"""The two Caddys of target `docker`: their configurations, and the edge's admin API.

The configuration is one JSON document made here. Caddy saves what it was last told, and resumes
with it after a crash. Every change carries the Etag of what it was based on, so that of two
deployers the second is refused instead of undoing what the first one did.
"""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainshed import http_client, ssh
from trainshed.errors import ConflictError, OutsideError
from trainshed.http_client import Address

ADMIN_PORT = 2019
EDGE_PORT = 8080
"""Where the edge listens inside the network."""
_TIMEOUT_SECONDS = 10.0
_TRIES = 50
_POLL_SECONDS = 0.02


class EdgeRefused(OutsideError):
    """The edge did not take a change of its configuration, or does not answer."""


class AnotherDeployerSwitched(ConflictError):
    """Somebody else changed the edge's configuration while this deployment was under way."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What the edge is told at one moment."""

    config: Mapping[str, Any] | None
    etag: str
    """Names this very configuration; a change that is based on another one is refused."""

    @property
    def upstream(self) -> str | None:
        """Host and port of the live release, inside the network."""
        return upstream_in(self.config)


@dataclass(frozen=True, kw_only=True)
class Admin:
    """Caddy's admin API, published on the engine's machine. It answers only who knows the token."""

    at: Address
    token: str

    def state(self) -> State:
        status, etag, body = self._ask("GET", "/config/")
        if status != http.client.OK:
            raise _refused(f"telling its configuration (HTTP {status}: {body.strip()})")
        return State(config=json.loads(body), etag=etag)

    def change(self, config: Mapping[str, Any], *, before: State) -> None:
        """Replace the whole configuration: one atomic change; open requests go on.

        Args:
            config: the new one.
            before: the state that the decision to change it was based on.

        Raises:
            AnotherDeployerSwitched: it is in another state by now.
            EdgeRefused
        """
        status, _, body = self._ask("POST", "/config/", config, etag=before.etag)
        if status == http.client.PRECONDITION_FAILED:
            if self.state().config == config:
                return  # it was made at the first try, whose answer was lost
            raise conflict()
        if status != http.client.OK:
            raise _refused(f"changing its configuration (HTTP {status}: {body.strip()})")

    def _ask(
        self, method: str, path: str, content: Any = None, *, etag: str | None = None
    ) -> tuple[int, str, str]:
        token = {"Host": self.token, "Origin": f"http://{self.token}"}
        # Before it is told its configuration it knows no token; it may just be about to learn it.
        for headers in (token, {}, token):
            answer = self._send(method, path, content, {**headers, **_based_on(etag)})
            if answer[0] != http.client.FORBIDDEN:
                break
        return answer

    def _send(
        self, method: str, path: str, content: Any, headers: Mapping[str, str]
    ) -> tuple[int, str, str]:
        """Send a request; again when the API hangs up: every change starts it anew."""
        body = None if content is None else json.dumps(content).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        tries = _TRIES
        while True:
            tries -= 1
            try:
                return self._sent(method, path, body, {**headers, **kind})
            except (OSError, http.client.HTTPException) as error:
                if tries == 0 or not isinstance(error, ConnectionResetError | BrokenPipeError):
                    raise ssh.trouble(f"asking the edge to {method} {path}") or _refused(
                        f"{method} {path}: {type(error).__name__}: {error}"
                    ) from None
            time.sleep(_POLL_SECONDS)

    def _sent(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, str, str]:
        connection = http_client.Connection(self.at, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.getheader("Etag") or "", response.read().decode()
        finally:
            connection.close()


def _based_on(etag: str | None) -> dict[str, str]:
    return {} if etag is None else {"If-Match": etag}


def edge(*, token: str, upstream: str, turn: str) -> dict[str, Any]:
    """Return the edge's whole configuration.

    Args:
        token: what a request to the admin API must name as its origin: every container on the
            network reaches the API, and only the deployer knows the token.
        upstream: host and port of the live release, inside the network.
        turn: another word at each change, so that the Etag tells two of the same upstream apart.
            It names the only route's group, which means nothing to Caddy.
    """
    proxy = {"@id": "live", "handler": "reverse_proxy", "upstreams": [{"dial": upstream}]}
    admin = {
        "listen": f"0.0.0.0:{ADMIN_PORT}",
        "enforce_origin": True,
        "origins": [f"http://{token}"],
    }
    route = {"group": turn, "handle": [proxy]}
    return {"admin": admin, "apps": _server([f":{EDGE_PORT}"], route)}


def door(*, edge: str, port: int, domain: str | None) -> dict[str, Any]:
    """Return the door's configuration, which never changes.

    Args:
        edge: the edge's name inside the network.
        port: where it listens without a domain.
        domain: a name that it gets a certificate for; it then listens on 443, and on 80 for that.
    """
    proxy = {
        "handler": "reverse_proxy",
        "request_buffers": 1 << 20,  # what can be sent once more must be at hand
        "load_balancing": {
            "try_duration": "5s",
            "try_interval": "20ms",
            "retry_match": [{"method": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]}],
        },
        "upstreams": [{"dial": f"{edge}:{EDGE_PORT}"}],
    }
    route: dict[str, Any] = {"handle": [proxy]}
    if domain is not None:
        route["match"] = [{"host": [domain]}]
    listen = [f":{port}"] if domain is None else [":443"]
    return {"admin": {"disabled": True}, "apps": _server(listen, route)}


def _server(listen: list[str], route: dict[str, Any]) -> dict[str, Any]:
    return {"http": {"servers": {"live": {"listen": listen, "routes": [route]}}}}


def upstream_in(config: Mapping[str, Any] | None) -> str | None:
    """Return the live release's host and port in a configuration; None when it has none."""
    try:
        assert config is not None
        handler = config["apps"]["http"]["servers"]["live"]["routes"][0]["handle"][0]
        dial: str = handler["upstreams"][0]["dial"]
    except (AssertionError, KeyError, IndexError, TypeError):
        return None
    return dial


def conflict() -> AnotherDeployerSwitched:
    return AnotherDeployerSwitched(
        "The edge's configuration changed while this deployment was under way.",
        fix="Another deployment was faster, and what it made live stays. Run the same command "
        "again to converge.",
    )


def _refused(doing: str) -> EdgeRefused:
    return EdgeRefused(
        f"The edge failed: {doing}.",
        fix="What is live was not changed. Look at `docker logs` of the container that ends in "
        "-edge, then run the same command again.",
    )
