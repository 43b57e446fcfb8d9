"""What the statistician is asked (`trainshed.statistician`): facts that cross to its process.

Paths are absolute. `source` is how messages name a file: as its owner does, not where it lies here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainshed.rule import Rule


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """A run's answers."""

    run_id: str
    predictions: str
    source: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    """As its trainer reported them. One that its predictions do not give is the trainer's own, and
    gets no interval."""


@dataclass(frozen=True, kw_only=True)
class Comparing:
    """What do the predictions of two runs say? Answered by an `Evidence`."""

    baseline: Predicted
    candidate: Predicted
    metrics: tuple[str, ...]
    """Those of the candidate's trainer."""
    rules: Mapping[str, Rule]
    """Those that gate. They share one error rate, and the first known one judges the slices."""
    scored: str | None = None
    """Path: what the baseline's artifact answered for the candidate's data, where it was asked."""
    trained_on: str | None = None
    """Path: ids of the rows that the baseline was trained on. None: it does not say."""
    why: str = ""
    """Why the baseline was not asked, for a reader, where rows differ."""
    positive: str | None = None
    private: tuple[str, ...] = ()
    bins: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    resamples: int = 10_000


@dataclass(frozen=True, kw_only=True)
class Differing:
    """What do two tables differ in? Answered by a `DataDifference`."""

    before: str
    after: str
    target: str | None = None
    key: tuple[str, ...] = ()
    private: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Profiling:
    """What does a table look like? Answered by a file, as `trainshed.drift.profile_file` has it."""

    data: str
    out: str
    source: str
    key: tuple[str, ...] = ()
    private: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Leaking:
    """Was a run trained on rows of its own evaluation? Answered by a `Leakage`."""

    predictions: str
    training_rows: str
    source: str
    data: str | None = None
    """Path of the table. With a `key` of one column, whose values are the row ids, rows of equal
    content count as well."""
    key: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Repeating:
    """How much does the seed alone move metrics? Answered by a `Noise` for each."""

    values: Mapping[str, tuple[float, ...]]
    """By metric: one value for each seed."""


Question = Comparing | Differing | Profiling | Leaking | Repeating
