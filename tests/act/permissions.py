"""What the token of each job of a workflow may do, as GitHub works it out."""

from collections.abc import Mapping
from typing import Any

from act.events import Event, Workflow

SCOPES = (
    "actions", "attestations", "checks", "contents", "deployments", "discussions", "id-token",
    "issues", "packages", "pages", "pull-requests", "repository-projects", "security-events",
    "statuses",
)  # fmt: skip
_ORDER = ("none", "read", "write")
_DEFAULT = {"contents": "read", "packages": "read"}
"""Of a repository that leaves the setting as GitHub has it."""

Permissions = Mapping[str, str]


def of_job(workflow: Workflow, job: str, event: Event) -> Permissions:
    """Return what a job that a workflow runs itself may do: `read` or `write` by scope."""
    said = workflow["jobs"][job].get("permissions", workflow.get("permissions"))
    granted = _DEFAULT if said is None else _read(said)
    if event.is_from_fork:
        granted = {scope: "read" for scope in granted if scope != "id-token"}
    return granted


def of_called(called: Workflow, job: str, caller: Permissions) -> Permissions:
    """Return what a job of a workflow that another calls may do: never more than the caller.

    GitHub refuses to run one that asks for more.
    """
    said = called["jobs"][job].get("permissions", called.get("permissions"))
    asked = caller if said is None else _read(said)
    for scope, level in asked.items():
        given = caller.get(scope, "none")
        assert _ORDER.index(level) <= _ORDER.index(given), (
            f"job {job} asks for {scope}: {level}, its caller has {given}: an invalid workflow"
        )
    return asked


def _read(said: Any) -> Permissions:
    if said in ("read-all", "write-all"):
        return dict.fromkeys(SCOPES, str(said).removesuffix("-all"))
    unknown = set(said) - set(SCOPES)
    assert not unknown, f"no such permissions: {unknown}"
    return {scope: level for scope, level in said.items() if level != "none"}
