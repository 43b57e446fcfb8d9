"""The commit status `trainshed/<model>`, which branch protection can require.

It belongs to the commit, so every pull request with that head shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trainshed import github_api
from trainshed.comparison import Verdict

if TYPE_CHECKING:
    from github.Repository import Repository

LONGEST = 140
"""Characters of a description that GitHub takes."""

State = Literal["success", "failure", "error", "pending"]
STATES: dict[Verdict, State] = {
    "pass": "success",
    "warn": "success",
    "fail": "failure",
    "cannot-compare": "failure",
}


@dataclass(frozen=True, kw_only=True)
class Status:
    model: str
    state: State
    description: str

    @property
    def context(self) -> str:
        return f"trainshed/{self.model}"


def cut(text: str) -> str:
    """Return a text as a description: one line that fits."""
    shown = github_api.printable(text)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1].rstrip()}…"


def put(repository: Repository, commit: str, status: Status, *, url: str) -> str:
    """Set the status of a commit; `url` is where its details are.

    Returns:
        Who set it: as whom our token writes. GitHub says it nowhere else of an app's token.
    """
    with github_api.told(f"set the commit status {status.context}"):
        _, data = repository.requester.requestJsonAndCheck(
            "POST",
            f"{repository.url}/statuses/{commit}",
            input={
                "state": status.state,
                "context": status.context,
                "description": cut(status.description),
                "target_url": url,
            },
        )
    return str((data.get("creator") or {}).get("login", ""))
