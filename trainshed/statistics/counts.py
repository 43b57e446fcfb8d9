"""Metrics that depend on the confusion matrix alone, resampled through its cells.

Drawing n rows with replacement and counting them by (truth, first answer, second answer) is one
multinomial draw of n over those cells: the same distribution exactly, in time that does not
depend on n.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainshed.statistics.columns import Floats
from trainshed.statistics.metrics import Metric
from trainshed.statistics.sides import Classified

Counts = NDArray[np.int64]

_BLOCK = 1 << 20  # counts that are held at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """Confusion of many resamples, by class: each array is (resamples, classes)."""

    hits: Floats
    answered: Floats
    true: Floats

    def values(self, metric: Metric) -> Floats:
        """Return the metric of each resample. What has no denominator is 0, as in scikit-learn."""
        size = self.true.sum(axis=1)
        if metric.name == "accuracy":
            return _ratio(self.hits.sum(axis=1), size)
        average = metric.average or ("positive" if self.true.shape[1] == 2 else "macro")
        if average == "micro":  # every row has one truth and one answer, so all three are this
            return _ratio(self.hits.sum(axis=1), size)
        by_class = self._by_class(metric)
        if average == "positive":
            return by_class[:, -1]
        if average == "weighted":
            return _ratio((by_class * self.true).sum(axis=1), size)
        occurs = (self.answered + self.true) > 0  # a class that nobody has or says is no class
        return _ratio((by_class * occurs).sum(axis=1), occurs.sum(axis=1))

    def _by_class(self, metric: Metric) -> Floats:
        if metric.name == "precision":
            return _ratio(self.hits, self.answered)
        if metric.name == "recall":
            return _ratio(self.hits, self.true)
        return _ratio(2 * self.hits, self.answered + self.true)


def paired(
    first: Classified,
    second: Classified,
    metrics: Mapping[str, Metric],
    *,
    random: np.random.Generator,
    resamples: int,
) -> dict[str, Floats]:
    """Return second − first of every resample, for runs that answered the same rows."""
    classes = len(first.classes)
    codes = (first.truth.astype(np.int64) * classes + first.answer) * classes + second.answer
    cells, sizes = np.unique(codes, return_counts=True)
    truth, answers = cells // classes**2, cells % classes**2
    tellers = [_Teller(truth, one, classes) for one in (answers // classes, answers % classes)]
    parts: dict[str, list[Floats]] = {name: [] for name in metrics}
    for drawn in _draws(sizes, random, resamples):
        before, after = (teller.tell(drawn) for teller in tellers)
        for name, metric in metrics.items():
            parts[name].append(after.values(metric) - before.values(metric))
    return {name: np.concatenate(found) for name, found in parts.items()}


def alone(
    side: Classified,
    metrics: Mapping[str, Metric],
    *,
    random: np.random.Generator,
    resamples: int,
) -> dict[str, Floats]:
    """Return one run's value of every resample of its own rows."""
    classes = len(side.classes)
    codes = side.truth.astype(np.int64) * classes + side.answer
    cells, sizes = np.unique(codes, return_counts=True)
    teller = _Teller(cells // classes, cells % classes, classes)
    parts: dict[str, list[Floats]] = {name: [] for name in metrics}
    for drawn in _draws(sizes, random, resamples):
        tally = teller.tell(drawn)
        for name, metric in metrics.items():
            parts[name].append(tally.values(metric))
    return {name: np.concatenate(found) for name, found in parts.items()}


def _draws(sizes: Counts, random: np.random.Generator, resamples: int) -> Iterator[Counts]:
    rows = int(sizes.sum())
    step = max(1, _BLOCK // len(sizes))
    for start in range(0, resamples, step):
        yield random.multinomial(rows, sizes / rows, size=min(step, resamples - start))


class _Teller:
    """Sums counts of cells, each with a truth and an answer, by class."""

    def __init__(self, truth: Counts, answer: Counts, classes: int) -> None:
        self._classes = classes
        every = np.arange(truth.size)
        self._true = _groups(truth, every)
        self._answered = _groups(answer, every)
        self._hits = _groups(truth, np.flatnonzero(truth == answer))

    def tell(self, drawn: Counts) -> Tally:
        return Tally(
            hits=self._sum(drawn, *self._hits),
            answered=self._sum(drawn, *self._answered),
            true=self._sum(drawn, *self._true),
        )

    def _sum(self, drawn: Counts, cells: Counts, starts: Counts, classes: Counts) -> Floats:
        sums = np.zeros((len(drawn), self._classes))
        if cells.size:
            sums[:, classes] = np.add.reduceat(drawn[:, cells], starts, axis=1)
        return sums


def _groups(classes: Counts, cells: Counts) -> tuple[Counts, Counts, Counts]:
    """Return cells so ordered that those of a class stand together, where each starts, and which.

    A matrix of cells by classes would say the same; of a thousand classes it would fill memory.
    """
    ordered = cells[np.argsort(classes[cells], kind="stable")]
    found, starts = np.unique(classes[ordered], return_index=True)
    return ordered, starts, found


def _ratio(above: Floats, below: Floats | Counts) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)
