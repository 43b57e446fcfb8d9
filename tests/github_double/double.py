"""The double itself: what it does with a request, from the token to the check of its answer."""

import hashlib
import json
import re
import secrets
import threading
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from github_double import access, checks, endpoints, openapi
from github_double.faults import Faults
from github_double.openapi import Operation
from github_double.routes import ROUTES, Answer, Refusal, Request, not_found
from github_double.state import State
from github_double.things import Token

PREFIXES = ("/api/v3", "/api/uploads")
"""Where Enterprise has its API, and where it takes the files of releases."""
_DOCUMENTATION = "https://docs.github.com/rest"
_KINDS = {"token", "bearer"}


class GitHubSchemaViolated(AssertionError):
    """A request or an answer was not what GitHub's OpenAPI says it is."""


@dataclass(frozen=True, kw_only=True)
class Logged:
    """One request as it came, and the status that it got."""

    method: str
    path: str
    """With the query, without the API's prefix."""
    body: Any
    authorization: str | None
    status: int | None
    """None: the connection was dropped."""
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A request as it came, apart from the API's prefix."""

    method: str
    path: str
    """Still percent-encoded."""
    query: dict[str, str]
    headers: Mapping[str, str]
    raw: bytes
    base: str


class Double:
    """Serves the API. `url` is its address; tests may change `state` while no request runs."""

    def __init__(self) -> None:
        self.state = State()
        self.faults = Faults()
        self.requests: list[Logged] = []
        self.violations: list[str] = []
        self.url = ""
        self.storage_url = ""
        """Where signed addresses lead: another server, which wants no token."""
        self.lock = threading.RLock()
        self._signed: dict[str, tuple[str, bytes]] = {}
        endpoints.load()

    @property
    def enterprise_url(self) -> str:
        """The same API where GitHub Enterprise has it."""
        return f"{self.url}/api/v3"

    def asked(self, method: str, path: str = ".*") -> list[Logged]:
        """Return the requests of a method whose path matches a pattern as a whole."""
        return [one for one in self.requests
                if one.method == method and re.fullmatch(path, one.path)]  # fmt: skip

    def answer(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Answer:
        """Answer one request; whatever goes wrong is an answer too."""
        prefix = next((one for one in PREFIXES if target.startswith(f"{one}/")), "")
        path, _, query = target[len(prefix) :].partition("?")
        asked = _Asked(
            method=method, path=path, headers=headers, raw=raw,
            query=dict(urllib.parse.parse_qsl(query, keep_blank_values=True)),
            base=self.url + ("/api/v3" if prefix else ""),
        )  # fmt: skip
        with self.lock:
            answer, operation = self._decide(asked)
            body = json.loads(json.dumps(answer.body))  # what a client will see
            if operation is not None and answer.content is None:
                problems = checks.of_answer(operation, answer.status, body)
                self._note(f"{method} {path}", problems)
        return answer

    def sign(self, name: str, content: bytes) -> str:
        """Return an address that brings content without a token, once for each redirection."""
        key = secrets.token_hex(8)
        self._signed[key] = (name, content)
        quoted = urllib.parse.quote(name)
        return f"{self.storage_url}/{key}/{quoted}?sig={secrets.token_hex(16)}&se=2099-01-01"

    def stored(self, target: str, headers: Mapping[str, str]) -> Answer:
        """Answer for the storage, which refuses who brings GitHub's token along."""
        if headers.get("Authorization"):
            return Answer(
                status=401,
                content=b"<Error><Code>InvalidAuthenticationInfo</Code></Error>",
                headers={"Content-Type": "application/xml"},
            )
        found = self._signed.get(target.lstrip("/").partition("/")[0])
        if found is None:
            return Answer(status=404, content=b"<Error><Code>BlobNotFound</Code></Error>")
        name, content = found
        return Answer(
            content=content,
            headers={
                "Content-Type": "application/zip",
                "Content-Disposition": f'attachment; filename="{name}"',
            },
        )

    def _decide(self, asked: _Asked) -> tuple[Answer, Operation | None]:
        found = openapi.load().find(asked.method, asked.path)
        try:
            if found is None:
                self._note(f"{asked.method} {asked.path}", ["GitHub's OpenAPI has no such path"])
                raise not_found()
            return self._run(self._read(asked, *found)), found[0]
        except Refusal as refusal:
            documentation = found[0].documentation if found else ""
            return _refused(refusal, documentation or _DOCUMENTATION), found[0] if found else None

    def _read(self, asked: _Asked, operation: Operation, values: dict[str, str]) -> Request:
        path = {name: urllib.parse.unquote(value) for name, value in values.items()}
        is_json = "application/json" in (operation.body or {"application/json": None})
        body = _parsed(asked.raw) if is_json else asked.raw
        problems = [
            *checks.of_query(operation, asked.query),
            *checks.of_body(operation, body if is_json else None),
        ]
        if self._note(operation.name, problems):
            raise Refusal(422, "Invalid request.\n\n" + "\n".join(problems))
        repository = None
        if {"owner", "repo"} <= path.keys():
            repository = self.state.find(f"{path['owner']}/{path['repo']}")
        return Request(
            double=self, operation=operation, path=path, query=asked.query, body=body,
            headers=asked.headers, base=asked.base, known_repository=repository,
            token=self._token(asked.headers.get("Authorization")),
        )  # fmt: skip

    def _token(self, authorization: str | None) -> Token | None:
        """Return the token of `token X` and `Bearer X`, both of which GitHub takes."""
        if not authorization:
            return None
        kind, _, value = authorization.partition(" ")
        token = self.state.tokens.get(value.strip()) if kind.lower() in _KINDS else None
        if token is None or token.is_revoked:
            raise Refusal(401, "Bad credentials")
        return token

    def _run(self, request: Request) -> Answer:
        route = ROUTES.get(request.operation.name)
        if route is None:
            reason = "the double does not serve this (see tests/github_double/endpoints)"
            self._note(request.operation.name, [reason])
            raise Refusal(501, reason)
        if "repo" in request.path and request.known_repository is None:
            raise not_found()
        access.check(request, route.needs)
        if request.known_repository is not None:
            request.known_repository.settle()
        return route.endpoint(request)

    def _note(self, where: str, problems: Iterable[str]) -> bool:
        """Note what violates the schema; tell whether anything does."""
        found = [f"{where}: {problem}" for problem in problems]
        self.violations += found
        return bool(found)


def etag(answer: Answer) -> str:
    return f'W/"{hashlib.sha256(json.dumps(answer.body).encode()).hexdigest()}"'


def _refused(refusal: Refusal, documentation: str) -> Answer:
    body: dict[str, Any] = {"message": refusal.message}
    if refusal.errors:
        body["errors"] = refusal.errors
    body |= {"documentation_url": documentation, "status": str(refusal.status)}
    return Answer(status=refusal.status, body=body, headers=refusal.headers)


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise Refusal(400, "Problems parsing JSON") from None
