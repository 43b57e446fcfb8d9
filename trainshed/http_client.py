"""Talk JSON over HTTP to a server on this machine. Answers are values, whatever their status."""

import http.client
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    """0 when there was no answer at all."""
    body: Any
    """The decoded JSON, or the text when it was none."""

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


def get(port: int, path: str, *, timeout: float = 5.0, host: str = "127.0.0.1") -> Answer:
    return _ask("GET", path, None, at=(host, port), timeout=timeout)


def post(
    port: int, path: str, body: Any, *, timeout: float = 30.0, host: str = "127.0.0.1"
) -> Answer:
    return _ask("POST", path, json.dumps(body).encode(), at=(host, port), timeout=timeout)


def _ask(
    method: str, path: str, body: bytes | None, *, at: tuple[str, int], timeout: float
) -> Answer:
    connection = http.client.HTTPConnection(*at, timeout=timeout)
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
