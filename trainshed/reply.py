"""What a pull request is told about each model: a commit status, and the text of a comment.

Pure, but for `gather`, which reads what the workflow run uploaded. Whatever could not be read, or
was not believed, is told as such: a model without a result never looks like one that passed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainshed import artifact, cml, commit_status, github_api, report, result
from trainshed.artifact import Artifact, ArtifactCannotBeDownloaded
from trainshed.commit_status import Status
from trainshed.errors import TrainshedError
from trainshed.pull_requests import WorkflowRun
from trainshed.result import Result, ResultIsNotToBeTrusted

if TYPE_CHECKING:
    from github.Repository import Repository

MOST_MODELS = 20
"""Results of one run that are told: those of the default branch's models first."""
LONGEST = 60_000
"""Characters of a comment. GitHub takes 65,536, counted in its own way."""
_LARGEST_SUMMARY = 900_000  # bytes; GitHub drops one of more than a mebibyte
_NEEDS_CREDENTIALS = "fetch-failed"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is told about one model."""

    model: str
    verdict: str
    """The comparison's, or `failed`, `not-believed`, `no-result`."""
    status: Status
    body: str | None
    """Markdown of the comment, without its marker; None when the status says it all."""
    result: Result | None = None


def gather(
    repository: Repository,
    run: WorkflowRun,
    *,
    models: Collection[str],
    fetching: Collection[str],
) -> list[Reply]:
    """Read the results of a run and decide what is told.

    Args:
        models: those of the default branch: each is told of, even when the run says nothing of it.
        fetching: those of them whose data is fetched.
    """
    found = chosen(artifact.find(repository, run.id), models=models)
    silent = sorted(set(models) - {one.model for one in found})
    replies = [
        _of_artifact(repository, one, run, is_fetched=one.model in fetching) for one in found
    ]
    return [*replies, *(of_silence(model, run=run) for model in silent)]


def chosen(artifacts: Collection[Artifact], *, models: Collection[str]) -> list[Artifact]:
    """Bound how many comments one run can cause; a pull request may well add a model."""
    known_first = sorted(artifacts, key=lambda one: (one.model not in models, one.model))
    return known_first[: max(MOST_MODELS, len(models))]


def line(reply: Reply) -> str:
    """Return what is told on one line, safe to print."""
    status = reply.status
    return github_api.printable(f"{status.context}: {status.state}: {status.description}")


def summary(replies: Sequence[Reply]) -> str:
    """Return all replies as the job's summary; of those that do not fit, the line alone."""
    room, texts = _LARGEST_SUMMARY, []
    for one in replies:
        text = f"{one.body or report.text(line(one))}\n\n"
        if len(text.encode()) > room:
            text = f"{report.text(line(one))}\n\n"
        room -= len(text.encode())
        texts.append(text)
    return "".join(texts)


def of_result(made: Result, *, run: WorkflowRun, is_fetched: bool = False) -> Reply:
    """Tell what the job found, or why it could not compare.

    Args:
        made: what it found.
        run: the workflow run that it is from.
        is_fetched: the default branch says that the model's data is fetched. Only then is a
            maintainer asked to run a fork's code with credentials: a fork must not be able to.
    """
    if made.comparison is None:
        return _of_failure(made, run=run, is_fetched=is_fetched)
    compared = made.comparison
    found = report.answer(compared).removeprefix(f"{made.model}: ")
    footer = _footer(run)
    return Reply(
        model=made.model,
        verdict=compared.verdict,
        status=Status(
            model=made.model,
            state=commit_status.STATES[compared.verdict],
            description=f"{compared.verdict}: {found}",
        ),
        body=report.markdown(
            compared,
            longest=_room(made.model, run) - report.length(footer),
            rest=f"All of it is in the summary of [the run]({run.url}), and in `{result.NAME}` of "
            f"its artifact `{artifact.PREFIX}{made.model}`.",
        )
        + footer,
        result=made,
    )


def of_refusal(model: str, error: TrainshedError, *, run: WorkflowRun) -> Reply:
    """Tell that what the job uploaded was not believed, or could not be had."""
    text = report.failure(model, error.problem, error.fix, heading="not believed")
    return Reply(
        model=model,
        verdict="not-believed",
        status=Status(model=model, state="error", description=f"not believed: {error.problem}"),
        body=f"{text}{_footer(run)}",
    )


def of_silence(model: str, *, run: WorkflowRun) -> Reply:
    """Tell that a run says nothing of a model."""
    waits = run.conclusion == "action_required"
    return Reply(
        model=model,
        verdict="no-result",
        status=Status(
            model=model,
            state="pending" if waits else "error",
            description=_SILENCES.get(
                run.conclusion, f"The run ended ({run.conclusion}) before it had a result."
            ),
        ),
        body=None,
    )


_SILENCES = {
    "action_required": "A maintainer must approve the workflow run of this pull request first.",
    "cancelled": "The run was cancelled before it had a result.",
    "success": "The run has no result for this model: is it gone from its trainshed.yml?",
    "timed_out": "The run took too long and was stopped before it had a result.",
}


def _of_artifact(
    repository: Repository, found: Artifact, run: WorkflowRun, *, is_fetched: bool
) -> Reply:
    try:
        content = artifact.read(repository, found)
        made = result.from_bytes(content, head=run.head, model=found.model)
    except (ResultIsNotToBeTrusted, ArtifactCannotBeDownloaded) as error:
        return of_refusal(found.model, error, run=run)
    return of_result(made, run=run, is_fetched=is_fetched)


def _of_failure(made: Result, *, run: WorkflowRun, is_fetched: bool) -> Reply:
    failure = made.failure
    if failure is None:
        raise ValueError("a result is compared or failed")
    body = report.failure(made.model, failure.problem, failure.fix)
    description = f"{failure.slug}: {failure.problem.strip().partition(chr(10))[0]}"
    if run.is_fork and is_fetched and failure.slug == _NEEDS_CREDENTIALS:
        body += _FOR_MAINTAINERS.format(commit=run.head, short=run.head[:12])
        description = (
            "A fork cannot fetch this data: a maintainer must run it (the comment says how)."
        )
    return Reply(
        model=made.model,
        verdict="failed",
        status=Status(model=made.model, state="error", description=description),
        body=f"{body}{_footer(run)}",
        result=made,
    )


_FOR_MAINTAINERS = """
**For a maintainer**: a fork's job gets no credentials, so it cannot fetch what only they open. Read
the change, for its code will meet them; then run it from a branch of this repository, and open a
pull request from that branch:

```sh
git fetch origin {commit}
git push origin {commit}:refs/heads/fork-{short}
```

The status belongs to the commit, so this pull request will show it too.
"""


def _footer(run: WorkflowRun) -> str:
    return f"\n<sub>Commit `{run.head[:12]}`, [workflow run]({run.url}).</sub>"


def _room(model: str, run: WorkflowRun) -> int:
    return LONGEST - report.length(cml.with_marker("", model, run.head))
