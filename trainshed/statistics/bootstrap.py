"""The bootstrap of a difference: how much it would vary if other rows had been drawn.

Both runs' metrics are computed on the same resample, so what they have in common cancels; runs with
different rows are resampled each by itself. Three ways lead to the same thing, each fast for its
metrics: cells of the confusion matrix (`counts`), weighted means (`means`), weighted ranks
(`ranks`). Ranks are stratified by class, because roc_auc and average_precision mean nothing without
one of them. Blocks keep memory small: a process that resamples a million rows holds 300 MB.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from trainshed.statistics import counts, seed
from trainshed.statistics.columns import Floats, Rows
from trainshed.statistics.means import Means
from trainshed.statistics.metrics import Family, Metric
from trainshed.statistics.ranks import Ranks, Weights
from trainshed.statistics.sides import Classified, Side

RESAMPLES = 10_000
_BLOCK = 1 << 17  # weights of a block: 1 MB, what a processor's cache holds; part of the seeding
_MOST_RANKED = 5_000_000  # rows times classes, each of which is ranked: some minutes
_WORTH_THREADS = 1 << 25  # weights in all
_MOST_THREADS = 4

Pair = tuple[Side, Side]
Values = dict[str, Floats]


def resample(
    pair: Pair,
    metrics: Mapping[str, Metric],
    *,
    run_ids: tuple[str, str],
    paired: bool,
    resamples: int = RESAMPLES,
) -> Values:
    """Return second − first of every resample, by name.

    Args:
        pair: two runs' answers; when paired, row by row to the same questions.
        metrics: each must have a value on both sides (`metrics.why_not`).
        run_ids: of the pair. Exchanging the runs turns every sign and changes nothing else.
        paired: whether rows are drawn once for both, or for each by itself.
    """
    sign = 1.0
    if run_ids[0] > run_ids[1]:  # always the same way round, so that the seed sees the same rows
        pair, run_ids, sign = (pair[1], pair[0]), (run_ids[1], run_ids[0]), -1.0
    found: Values = {}
    for family, run in _FAMILIES.items():
        wanted = {name: one for name, one in metrics.items() if one.family == family}
        if wanted:
            start = seed.sequence(*run_ids, purpose=f"{family} {paired}")
            values = run(pair, wanted, start, resamples, paired=paired)
            found |= {name: sign * one for name, one in values.items()}
    return {name: found[name] for name in metrics}


def why_not(pair: Pair, metric: Metric) -> str | None:
    """Say why a metric that has a value cannot be resampled; None when it can."""
    if rows_drawn(pair, metric) < 2:
        return "there is a single row to draw from, in all or of a class"
    first = pair[0]
    if metric.family == "ranks" and isinstance(first, Classified) and not first.is_binary:
        cost = len(first.classes) * max(len(side) for side in pair)
        if cost > _MOST_RANKED:
            return f"ranks of {len(first.classes)} classes in so many rows would take hours"
    return None


def rows_drawn(pair: Pair, metric: Metric) -> int:
    """Return how many rows a resample draws at a time: all, or those of the smallest class."""
    if metric.family != "ranks":
        return min(len(side) for side in pair)
    sizes = (np.unique(side.truth, return_counts=True)[1] for side in pair)
    return min(int(size.min()) for size in sizes)


def _counts(
    pair: Pair,
    metrics: Mapping[str, Metric],
    start: np.random.SeedSequence,
    resamples: int,
    *,
    paired: bool,
) -> Values:
    first, second = pair
    assert isinstance(first, Classified)
    assert isinstance(second, Classified)
    if paired:
        random = np.random.default_rng(start)
        return counts.paired(first, second, metrics, random=random, resamples=resamples)
    sides = [
        counts.alone(side, metrics, random=np.random.default_rng(child), resamples=resamples)
        for side, child in zip((first, second), start.spawn(2), strict=True)
    ]
    return {name: sides[1][name] - sides[0][name] for name in metrics}


def _means(
    pair: Pair,
    metrics: Mapping[str, Metric],
    start: np.random.SeedSequence,
    resamples: int,
    *,
    paired: bool,
) -> Values:
    scorers = tuple(Means(side, metrics) for side in pair)
    strata = tuple([len(side)] for side in pair)
    return _by_weights(scorers, strata, start, resamples, paired=paired)


def _ranks(
    pair: Pair,
    metrics: Mapping[str, Metric],
    start: np.random.SeedSequence,
    resamples: int,
    *,
    paired: bool,
) -> Values:
    ordered = tuple(_by_class(side) for side in pair)
    scorers = tuple(Ranks(side, metrics) for side in ordered)
    strata = tuple(np.bincount(side.truth).tolist() for side in ordered)
    return _by_weights(scorers, strata, start, resamples, paired=paired)


_FAMILIES: dict[Family, Callable[..., Values]] = {
    "counts": _counts,
    "means": _means,
    "ranks": _ranks,
}


def _by_weights(
    scorers: Sequence[Means | Ranks],
    strata: Sequence[Sequence[int]],
    start: np.random.SeedSequence,
    resamples: int,
    *,
    paired: bool,
) -> Values:
    """Resample block by block, each with a seed of its own: threads cannot change the outcome."""
    rows = max(sum(sizes) for sizes in strata)
    sizes = list(_blocks(rows, resamples))

    def run(block: tuple[int, np.random.SeedSequence]) -> Values:
        size, child = block
        random = np.random.default_rng(child)
        weights = draw(random, strata[0], size)
        before = scorers[0].values(weights)
        after = scorers[1].values(weights if paired else draw(random, strata[1], size))
        return {name: after[name] - before[name] for name in before}

    blocks = list(zip(sizes, start.spawn(len(sizes)), strict=True))
    if rows * resamples < _WORTH_THREADS:
        parts = [run(block) for block in blocks]
    else:
        with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as threads:
            parts = list(threads.map(run, blocks))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def draw(random: np.random.Generator, strata: Sequence[int], resamples: int) -> Weights:
    """Draw as many rows of each stratum as it has, with replacement; return how often each came.

    Rows of a stratum stand together; the first stratum comes first.
    """
    drawn = [_draw(random, size, resamples) for size in strata if size]
    return drawn[0] if len(drawn) == 1 else np.concatenate(drawn, axis=1)


def _draw(random: np.random.Generator, size: int, resamples: int) -> Weights:
    rows = random.integers(size, size=(resamples, size))
    if resamples > 1:  # each resample counts into a range of its own
        rows += np.arange(resamples)[:, None] * size
    counted = np.bincount(rows.ravel(), minlength=resamples * size)
    return counted.reshape(resamples, size)


def _blocks(rows: int, resamples: int) -> Iterator[int]:
    step = max(1, _BLOCK // rows)
    for begin in range(0, resamples, step):
        yield min(step, resamples - begin)


def _by_class(side: Side) -> Classified:
    assert isinstance(side, Classified)
    order: Rows = np.argsort(side.truth, kind="stable")
    return side.take(order)
