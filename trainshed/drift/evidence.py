"""Whether two columns differ by more than chance: the test that fits what they hold.

Both tests are approximations for many rows; below LEAST_ROWS nothing is tested.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from trainshed.data_evidence import Test
from trainshed.drift import bins
from trainshed.drift.arrays import Floats
from trainshed.drift.bins import Bins
from trainshed.drift.column import Column
from trainshed.drift.numbers import Numbers

LEAST_ROWS = 30
FEW_VALUES = 10
"""A numeric column with so few distinct values is tested as categories are."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    test: Test
    statistic: float
    p_value: float
    """That columns which do not differ would look at least so different; not yet corrected."""
    error: float = 0.0
    """Of the statistic: over the raw numbers it is higher by at most this."""


def of(before: Column, after: Column, counted: Bins) -> Evidence | None:
    """Test two columns by the type of the first; None when a table has too few rows to tell.

    Args:
        counted: both columns in bins.
    """
    if min(before.count, after.count) < LEAST_ROWS:
        return None
    one, other = before.numbers, after.numbers
    if not bins.is_of_numbers(before):
        return chi_square(bins.rare_pooled(counted))
    if _are_few(one, other):
        found = chi_square(bins.rare_pooled(bins.value_bins(one, other)))
    else:
        found = kolmogorov_smirnov(one, other)
    return _with_what_is_no_number(found, before, after)


def kolmogorov_smirnov(before: Numbers, after: Numbers) -> Evidence:
    """Compare two distributions where buckets end: the widest gap between their shares below.

    Between the ends it may be wider, by at most one bucket's share: `error`. So where bits were
    cut, and where values are tied, the p-value is on the safe side. The limit distribution is
    taken at Stephens' correction for few rows (Use of the Kolmogorov-Smirnov ... statistics, 1970).
    """
    sizes = [one.count + sum(one.infinite) for one in (before, after)]
    if not all(sizes):
        return Evidence(test="kolmogorov-smirnov", statistic=0.0, p_value=1.0)
    found = bins.aligned(before, after)
    both = bins.value_bins(*found)
    below = [
        (one.infinite[0] + np.cumsum(counts)) / size
        for one, counts, size in zip(found, (both.before, both.after), sizes, strict=True)
    ]
    starts = [one.infinite[0] / size for one, size in zip(found, sizes, strict=True)]
    gap = max(float(np.max(np.abs(below[0] - below[1]), initial=0.0)), abs(starts[0] - starts[1]))
    heaviest = max(
        float(np.max(counts, initial=0)) / size
        for counts, size in zip((both.before, both.after), sizes, strict=True)
    )
    root = math.sqrt(sizes[0] * sizes[1] / (sizes[0] + sizes[1]))
    return Evidence(
        test="kolmogorov-smirnov",
        statistic=gap,
        p_value=float(special.kolmogorov((root + 0.12 + 0.11 / root) * gap)),
        error=heaviest if found[0].level else 0.0,
    )


def chi_square(counted: Bins) -> Evidence:
    """Compare the counts of two tables (Pearson's test of homogeneity, without correction).

    Of two bins of which one is rare, Fisher's exact test instead.
    """
    table = np.array([counted.before, counted.after], np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return Evidence(test="chi-square", statistic=0.0, p_value=1.0)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    if table.shape[1] == 2 and expected.min() < bins.FEWEST_EXPECTED:
        return _fisher(table)
    statistic = float(((table - expected) ** 2 / expected).sum())
    p_value = float(special.chdtrc(table.shape[1] - 1, statistic))
    return Evidence(test="chi-square", statistic=statistic, p_value=p_value)


def _fisher(table: Floats) -> Evidence:
    """Add up the chances of all tables of these margins that are no likelier than this one.

    The statistic is the difference of the shares.
    """
    (rows, others), (column, _) = table.sum(axis=1), table.sum(axis=0)
    low, high = max(0.0, column - others), min(rows, column)
    count = np.arange(low, high + 1)
    logarithms = -sum(
        special.gammaln(cell + 1)
        for cell in (count, rows - count, column - count, others - column + count)
    )
    chances = np.exp(logarithms - logarithms.max())
    is_extreme = chances <= chances[int(table[0, 0] - low)] * (1 + 1e-7)
    gap = abs(table[0, 0] / rows - table[1, 0] / others)
    return Evidence(
        test="fisher",
        statistic=float(gap),
        p_value=float(min(1.0, chances[is_extreme].sum() / chances.sum())),
    )


def _are_few(before: Numbers, after: Numbers) -> bool:
    if before.level or after.level or any(before.infinite) or any(after.infinite):
        return False
    return len(np.union1d(before.keys, after.keys)) <= FEW_VALUES


def _with_what_is_no_number(found: Evidence, before: Column, after: Column) -> Evidence:
    """Let the share of cells that are no number count too; two tests, so the p-value doubles."""
    sides = (before, after)
    if not any(side.nulls or side.texts.count for side in sides):
        return found
    rows = [[side.count - side.nulls - side.texts.count, side.texts.count, side.nulls]
            for side in sides]  # fmt: skip
    parts = Bins(
        names=("a number", "a text", "nothing"), before=np.array(rows[0]), after=np.array(rows[1])
    )
    other = chi_square(bins.rare_pooled(parts))
    chosen = other if other.p_value < found.p_value else found
    return Evidence(
        test=chosen.test,
        statistic=chosen.statistic,
        p_value=min(1.0, 2 * chosen.p_value),
        error=chosen.error,
    )
