"""Numbers in constant space: a histogram that merges exactly, and moments that do too.

Floats that are ordered as the integers of their bits are cut to their leading bits: all that share
these are one bucket. While a column has few distinct values no bit is cut and each is kept as it
is; else as few bits are cut, in all buckets alike, as the limit on buckets asks for. (UDDSketch
coarsens so too: Epicoco et al., 2020.) How many that is follows from the values alone, never from
their order. So a merge of parts is, bit for bit, what one pass over all rows makes.

The error is that of a bucket's width: with b leading bits of the fraction kept, a quantile is too
low by at most 2^−b of itself. Counts at the edges of buckets are exact.
"""

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from trainshed.drift import exact_sum
from trainshed.drift.arrays import Floats, Integers
from trainshed.drift.exact_sum import Sum

_FLIP = np.int64(0x7FFF_FFFF_FFFF_FFFF)
COARSEST = 63
"""Bits cut at most: what is left is the sign."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Numbers:
    limit: int
    """Of buckets; a merge has the lesser one."""
    level: int = 0
    """How many bits are cut: 0 keeps every value."""
    keys: Integers = field(default_factory=lambda: np.empty(0, np.int64))
    """What is left of the ordered bits, rising; `edges` are their values."""
    counts: Integers = field(default_factory=lambda: np.empty(0, np.int64))
    infinite: tuple[int, int] = (0, 0)
    """−∞ and +∞, which are in no bucket."""
    least: float = math.inf
    most: float = -math.inf
    total: Sum = ()
    squares: Sum = ()
    """Of each number's square, itself rounded once."""
    is_huge: bool = False
    """A number is too large for moments: there are none."""

    @property
    def count(self) -> int:
        """How many finite numbers there are."""
        return int(self.counts.sum())

    @property
    def edges(self) -> Floats:
        """The least value of each bucket."""
        return values_of(self.keys, self.level)

    @property
    def mean(self) -> float | None:
        if self.is_huge or not self.count:
            return None
        return math.fsum(self.total) / self.count

    @property
    def variance(self) -> float | None:
        """Of the population; off by at most some 2^−52 of the mean square."""
        mean = self.mean
        if mean is None:
            return None
        # n·Σx² − (Σx)², without rounding: both are close where the mean is far from 0.
        whole = _exact(self.squares) * self.count - _exact(self.total) ** 2
        return max(0.0, float(whole / self.count**2))

    def quantile(self, share: float) -> float | None:
        """Return the edge of the bucket in which that share of the numbers is reached."""
        if not self.count:
            return None
        reached = np.cumsum(self.counts)
        place = int(np.searchsorted(reached, max(share * self.count, 1), side="left"))
        return float(min(max(self.edges[min(place, len(self.keys) - 1)], self.least), self.most))

    def coarsened(self, level: int) -> "Numbers":
        """Return the same with at least that many bits cut."""
        if level <= self.level:
            return self
        keys, counts = _folded(self.keys >> np.int64(level - self.level), self.counts)
        return replace(self, level=level, keys=keys, counts=counts)


def of(values: Floats, *, limit: int, level: int = 0) -> Numbers:
    """Count numbers, of which none is NaN. At least `level` bits are cut: a hint for speed."""
    is_finite = np.isfinite(values)
    infinite = (0, 0)
    if not is_finite.all():
        infinite = (int((values == -math.inf).sum()), int((values == math.inf).sum()))
        values = values[is_finite]
    if not values.size:
        return Numbers(limit=limit, infinite=infinite)
    values = values + 0.0  # −0 is 0
    least, most = float(values.min()), float(values.max())
    is_huge = max(-least, most) > exact_sum.LARGEST
    keys, counts = _folded(_bits(values) >> np.int64(level))
    found = Numbers(
        limit=limit,
        level=level,
        keys=keys,
        counts=counts,
        infinite=infinite,
        least=least,
        most=most,
        total=() if is_huge else exact_sum.of(values),
        squares=() if is_huge else exact_sum.of(values * values),
        is_huge=is_huge,
    )
    return _within_limit(found)


def merge(first: Numbers, second: Numbers) -> Numbers:
    level = max(first.level, second.level)
    one, other = first.coarsened(level), second.coarsened(level)
    keys, counts = _folded(
        np.concatenate([one.keys, other.keys]), np.concatenate([one.counts, other.counts])
    )
    is_huge = one.is_huge or other.is_huge
    return _within_limit(
        Numbers(
            limit=min(one.limit, other.limit),
            level=level,
            keys=keys,
            counts=counts,
            infinite=(one.infinite[0] + other.infinite[0], one.infinite[1] + other.infinite[1]),
            least=min(one.least, other.least),
            most=max(one.most, other.most),
            total=() if is_huge else exact_sum.plus(one.total, other.total),
            squares=() if is_huge else exact_sum.plus(one.squares, other.squares),
            is_huge=is_huge,
        )
    )


def values_of(keys: Integers, level: int) -> Floats:
    """Return the least float of each bucket."""
    bits = keys << np.int64(level)
    found = np.where(bits < 0, bits ^ _FLIP, bits).view(np.float64)
    limit = np.finfo(np.float64).max
    return np.clip(np.where(np.isnan(found), -limit, found), -limit, limit)


def _within_limit(found: Numbers) -> Numbers:
    """Cut as few further bits as bring the buckets down to the limit."""
    if len(found.keys) <= found.limit:
        return found
    # Two neighbours fall together once every bit in which they differ is cut.
    differ = (found.keys[1:] ^ found.keys[:-1]).view(np.uint64)
    differ &= ~(differ >> np.uint64(1))  # keeps the leading bit; a float cannot round it up now
    bits = np.sort(np.frexp(differ.astype(np.float64))[1])[::-1]
    return found.coarsened(found.level + int(bits[found.limit - 1]))


def _folded(keys: Integers, counts: Integers | None = None) -> tuple[Integers, Integers]:
    """Return the distinct keys, rising, and how often each is there."""
    if not keys.size:
        return keys, np.empty(0, np.int64)
    low = int(keys.min())
    width = int(keys.max()) - low + 1
    if counts is None and width <= 4 * keys.size:
        counted = np.bincount(keys - low, minlength=width)
        places = np.flatnonzero(counted)
        return places.astype(np.int64) + low, counted[places].astype(np.int64)
    if counts is None:
        found, often = np.unique(keys, return_counts=True)
        return found, often.astype(np.int64)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[starts], np.add.reduceat(counts[order], starts)


def _bits(values: Floats) -> Integers:
    """Return integers that are ordered as the floats are."""
    bits = values.view(np.int64)
    return np.where(bits < 0, bits ^ _FLIP, bits)


def _exact(total: Sum) -> Fraction:
    return sum((Fraction(one) for one in total), Fraction(0))
