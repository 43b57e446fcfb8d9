"""What two runs' predictions say of them: facts, as the comparison's JSON keeps them.

`trainshed.statistics` finds them; whoever judges, checks or renders them needs no numpy for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

How = Literal["paired", "scored", "unpaired"]
"""`paired`: on the rows that both runs answered themselves; `scored`: the baseline's artifact also
answered rows that only the candidate had; `unpaired`: each run on its own rows."""

Determinism = Literal["bit-identical", "prediction-identical", "metric-identical", "different"]
"""Of two trainings of one run. `bit-identical`: every file that the trainer handed over is the
same; `prediction-identical`: every row has the same answer and scores; `metric-identical`: every
metric has the same value."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How much a metric moves when nothing but the seed does."""

    limit: float
    """Two trainings differ by less in 95 % of cases (ISO 5725's repeatability limit)."""
    seeds: int
    spread: float
    """Standard deviation over the seeds."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows that two runs are compared on, and those that they are not."""

    how: How
    compared: int
    """Of the candidate; of the baseline as many, unless unpaired."""
    baseline: int
    candidate: int
    """Rows that each run wrote."""
    only_baseline: int = 0
    only_candidate: int = 0
    """Rows that the other run has no answer for."""
    relabelled: int = 0
    """Rows whose truth is another one in the candidate's data: left out."""
    trained_on: int = 0
    """Evaluation rows of the candidate that the baseline was trained on: left out."""
    why: str = ""
    """Why the baseline did not answer the candidate's rows, where they differ."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One metric of two runs on the rows that were compared."""

    baseline: float | None = None
    candidate: float | None = None
    difference: float | None = None
    """Candidate minus baseline."""
    interval: tuple[float, float] | None = None
    """Of the difference."""
    level: float | None = None
    """The interval's: 0.95, or more where several metrics share one error rate."""
    p_value: float | None = None
    """Of no difference at all, two-sided, uncorrected."""
    why_not: str | None = None
    """Why there is no interval."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    column: str
    value: str
    """The column's value, or a range such as `10 to 20` (its end belongs to the next)."""
    rows: int
    baseline: float | None = None
    candidate: float | None = None
    difference: float | None = None
    """Candidate minus baseline."""
    interval: tuple[float, float] | None = None
    """95 %, of this slice alone."""
    p_value: float | None = None
    """Corrected for the number of slices."""
    finding: Literal["better", "worse", "undecided", "not-judged"]
    why_not: str | None = None


@dataclass(frozen=True, kw_only=True)
class Slices:
    metric: str
    found: tuple[Slice, ...]
    """Worst first; those that were not judged come last, the largest first."""
    left_out: int
    """Slices beyond those."""


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A row that the baseline answered rightly and the candidate does not."""

    row_id: str
    truth: str
    answer: str
    confidence: float | None
    """How sure the candidate is of its answer: a probability where scores are; None without."""
    columns: Mapping[str, str]
    """The further columns; those marked private are masked."""


@dataclass(frozen=True, kw_only=True)
class Flips:
    right_to_wrong: int
    wrong_to_right: int
    both_right: int
    both_wrong: int
    p_value: float
    """McNemar's test: that both kinds of flip are equally likely."""
    is_exact: bool
    surest: tuple[Flip, ...]
    """The candidate's most confident mistakes among right → wrong."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often each class (a row) was answered as each class (a column)."""

    classes: tuple[str, ...]
    baseline: tuple[tuple[int, ...], ...]
    candidate: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A curve of both runs, at places that lie evenly from 0 to 1."""

    kind: Literal["roc", "precision-recall", "calibration"]
    baseline: tuple[float | None, ...]
    candidate: tuple[float | None, ...]
    """None where there is no row to say."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    rows: Rows
    metrics: Mapping[str, Measured]
    slices: Slices | None = None
    """None where rows are not paired, or there is no metric with an interval."""
    flips: Flips | None = None
    """None where rows are not paired, or answers are no classes."""
    confusion: Confusion | None = None
    curves: tuple[Curve, ...] = ()
