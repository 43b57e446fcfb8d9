"""Simulated pairs of runs whose true difference is known: how often are they judged wrongly?

Two models see the same rows and share half of their noise, as two models trained on the same data
do. In A/A they are equally good by construction, so each may be called better or worse only as
often as the level says. In A/B the second one's true F1 is lower by a known gap.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from trainshed.rule import Rule
from trainshed.statistics import bootstrap, difference, judgement, metrics
from trainshed.statistics.sides import Classified, Measured, Side

METRICS = ("accuracy", "f1", "roc_auc", "rmse")
SIZES = (200, 1_000, 10_000)
NOMINAL = 0.05
_POSITIVE = 0.3  # share of rows
_SIGNAL = 2.0  # distance of the classes, in standard deviations of the noise
_LIMIT = 1.0  # signal from which on a model says yes
_SHARED = 0.5  # of the noise's variance
# Counts are resampled 10,000 times, as always. The others are costly, and 2,000 place the ends of
# an interval well enough to count how often it holds the truth.
_RESAMPLES = {"counts": bootstrap.RESAMPLES, "means": 2_000, "ranks": 2_000}
_NORMAL = NormalDist()


HEADER = "metric     rows positive   gap  pairs  better   worse  called  covered"
"""Of lines of cells. Without a gap `called` is the rate of wrong calls."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What became of many pairs of one metric and size."""

    metric: str
    rows: int
    positive: float
    gap: float
    """Baseline's true value minus the candidate's."""
    pairs: int
    better: int
    worse: int
    covered: int
    """Intervals that hold the true difference."""

    @property
    def called(self) -> int:
        return self.better + self.worse

    def __str__(self) -> str:
        positive = "" if self.metric == "rmse" else f"{self.positive:.0%}"
        return (
            f"{self.metric:<8} {self.rows:>6,} {positive:>8} {self.gap:>5g} {self.pairs:>6,} "
            f"{self.better / self.pairs:>7.1%} {self.worse / self.pairs:>7.1%} "
            f"{self.called / self.pairs:>7.1%} {self.covered / self.pairs:>8.1%}"
        )


def cells(
    *, pairs: int, names: tuple[str, ...] = METRICS, sizes: tuple[int, ...] = SIZES
) -> Iterator[Cell]:
    """Play A/A for each metric and size."""
    for name in names:
        for rows in sizes:
            yield play(name, rows=rows, pairs=pairs)


def play(
    name: str, *, rows: int, pairs: int, positive: float = _POSITIVE, gap: float = 0.0
) -> Cell:
    """Judge simulated pairs with a tolerance of 0. A gap is one of F1."""
    metric = metrics.Metric(name=name)
    rule = Rule(direction=metric.direction)
    signal = _SIGNAL if not gap else _signal_for(_f1(_SIGNAL, positive) - gap, positive)
    better = worse = covered = 0
    for number in range(pairs):
        seeds = np.random.SeedSequence([METRICS.index(name), rows, number])
        random = np.random.default_rng(seeds)
        pair: tuple[Side, Side] = (
            _regression(random, rows)
            if metric.is_regression
            else classes(random, rows, positive=positive, signals=(_SIGNAL, signal))
        )
        found = _difference(pair, name, metric, number)
        judged = judgement.judge(found, rule)
        assert judged.interval is not None
        better += judged.finding == "better"
        worse += judged.finding == "worse"
        covered += judged.interval[0] <= -gap <= judged.interval[1]
    return Cell(
        metric=name, rows=rows, positive=positive, gap=gap, pairs=pairs,
        better=better, worse=worse, covered=covered,
    )  # fmt: skip


def _difference(
    pair: tuple[Side, Side], name: str, metric: metrics.Metric, number: int
) -> difference.Difference:
    resampled = bootstrap.resample(
        pair,
        {name: metric},
        run_ids=(f"a{number}", f"b{number}"),
        paired=True,
        resamples=_RESAMPLES[metric.family],
    )
    before, after = (metrics.value(metric, side) for side in pair)
    rows = bootstrap.rows_drawn(pair, metric)
    return difference.of(after - before, resampled[name], rows=rows)


def classes(
    random: np.random.Generator, rows: int, *, positive: float, signals: tuple[float, float]
) -> tuple[Classified, Classified]:
    """Simulate two classifiers. Both classes occur: a test set that lacks one is not judged."""
    truth = np.zeros(rows, dtype=np.int32)
    while truth.min() == truth.max():
        truth = (random.random(rows) < positive).astype(np.int32)
    shared = random.normal(size=rows) * np.sqrt(_SHARED)

    def side(signal: float) -> Classified:
        noise = shared + random.normal(size=rows) * np.sqrt(1 - _SHARED)
        score = truth * signal + noise
        answer = (score > _LIMIT).astype(np.int32)
        return Classified(classes=("no", "yes"), truth=truth, answer=answer, score=score)

    return side(signals[0]), side(signals[1])


def _regression(random: np.random.Generator, rows: int) -> tuple[Measured, Measured]:
    truth = random.normal(size=rows)
    shared = random.normal(size=rows) * np.sqrt(_SHARED)

    def side() -> Measured:
        noise = shared + random.normal(size=rows) * np.sqrt(1 - _SHARED)
        return Measured(truth=truth, answer=truth + noise)

    return side(), side()


def _f1(signal: float, positive: float) -> float:
    """Return the true F1 of a simulated classifier."""
    hits = positive * _NORMAL.cdf(signal - _LIMIT)
    alarms = (1 - positive) * _NORMAL.cdf(-_LIMIT)
    return 2 * hits / (positive + hits + alarms)


def _signal_for(f1: float, positive: float) -> float:
    return _bisect(lambda signal: _f1(signal, positive) - f1, 0.0, 10.0)


def _bisect(rising: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return low
