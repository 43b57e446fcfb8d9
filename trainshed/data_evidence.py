"""What two tables differ in, and what one repeats: facts, as the comparison's JSON keeps them.

`trainshed.drift` finds them; whoever checks or renders them needs no numpy for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["numeric", "boolean", "categorical", "text", "empty"]
Test = Literal["kolmogorov-smirnov", "chi-square", "fisher"]
Finding = Literal["drift", "small", "none", "too-few"]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Two tables, row by row. The order of rows and of columns does not count."""

    added: int
    removed: int
    common: int
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    """Where columns differ, rows were compared by the columns that both have."""

    @property
    def before(self) -> int:
        return self.common + self.removed

    @property
    def after(self) -> int:
        return self.common + self.added


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A bin or category, with the share of rows in it."""

    name: str
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class ColumnDifference:
    name: str
    kinds: tuple[Kind, Kind]
    nulls: tuple[float, float]
    """The share of rows with nothing in this column."""
    effect: float
    """The population stability index."""
    test: Test | None
    statistic: float | None
    p_value: float | None
    """Corrected for the number of columns; None when there are too few rows."""
    finding: Finding
    moved: tuple[Moved, ...]
    """What accounts for most of the effect; nothing where only hashes are kept."""


@dataclass(frozen=True, kw_only=True)
class Balance:
    """The shares of the target's values, the most frequent first."""

    shares: tuple[Moved, ...]
    left_out: int
    """Values beyond those."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    rows: tuple[int, int]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    """Columns that only one of the tables has."""
    retyped: Mapping[str, tuple[Kind, Kind]]
    """Columns whose kind changed; a column with nothing in it is of any kind."""
    columns: tuple[ColumnDifference, ...]
    """Of both tables; what has drifted first, then by effect."""
    balance: Balance | None
    """None without a target, or where its values are too many to count."""

    @property
    def drifted(self) -> tuple[ColumnDifference, ...]:
        return tuple(one for one in self.columns if one.finding == "drift")


@dataclass(frozen=True, kw_only=True)
class Changes:
    added: int
    removed: int
    changed: int
    """Rows of the same key of which another cell differs."""
    same: int
    ambiguous: int
    """Keys that one of the tables has twice: their rows are counted nowhere else."""


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    rows: int
    distinct: int

    @property
    def surplus(self) -> int:
        """How many rows could go without a content being lost."""
        return self.rows - self.distinct


@dataclass(frozen=True, kw_only=True)
class Leakage:
    rows: int
    """Rows of the evaluation that training has too."""
    evaluated: int
    examples: tuple[tuple[str, str], ...]
    """Rows of the evaluation, the first ones, each with an equal row of training: how a reader
    finds them, a row's number (from 1, without the header) or its id."""

    @property
    def share(self) -> float:
        return self.rows / self.evaluated if self.evaluated else 0.0


@dataclass(frozen=True, kw_only=True)
class DataDifference:
    rows: Rows | None
    """By content; None for a folder or a large table, and `why_not` says so."""
    why_not: str
    changes: Changes | None
    """By key; None without one."""
    columns: Difference
    duplicates: tuple[Duplicates, Duplicates]
    """The key does not count here."""
