"""What the job of a pull request uploads: its comparison, or why there is none.

That job runs the pull request's own code, so whoever wrote the code may have written this too. It
is data: bounded, checked, and bound to the commit that GitHub names. Its numbers are the pull
request's own word for it; findings and verdict must follow from them (`trainshed.result_check`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from trainshed import run as runs
from trainshed.comparison import Comparison
from trainshed.errors import OutsideError, TrainshedError
from trainshed.run import Dataset, Run

FORMAT = 1
NAME = "result.json"
"""The one file of the artifact `trainshed-<model>`."""
LARGEST = 8 << 20
"""Bytes: 10,000 metrics, as many as a trainer may report, against two baselines."""
_LONGEST_TEXT = 4_000  # characters


class ResultIsNotToBeTrusted(OutsideError):
    """What a pull request's job uploaded is not a result that an honest job could have made."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why there is no comparison: an error of ours, as `trainshed.errors` tells it."""

    slug: str
    problem: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """`trainshed.run.summary`, as it is read again."""

    run_id: str
    model: str
    commit: str
    dataset: Dataset
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    seed: str | None
    artifact: str
    predictions: str | None
    created: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Result:
    kind: Literal["compared", "failed"]
    model: str
    head: str
    """Head commit of the pull request (the candidate is its merge result: another commit)."""
    base: str | None
    """The commit that it changes; None when there is none."""
    comparison: Comparison | None = None
    run: RunSummary | None = None
    """The candidate's run."""
    failure: Failure | None = None
    format: int = FORMAT

    @property
    def predictions(self) -> str | None:
        """Digest of the candidate's predictions; None when it made none."""
        return self.run.predictions if self.run else None

    def to_json(self) -> str:
        """Return compact JSON: whitespace would halve the metrics that fit."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=False) + "\n"


def of_comparison(
    comparison: Comparison, *, run: Run, head: str | None = None, base: str | None
) -> Result:
    """Return the result of a candidate's run that was compared; `head` defaults to its commit."""
    return Result(
        kind="compared",
        model=comparison.model,
        head=head or comparison.candidate.commit,
        base=base,
        comparison=comparison,
        run=_summary(runs.summary(run)),
    )


def of_failure(error: TrainshedError, *, model: str, head: str, base: str | None) -> Result:
    """Return the result of a candidate that could not be compared, and why."""
    return Result(
        kind="failed",
        model=model,
        head=head,
        base=base,
        failure=Failure(slug=error.slug, problem=_cut(error.problem), fix=_cut(error.fix)),
    )


def write(result: Result, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(result.to_json(), encoding="utf-8")


def from_bytes(content: bytes, *, head: str, model: str) -> Result:
    """Read what a stranger's job uploaded.

    Args:
        head: the head commit that GitHub names.
        model: the model that the artifact's name gives.

    Raises:
        ResultIsNotToBeTrusted: it is too large, not of this form, of another commit or model, or
            contradicts itself.
    """
    from trainshed import decode, result_check, strict_json  # noqa: PLC0415  # imports pydantic

    try:
        strict_json.check(content, largest=LARGEST, longest_text=_LONGEST_TEXT)
        result = decode.from_json(Result, content)
        result_check.check(result, head=head, model=model)
    except ValueError as error:
        raise ResultIsNotToBeTrusted(
            f"The result for {model} that the pull request's job uploaded was not believed: "
            f"it {_told(error)}.",
            fix="Run the job again. If it stays: the workflow on the pull request's branch may be "
            "another one than on the default branch, or made by another version of Trainshed.",
        ) from None
    return result


def _told(error: ValueError) -> str:
    """Say what is wrong. A decoder's message may quote a stranger's key, so only ours are told."""
    text = str(error)
    return text if text.startswith(("is ", "has ", "gives ", "names ")) else "is not of this form"


def _summary(summary: Mapping[str, Any]) -> RunSummary:
    return RunSummary(**{**summary, "dataset": Dataset(**summary["dataset"])})


def _cut(text: str) -> str:
    """Shorten a text in its middle: it begins with what is wrong and ends with the last lines."""
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2 - 10
    return f"{text[:half]}\n… cut …\n{text[-half:]}"
