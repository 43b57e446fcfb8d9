"""Two columns counted in the same bins, and how far apart the counts are."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trainshed.drift import texts
from trainshed.drift.arrays import Floats, Integers
from trainshed.drift.column import Column
from trainshed.drift.numbers import Numbers, values_of

QUANTILES = 10
FEWEST_EXPECTED = 5
"""Categories of which the smaller table should have fewer rows are joined with others."""
_SMOOTHING = 0.5  # rows, for each bin
NOTHING, OTHERS, A_NUMBER, A_TEXT = "(nothing)", "(others)", "(a number)", "(a text)"


@dataclass(frozen=True, kw_only=True, eq=False)
class Bins:
    names: tuple[str, ...]
    before: Integers
    after: Integers


def of(before: Column, after: Column) -> Bins:
    """Count two columns in bins that the first one decides, without those that are empty twice."""
    if is_of_numbers(before):
        names, one, other = _of_numbers(before.numbers, after.numbers)
        names += [A_TEXT, NOTHING]
        one += [before.texts.count, before.nulls]
        other += [after.texts.count, after.nulls]
    else:
        names, one, other = _of_texts(before, after)
    return _without_empty(names, one, other)


def is_of_numbers(column: Column) -> bool:
    """Say whether a column is compared by its numbers, or by its texts."""
    return column.kind == "numeric" or (column.kind == "boolean" and column.numbers.count > 0)


def rare_pooled(bins: Bins) -> Bins:
    """Return the same with rare bins joined, the smallest first, into bins that are not rare.

    A chi-square test needs it; two bins always remain.
    """
    if len(bins.names) <= 2:
        return bins
    both = bins.before + bins.after
    smaller = min(int(bins.before.sum()), int(bins.after.sum()))
    least = FEWEST_EXPECTED * int(both.sum()) / max(smaller, 1)
    order = [int(at) for at in np.argsort(both, kind="stable")]
    groups: list[list[int]] = [[]]
    for at in order:
        if groups[-1] and both[groups[-1]].sum() >= least:
            groups.append([])
        groups[-1].append(at)
    if len(groups) > 1 and both[groups[-1]].sum() < least:
        groups[-2:] = [groups[-2] + groups[-1]]
    if len(groups) < 2:
        groups = [order[-1:], order[:-1]]
    return Bins(
        names=tuple(bins.names[one[0]] if len(one) == 1 else OTHERS for one in groups),
        before=np.array([bins.before[one].sum() for one in groups], np.int64),
        after=np.array([bins.after[one].sum() for one in groups], np.int64),
    )


def stability_index(bins: Bins) -> float:
    """Return the population stability index: Σ (q − p) · ln(q / p) over bins.

    p and q are the bin's shares before and after, each bin given half a row more so that none is
    empty. (Lewis, An introduction to credit scoring, 1994; Siddiqi, Credit risk scorecards, 2006:
    below 0.1 no change, above 0.25 a large one. Without any change its mean is about
    (bins − 1) · (1/n + 1/m): Yurdakul and Naranjo, 2020.)
    """
    if not bins.names or not bins.before.sum() or not bins.after.sum():
        return 0.0
    p, q = (_shares(counts) for counts in (bins.before, bins.after))
    return float(np.sum((q - p) * np.log(q / p)))


def value_bins(before: Numbers, after: Numbers) -> Bins:
    """Count two columns of few numbers, each value by itself. No bits may have been cut."""
    keys = np.union1d(before.keys, after.keys)
    one, other = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    one[np.searchsorted(keys, before.keys)] = before.counts
    other[np.searchsorted(keys, after.keys)] = after.counts
    return Bins(names=tuple(map(str, keys.tolist())), before=one, after=other)


def aligned(before: Numbers, after: Numbers) -> tuple[Numbers, Numbers]:
    """Return both in buckets of the same width."""
    level = max(before.level, after.level)
    return before.coarsened(level), after.coarsened(level)


def _of_numbers(before: Numbers, after: Numbers) -> tuple[list[str], list[int], list[int]]:
    one, other = aligned(before, after)
    limits = _limits(one)
    names = _names(_edges(limits, one, other)) if len(limits) else ["(any number)"]
    return names, _counted(one, limits), _counted(other, limits)


def _limits(reference: Numbers) -> Integers:
    """Return the first key of every bin but the lowest: deciles, and around what is frequent.

    A bucket with a tenth of the numbers, such as a zero that stands for "none", is its own bin.
    """
    if not reference.count:
        return np.empty(0, np.int64)
    reached = np.cumsum(reference.counts)
    steps = np.arange(1, QUANTILES) * reference.count / QUANTILES
    after_deciles = reference.keys[np.searchsorted(reached, steps, side="left")] + 1
    frequent = reference.keys[reference.counts * QUANTILES >= reference.count]
    return np.unique(np.concatenate([after_deciles, frequent, frequent + 1]))


def _counted(numbers: Numbers, limits: Integers) -> list[int]:
    counts = np.zeros(len(limits) + 1, np.int64)
    np.add.at(counts, np.searchsorted(limits, numbers.keys, side="right"), numbers.counts)
    counts[0] += numbers.infinite[0]
    counts[-1] += numbers.infinite[1]
    return [int(one) for one in counts]


def _edges(limits: Integers, before: Numbers, after: Numbers) -> Floats:
    """Return the least number that is there in each bin: 4 reads better than what follows on 3."""
    keys = np.union1d(before.keys, after.keys)
    places = np.searchsorted(keys, limits)
    there = np.append(keys, limits[-1])[places]
    return values_of(np.where(places < len(keys), there, limits), before.level)


def _names(edges: Floats) -> list[str]:
    texts_of = [f"{edge:.6g}" for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(texts_of)]
    return [f"below {texts_of[0]}", *between, f"{texts_of[-1]} or more"]


def _of_texts(before: Column, after: Column) -> tuple[list[str], list[int], list[int]]:
    first, second = before.texts, after.texts
    if first.counts is None or second.counts is None:
        first, second = texts.hashed(first), texts.hashed(second)
        names = [f"(hash {place})" for place in range(texts.BUCKETS)]
        one, other = list(first.buckets), list(second.buckets)
    else:
        names = sorted(first.counts.keys() | second.counts.keys())
        one = [first.counts.get(name, 0) for name in names]
        other = [second.counts.get(name, 0) for name in names]
    numbers = [side.known - side.texts.count for side in (before, after)]
    return (
        [*names, A_NUMBER, NOTHING],
        [*one, numbers[0], before.nulls],
        [*other, numbers[1], after.nulls],
    )


def _without_empty(names: Sequence[str], before: list[int], after: list[int]) -> Bins:
    kept = [at for at in range(len(names)) if before[at] or after[at]]
    return Bins(
        names=tuple(names[at] for at in kept),
        before=np.array([before[at] for at in kept], np.int64),
        after=np.array([after[at] for at in kept], np.int64),
    )


def _shares(counts: Integers) -> Floats:
    smoothed = counts.astype(np.float64) + _SMOOTHING
    shares: Floats = smoothed / smoothed.sum()
    return shares
