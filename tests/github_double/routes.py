"""How an endpoint is written: a function of a request, registered under GitHub's own path."""

import json
import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from github_double import openapi
from github_double.openapi import Operation
from github_double.state import Repository
from github_double.things import Token

if TYPE_CHECKING:
    from github_double.double import Double

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    body: Any = None
    """JSON; None where there is no body."""
    content: bytes | None = None
    """A body that is no JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """GitHub's answer to what it does not do."""

    def __init__(
        self, status: int, message: str, *, errors: Sequence[Any] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = list(errors)
        self.headers = headers or {}


@dataclass(frozen=True, kw_only=True)
class Request:
    double: "Double"
    operation: Operation
    path: dict[str, str]
    query: dict[str, str]
    body: Any
    """JSON, or the bytes of a body that is none."""
    headers: Mapping[str, str]
    base: str
    """The API's address as this client writes it, without a slash at the end."""
    token: Token | None
    known_repository: Repository | None

    @property
    def repository(self) -> Repository:
        assert self.known_repository is not None
        return self.known_repository

    @property
    def url(self) -> str:
        """The repository's address in the API."""
        return f"{self.base}/repos/{self.repository.full_name}"

    @property
    def html(self) -> str:
        """The repository's page, for people."""
        return f"https://github.com/{self.repository.full_name}"

    @property
    def login(self) -> str:
        return self.token.login if self.token else "ghost"

    def number(self, name: str) -> int:
        """Return a number of the path; whatever is none is not found."""
        if not self.path[name].isdecimal():
            raise not_found()
        return int(self.path[name])

    def example(self, operation: str | None = None, *, status: int = 200) -> dict[str, Any]:
        """Return GitHub's example of an answer, with our addresses and names; a list's first."""
        found = openapi.load().operations[operation or self.operation.name].examples[str(status)]
        text = json.dumps(found[0] if isinstance(found, list) else found)
        text = text.replace("https://api.github.com", self.base)
        if self.known_repository is not None:
            text = re.sub(
                r"octocat/(Hello-World|hello-world|example)", self.known_repository.full_name, text
            )
        shown: dict[str, Any] = json.loads(text)
        return shown

    def pages(
        self,
        items: Iterable[Item],
        render: Callable[["Request", Item], Any],
        *,
        within: str | None = None,
    ) -> Answer:
        """Answer with one page, and where the others are; `within`: key beside `total_count`."""
        found = list(items)
        size = min(max(int(self.query.get("per_page") or 30), 1), 100)
        page = max(int(self.query.get("page") or 1), 1)
        shown = [render(self, one) for one in found[(page - 1) * size : page * size]]
        last = max(-(-len(found) // size), 1)
        body = shown if within is None else {"total_count": len(found), within: shown}
        return Answer(body=body, headers=self._links(page, last))

    def _links(self, page: int, last: int) -> dict[str, str]:
        targets = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        shown = {
            rel: to
            for rel, to in targets.items()
            if 1 <= to <= last and (page > 1 if rel in {"prev", "first"} else page < last)
        }
        path = self.operation.template
        for name, value in self.path.items():
            path = path.replace(f"{{{name}}}", urllib.parse.quote(value, safe="@!:"))
        links = [
            f'<{self.base}{path}?{urllib.parse.urlencode({**self.query, "page": to})}>; rel="{rel}"'
            for rel, to in shown.items()
        ]
        return {"Link": ", ".join(links)} if links else {}


Endpoint = Callable[[Request], Answer]


@dataclass(frozen=True, kw_only=True)
class Route:
    endpoint: Endpoint
    needs: str
    """As GitHub's header X-Accepted-GitHub-Permissions: `issues=write; pull_requests=write`."""


ROUTES: dict[str, Route] = {}
"""By name of the operation, such as `GET /repos/{owner}/{repo}`."""


def route(operation: str, *, needs: str = "metadata=read") -> Callable[[Endpoint], Endpoint]:
    """Register an endpoint. `needs`: ways in by semicolon, each of permissions by comma.

    Where reading is all that is needed, anyone may who sees the repository, unless it says so:
    `administration=read` is for those who have it.
    """

    def register(endpoint: Endpoint) -> Endpoint:
        assert operation not in ROUTES, f"{operation} is served twice"
        ROUTES[operation] = Route(endpoint=endpoint, needs=needs)
        return endpoint

    return register


def not_found() -> Refusal:
    return Refusal(404, "Not Found")


def invalid(resource: str, field_: str, code: str, message: str | None = None) -> Refusal:
    """Return GitHub's answer to a value that it does not take."""
    error = {"resource": resource, "code": code, "field": field_}
    return Refusal(
        422,
        "Validation Failed",
        errors=[error if message is None else error | {"message": message}],
    )
