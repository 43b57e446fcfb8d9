"""Which workflows an event starts, as GitHub reads their `on:`. act starts what it is given."""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Workflow = Mapping[str, Any]

_BY_DEFAULT = {"pull_request": ["opened", "synchronize", "reopened"]}
"""Types of an event that count where `types:` is not written; of all others every type does."""

_STARTED_BY_TOKEN = {"workflow_dispatch", "repository_dispatch"}
_MATCHED = re.compile(r"\\.|\*\*|[*?+.]|\[[^\]]*\]|[^*?+.\[\\]+|.", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a repository, and what GitHub makes of it for a workflow."""

    name: str
    payload: Mapping[str, Any]
    sha: str
    """The commit whose workflow files count, GITHUB_SHA: of most events the default branch's."""
    ref: str
    """GITHUB_REF."""
    paths: tuple[str, ...] = ()
    """Files that a push or a pull request changed."""
    actor: str = "octocat"
    by_token: bool = field(default=False)
    """Whether a workflow's own GITHUB_TOKEN made it."""

    @property
    def is_from_fork(self) -> bool:
        pull = self.payload.get("pull_request")
        if self.name != "pull_request" or not pull:
            return False
        return bool(pull["head"]["repo"]["full_name"] != pull["base"]["repo"]["full_name"])

    @property
    def inputs(self) -> Mapping[str, str]:
        """What a person who dispatched the workflow filled in."""
        return self.payload.get("inputs") or {}


def starts(workflow: Workflow, event: Event) -> bool:
    """Whether GitHub starts a workflow when an event happens.

    A dispatch names its file, and a `workflow_run` the workflow that ended, in their payloads.
    """
    if event.by_token and event.name not in _STARTED_BY_TOKEN:
        return False
    said = triggers(workflow)
    if event.name not in said:
        return False
    if event.name == "schedule":
        return event.payload["schedule"] in [one["cron"] for one in said["schedule"]]
    filters = said[event.name] or {}
    return _has_type(filters, event) and _FILTERS.get(event.name, _no_more)(filters, event)


def triggers(workflow: Workflow) -> Mapping[str, Any]:
    """Return what `on:` says, by event. A YAML 1.1 reader takes the key for the truth value."""
    said = workflow.get("on", workflow.get(True))  # type: ignore[call-overload]
    if isinstance(said, str):
        return {said: None}
    if isinstance(said, list):
        return dict.fromkeys(said)
    return dict(said or {})


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether a list of GitHub's patterns lets a branch, tag or path in; the last match counts."""
    chosen = False
    for pattern in patterns:
        is_taken_away = pattern.startswith("!")
        if _regex(pattern.removeprefix("!")).fullmatch(name):
            chosen = not is_taken_away
    return chosen


def _has_type(filters: Mapping[str, Any], event: Event) -> bool:
    action = event.payload.get("action")
    types = filters.get("types") or _BY_DEFAULT.get(event.name)
    return types is None or action in ([types] if isinstance(types, str) else types)


def _push(filters: Mapping[str, Any], event: Event) -> bool:
    if event.payload.get("deleted"):
        return False
    kind = "tags" if event.ref.startswith("refs/tags/") else "branches"
    name = event.ref.split("/", 2)[2]
    named = {one for one in ("branches", "tags") if one in filters or f"{one}-ignore" in filters}
    if named and kind not in named:
        return False  # a filter of branches alone leaves tags out, and the other way round
    return _lets_in(filters, kind, [name]) and (
        kind == "tags" or _lets_in(filters, "paths", event.paths)
    )


def _pull_request(filters: Mapping[str, Any], event: Event) -> bool:
    base = event.payload["pull_request"]["base"]["ref"]
    return _lets_in(filters, "branches", [base]) and _lets_in(filters, "paths", event.paths)


def _workflow_run(filters: Mapping[str, Any], event: Event) -> bool:
    ended = event.payload["workflow_run"]
    named = filters.get("workflows") or []
    if ended["name"] not in ([named] if isinstance(named, str) else named):
        return False
    return _lets_in(filters, "branches", [ended["head_branch"]])


def _no_more(filters: Mapping[str, Any], event: Event) -> bool:
    return True


_FILTERS = {"push": _push, "pull_request": _pull_request, "workflow_run": _workflow_run}


def _lets_in(filters: Mapping[str, Any], kind: str, names: Iterable[str]) -> bool:
    if kind in filters:
        return any(matches(filters[kind], one) for one in names)
    if f"{kind}-ignore" in filters:
        return not all(matches(filters[f"{kind}-ignore"], one) for one in names)
    return True


@functools.cache
def _regex(pattern: str) -> re.Pattern[str]:
    """Translate: `*` stops at a slash, `**` does not, `?` and `+` count what stands before them."""
    special = {"*": "[^/]*", "**": ".*", "?": "?", "+": "+", ".": r"\."}
    parts = []
    for part in _MATCHED.findall(pattern):
        if part in special or part.startswith(("[", "\\")):
            parts.append(special.get(part, part))
        else:
            parts.extend(re.escape(sign) for sign in part)
    return re.compile("".join(parts))
