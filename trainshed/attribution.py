"""How much of a difference the new data made, and how much the new code: facts, and when to ask.

A cross run, the baseline's code on the candidate's data, stands between the two:
candidate − baseline = (cross − baseline: the data) + (candidate − cross: the code).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from trainshed.evidence import Evidence
from trainshed.run import Ingredients, Run

CODE, DATA = "code", "data"
_CODE = (CODE, "command", "lock", "python", "params")
"""What a person changes beside the data."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one part of a change did to one metric."""

    difference: float | None
    interval: tuple[float, float] | None = None
    """95 %, where both runs answered the same rows."""


class HasRun(Protocol):
    """An outcome of `trainshed.training`, which is not imported for its name alone."""

    @property
    def run(self) -> Run: ...


T = TypeVar("T", bound=HasRun)


@dataclass(frozen=True, kw_only=True)
class Attribution:
    run_id: str
    """Of the cross run."""
    data: Mapping[str, Share]
    """By metric."""
    code: Mapping[str, Share]


def changed(before: Ingredients, after: Ingredients) -> tuple[str, ...]:
    """Return which ingredients of two runs differ, in the order in which people change them."""
    pairs = {
        CODE: (before.code, after.code),
        DATA: (before.dataset, after.dataset),
        "command": (before.command, after.command),
        "params": (before.params, after.params),
        "lock": (before.lock, after.lock),
        "python": (before.python, after.python),
    }
    return tuple(name for name, (old, new) in pairs.items() if old != new)


def is_of_both(changed: tuple[str, ...]) -> bool:
    """Tell whether data and something else changed, so that a cross run would part them."""
    return DATA in changed and any(one in changed for one in _CODE)


def of(
    baseline: T, cross: T, candidate: T, evidence_of: Callable[[T, T], Evidence | None]
) -> Attribution:
    """Part the difference of two runs by the cross run between them, for each candidate's metric.

    Args:
        evidence_of: what the predictions of two runs say, the earlier one first; None: nothing.
    """
    return Attribution(
        run_id=cross.run.run_id,
        data=_shares(baseline, cross, evidence_of(baseline, cross), candidate),
        code=_shares(cross, candidate, evidence_of(cross, candidate), candidate),
    )


def _shares(before: T, after: T, evidence: Evidence | None, candidate: T) -> Mapping[str, Share]:
    return {name: _share(name, before.run, after.run, evidence) for name in candidate.run.metrics}


def _share(name: str, before: Run, after: Run, evidence: Evidence | None) -> Share:
    """Return one share. On fewer rows an interval would be one of another difference than this."""
    if name not in before.metrics or name not in after.metrics:
        return Share(difference=None)
    measured = evidence.metrics.get(name) if evidence and _is_of_all_rows(evidence) else None
    return Share(
        difference=after.metrics[name] - before.metrics[name],
        interval=measured.interval if measured else None,
    )


def _is_of_all_rows(evidence: Evidence) -> bool:
    rows = evidence.rows
    return rows.how == "paired" and rows.compared == rows.baseline == rows.candidate
