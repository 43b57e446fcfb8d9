"""What goes wrong on demand: statuses, rate limits, dropped connections, lost answers."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_LIMITS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "For more on scraping GitHub and how it may affect your rights, please review our Terms of "
    "Service (https://docs.github.com/en/site-policy/github-terms/github-terms-of-service) "
    "If you reach out to GitHub Support for help, please include the request ID 0000:TEST."
)


@dataclass
class Fault:
    method: str
    """`*`: any."""
    path: re.Pattern[str]
    """Searched in the path, without the API's prefix and without the query."""
    status: int | None
    """None: the connection is dropped without an answer."""
    left: int | None
    """How often it still happens; None: always."""
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """How long nothing comes before that."""
    is_done: bool = False
    """GitHub does what it was asked all the same: only its answer is lost."""
    is_only_slow: bool = False
    """It answers as ever, but late."""
    count: int = 0
    """How often it has happened."""


class Faults:
    """All methods may be used while it serves. Those added first happen first."""

    def __init__(self) -> None:
        self._all: list[Fault] = []
        self._lock = threading.Lock()

    def add(
        self,
        *,
        method: str = "*",
        path: str = ".*",
        times: int | None = 1,
        status: int | None = 500,
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = 0.0,
        is_done: bool = False,
    ) -> Fault:
        """Let so many requests fail; those of one method, or whose path holds a pattern."""
        fault = Fault(
            method=method.upper(), path=re.compile(path), status=status, left=times,
            body={"message": message or _MESSAGES.get(status or 0, "Server Error")},
            headers=dict(headers or {}), seconds=seconds, is_done=is_done,
        )  # fmt: skip
        return self._append(fault)

    def drop(self, *, method: str = "*", path: str = ".*", times: int | None = 1,
             is_done: bool = False) -> Fault:  # fmt: skip
        """Hang up without an answer, before or after doing what was asked."""
        return self.add(method=method, path=path, times=times, status=None, is_done=is_done)

    def slow(
        self, seconds: float, *, method: str = "*", path: str = ".*", times: int | None = 1
    ) -> Fault:
        """Answer as ever, but late."""
        fault = self.add(method=method, path=path, times=times, seconds=seconds, is_done=True)
        fault.is_only_slow = True
        return fault

    def limit_secondary(
        self, *, method: str = "*", path: str = ".*", times: int | None = 1, status: int = 403,
        retry_after: int | None = 1,
    ) -> Fault:  # fmt: skip
        """Answer as GitHub does when too much is asked at once; it sends 403 or 429."""
        fault = self.add(method=method, path=path, times=times, status=status)
        fault.headers |= {} if retry_after is None else {"Retry-After": str(retry_after)}
        fault.body = {
            "documentation_url": f"{_LIMITS}#about-secondary-rate-limits", "message": SECONDARY,
        }  # fmt: skip
        return fault

    def limit_primary(
        self, *, reset: int, method: str = "*", path: str = ".*", times: int | None = 1
    ) -> Fault:
        """Answer as GitHub does when an hour's requests are used up, until an epoch second."""
        fault = self.add(method=method, path=path, times=times, status=403)
        fault.headers |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
        fault.body = {
            "message": "API rate limit exceeded for installation ID 1.",
            "documentation_url": f"{_LIMITS}#about-primary-rate-limits",
        }
        return fault

    def clear(self) -> None:
        with self._lock:
            self._all.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return what shall happen to a request, None for nothing."""
        with self._lock:
            for fault in self._all:
                if fault.left != 0 and fault.method in {"*", method} and fault.path.search(path):
                    fault.count += 1
                    fault.left = None if fault.left is None else fault.left - 1
                    return fault
        return None

    def _append(self, fault: Fault) -> Fault:
        with self._lock:
            self._all.append(fault)
        return fault


def content(fault: Fault) -> bytes:
    return json.dumps(fault.body).encode()


_MESSAGES = {
    401: "Bad credentials",
    403: "Resource not accessible by integration",
    404: "Not Found",
    500: "Server Error",
    502: "Server Error",
    503: "No server is currently available to service your request. Sorry about that. "
    "Please try resubmitting your request and contact us if the problem persists.",
}
