"""Talk JSON over HTTP to a server on this machine, or at the far end of a forward.

Answers are values, whatever their status.
"""

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
Address = int | tuple[str, int] | Path
"""Where a server answers: a port of this machine, host and port, or a unix socket."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    """0 when there was no answer at all."""
    body: Any
    """The decoded JSON, or the text when it was none."""

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


def get(at: Address, path: str, *, timeout: float = 5.0) -> Answer:
    return _ask("GET", path, None, at=at, timeout=timeout)


def post(at: Address, path: str, body: Any, *, timeout: float = 30.0) -> Answer:
    return _ask("POST", path, json.dumps(body).encode(), at=at, timeout=timeout)


class Connection(http.client.HTTPConnection):
    """A connection to an address, which may be a unix socket."""

    def __init__(self, at: Address, *, timeout: float) -> None:
        host, port = _host_and_port(at)
        super().__init__(host, port, timeout=timeout)
        self._at = at

    def connect(self) -> None:
        if isinstance(self._at, Path):
            self.sock = open_socket(self._at, timeout=self.timeout or 0.0)
        else:
            super().connect()


def open_socket(at: Address, *, timeout: float) -> socket.socket:
    """Return a connected socket; raise OSError when nobody listens."""
    if not isinstance(at, Path):
        return socket.create_connection(_host_and_port(at), timeout=timeout)
    opened = socket.socket(socket.AF_UNIX)
    try:
        opened.settimeout(timeout)
        opened.connect(str(at))
    except OSError:
        opened.close()
        raise
    return opened


def _host_and_port(at: Address) -> tuple[str, int]:
    if isinstance(at, Path):
        return (LOOPBACK, 80)  # what the server is told; the port of HTTP is not written
    return (LOOPBACK, at) if isinstance(at, int) else at


def _ask(method: str, path: str, body: bytes | None, *, at: Address, timeout: float) -> Answer:
    connection = Connection(at, timeout=timeout)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        return Answer(status=0, body=f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    try:
        return Answer(status=response.status, body=json.loads(content))
    except ValueError:
        return Answer(status=response.status, body=content.decode("utf-8", "replace"))
