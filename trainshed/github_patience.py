"""How often a request to GitHub is tried again, and how long all waits may take together.

GitHub's own faults (5xx) are waited out with growing pauses; its rate limits for as long as it says
(`retry-after`), or until the minute in which the limit is lifted. No job sleeps for an hour.
"""

from __future__ import annotations

import sys
from typing import Any, Self

from github import GithubRetry
from github.GithubException import RateLimitExceededExceedsMaxWait

TRIES = 6
LONGEST = 240.0
"""Seconds that all waits for one request may take together."""
_BACKOFF = 0.5  # the pauses: 0, 1, 2, 4, 8 seconds
_TELL_FROM = 5.0
_METHODS = frozenset({"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"})
_STATUSES = [500, 502, 503, 504, 429]  # 403 is added by PyGithub, which reads its body


class Patience(GithubRetry):
    """PyGithub's retries, of every method, with one budget of seconds for all waits."""

    _budget = LONGEST

    def __init__(self, *, left: float | None = None, **settings: Any) -> None:
        self.left = self._budget if left is None else left
        super().__init__(
            **{
                "total": TRIES - 1,
                "backoff_factor": _BACKOFF,
                "allowed_methods": _METHODS,
                "status_forcelist": _STATUSES,
                "max_rate_limit_wait": self.left,
                **settings,
            }
        )

    def new(self, **changes: Any) -> Self:
        return super().new(**{"left": self.left, **changes})

    def increment(self, *args: Any, **named: Any) -> Any:
        """Count one try; give up when the next wait would be longer than what is left."""
        response = named.get("response") or (args[2] if len(args) > 2 else None)
        again: Any = super().increment(*args, **named)
        asked = self.get_retry_after(response) if response is not None else None
        wait = float(asked or again.get_backoff_time())
        if wait > self.left:
            raise RateLimitExceededExceedsMaxWait(
                getattr(response, "status", 403),
                {"message": f"it asks us to wait {wait:.0f} s, of which we have {self.left:.0f}"},
                {},
                wait=wait,
            )
        if wait >= _TELL_FROM:
            print(f"GitHub asks for a pause of {wait:.0f} s.", file=sys.stderr, flush=True)
        again.left = self.left - wait
        return again
