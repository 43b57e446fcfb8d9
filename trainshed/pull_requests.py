"""The pull requests that a workflow run speaks for. All of it is GitHub's word, by the run's id.

What the run itself uploaded is never asked: it would name whichever pull request it liked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainshed import github_api
from trainshed.errors import ConflictError

if TYPE_CHECKING:
    from github.PullRequest import PullRequest
    from github.Repository import Repository

EVENT = "pull_request"


class RunHasNotEnded(ConflictError):
    """The workflow run that is asked about is still at work."""


@dataclass(frozen=True, kw_only=True)
class WorkflowRun:
    """A workflow run that has ended, as GitHub knows it."""

    id: int
    event: str
    conclusion: str
    """`success`, `failure`, `cancelled`, `timed_out`, `action_required`, `skipped`, …"""
    head: str
    """Head commit of the pull request that it ran for (not the merge result)."""
    branch: str
    repository: str | None
    """owner/name of the repository that the branch is in; None when that was deleted."""
    is_fork: bool
    url: str


def run(repository: Repository, run_id: int) -> WorkflowRun:
    """Read the facts of a workflow run.

    Raises:
        RunHasNotEnded: there is nothing to tell of it yet.
    """
    with github_api.told(f"read workflow run {run_id}"):
        found = repository.get_workflow_run(run_id)
        if found.conclusion is None:
            raise RunHasNotEnded(
                f"Workflow run {run_id} has not ended yet.",
                fix="Run the same command again when it has.",
            )
        # A run whose fork was deleted has no head repository: GitHub says null.
        source = found.head_repository.full_name if found.head_repository else None
        return WorkflowRun(
            id=found.id,
            event=found.event,
            conclusion=found.conclusion,
            head=found.head_sha,
            branch=found.head_branch or "",
            repository=source,
            is_fork=source is None or source.lower() != repository.full_name.lower(),
            url=found.html_url,
        )


def of_run(repository: Repository, run: WorkflowRun) -> list[int]:
    """Return the numbers of the open pull requests whose head is exactly what was run.

    A branch may have several (to several bases); after another push, or when it was closed, none.
    """
    if run.repository is None:
        return []
    owner = run.repository.partition("/")[0]
    with github_api.told(f"list the pull requests of {owner}:{run.branch}"):
        found = list(repository.get_pulls(state="open", head=f"{owner}:{run.branch}"))
    return sorted(one.number for one in found if _is_of(one, run))


def _is_of(pull: PullRequest, run: WorkflowRun) -> bool:
    """GitHub filters by the owner alone, who may have two forks with a branch of this name."""
    head = pull.head
    repository = head.repo.full_name if head.repo else None
    return head.sha == run.head and head.ref == run.branch and repository == run.repository
