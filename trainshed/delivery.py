"""Deliver replies: commit statuses, comments, the ledger; each whatever came of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainshed import comment, commit_status, experiment_record, times
from trainshed.comment import Comments
from trainshed.errors import TrainshedError
from trainshed.origin import Origin
from trainshed.pull_requests import WorkflowRun
from trainshed.reply import Reply
from trainshed.settings import GitHub

if TYPE_CHECKING:
    from github.Repository import Repository


@dataclass
class Delivery:
    """What is delivered to the pull requests of one workflow run, and what came of it."""

    github: GitHub
    repository: Repository
    run: WorkflowRun
    pulls: Sequence[int]
    tell: Callable[[str], None]
    written: list[str] = field(default_factory=list)
    """Addresses of the comments."""
    failures: list[TrainshedError] = field(default_factory=list)
    _author: str = comment.ACTIONS

    def send(self, reply: Reply) -> None:
        """Set the status, then write the comments.

        The answer to the status says as whom we write, by which our comments are found again.
        """
        try:
            self._author = commit_status.put(
                self.repository, self.run.head, reply.status, url=self.run.url
            )
        except TrainshedError as error:
            self.failures.append(error)
        if reply.body is None:
            return
        comments = Comments(self.github, self.repository, self._author, self.tell)
        for pull in self.pulls:
            try:
                self.written.append(
                    comments.put(
                        pull=pull, model=reply.model, commit=self.run.head, body=reply.body
                    )
                )
            except TrainshedError as error:
                self.failures.append(error)

    def record(self, origin: Origin, replies: Sequence[Reply]) -> None:
        """Keep what was compared in the ledger, once comments and statuses are out."""
        records = [
            experiment_record.of_result(one.result, pull_requests=self.pulls, when=times.now())
            for one in replies
            if one.result is not None and one.result.comparison is not None
        ]
        try:
            if records:
                experiment_record.write(origin, records)
        except TrainshedError as error:
            self.failures.append(error)

    def require_success(self) -> None:
        """Raise the first failure; the others are told."""
        for error in self.failures[1:]:
            self.tell(error.problem)
        if self.failures:
            raise self.failures[0]
