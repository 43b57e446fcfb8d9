"""One comment per pull request and model: CML writes it, or the REST API does, and it stays one.

A comment is found again by CML's own marker and by its author, since anybody may write a marker. So
whichever of the two wrote it, the other one updates it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainshed import cml, github_api
from trainshed.cml import CmlFailed, Written
from trainshed.github_api import GitHubIsNotThere
from trainshed.settings import GitHub

if TYPE_CHECKING:
    from github.Repository import Repository

ACTIONS = "github-actions[bot]"
"""Who a workflow's own token writes as."""
_PAGE = 100
_MOST_PAGES = 100


@dataclass(frozen=True)
class Comments:
    """The comments on the pull requests of a repository, as one that writes them sees them."""

    github: GitHub
    repository: Repository
    author: str
    """As whom our token writes: `trainshed.commit_status.put` finds out."""
    tell: Callable[[str], None]

    def put(self, *, pull: int, model: str, commit: str, body: str) -> str:
        """Make the comment about a model say `body`, and return its address.

        CML does it where it can and would touch the right comment; else the REST API does.

        Raises:
            TokenMayNot, GitHubLimitsUs, GitHubCannotBeReached, …: as `trainshed.github_api.told`.
        """
        whole = cml.with_marker(body, model, commit)
        there = self._read(pull)
        if self._is_done_by_cml(there, pull=pull, model=model, commit=commit, body=body):
            own = self._own(pull, model)
            if own and cml.marker(model, commit) in own[-1].body:
                return own[-1].url
            there = self._read(pull)
        elif cml.program() is not None:
            there = self._read(pull)  # it may have written before it failed
        return self._put(pull, model, whole, there)

    def _is_done_by_cml(
        self, there: list[Written], *, pull: int, model: str, commit: str, body: str
    ) -> bool:
        if cml.program() is None:
            self.tell("CML is not installed: the comment goes out through the REST API")
            return False
        if not cml.does_right(there, model=model, author=self.author):
            self.tell(f"#{pull}: CML would update another comment: the REST API does it")
            return False
        try:
            cml.comment(self.github, pull=pull, model=model, commit=commit, body=body)
        except CmlFailed as error:
            self.tell(f"{error.problem} The comment goes out through the REST API.")
            return False
        return True

    def _put(self, pull: int, model: str, whole: str, there: list[Written]) -> str:
        """Update the newest comment of ours, or write the first one."""
        own = cml.ours(there, model=model, author=self.author)
        if own and own[-1].body == whole:
            return own[-1].url
        if own:
            try:
                return self._update(own[-1], whole)
            except GitHubIsNotThere:
                self.tell(f"#{pull}: the comment about {model} was deleted: it is written anew")
        made = self._create(pull, whole)
        # An answer that got lost is asked for again, and then there are two.
        known = {one.id for one in there} | {made.id}
        for one in self._own(pull, model):
            if one.id not in known:
                self._delete(one)
        return made.url

    def _own(self, pull: int, model: str) -> list[Written]:
        return cml.ours(self._read(pull), model=model, author=self.author)

    def _read(self, pull: int) -> list[Written]:
        """Return all comments of a pull request, oldest first."""
        found: list[Written] = []
        with github_api.told(f"read the comments of #{pull}"):
            for page in range(1, _MOST_PAGES + 1):
                _, data = self.repository.requester.requestJsonAndCheck(
                    "GET",
                    f"{self.repository.url}/issues/{pull}/comments",
                    parameters={"per_page": _PAGE, "page": page},
                )
                found += [_written(one) for one in data]
                if len(data) < _PAGE:
                    break
        return found

    def _create(self, pull: int, whole: str) -> Written:
        with github_api.told(f"comment on #{pull}"):
            _, data = self.repository.requester.requestJsonAndCheck(
                "POST", f"{self.repository.url}/issues/{pull}/comments", input={"body": whole}
            )
        return _written(data)

    def _update(self, one: Written, whole: str) -> str:
        with github_api.told("update our comment"):
            _, data = self.repository.requester.requestJsonAndCheck(
                "PATCH", f"{self.repository.url}/issues/comments/{one.id}", input={"body": whole}
            )
        return _written(data).url

    def _delete(self, one: Written) -> None:
        with github_api.told("delete our second comment"):
            self.repository.requester.requestJsonAndCheck(
                "DELETE", f"{self.repository.url}/issues/comments/{one.id}"
            )


def _written(data: dict[str, Any]) -> Written:
    author = data.get("user") or {}  # none: the account was deleted
    return Written(
        id=data["id"],
        author=str(author.get("login", "")),
        body=data.get("body") or "",
        url=data["html_url"],
    )
