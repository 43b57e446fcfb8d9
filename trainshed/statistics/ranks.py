"""Metrics that depend on the order of scores: sorted once, then weighted by each resample.

With rows weighted by how often a resample drew them, roc_auc and average_precision need running
sums along the sorted order only, and no resample is sorted again.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trainshed.statistics.columns import Floats
from trainshed.statistics.metrics import Metric
from trainshed.statistics.sides import Classified

Weights = NDArray[np.int64]
"""How often each resample drew each row: (resamples, rows)."""


class Ranks:
    """The values of such metrics for any weights that leave no class without rows."""

    def __init__(self, side: Classified, metrics: Mapping[str, Metric]) -> None:
        assert side.score is not None
        self._metrics = metrics
        wanted = {metric.name for metric in metrics.values()}
        if side.is_binary:
            self._curves = [_Curve(side.truth == 1, side.score, wanted)]
        else:
            self._curves = [
                _Curve(side.truth == one, side.score[:, one], wanted)
                for one in range(len(side.classes))
            ]

    def values(self, weights: Weights) -> dict[str, Floats]:
        """Return each metric of each resample."""
        found = [curve.values(weights) for curve in self._curves]
        sizes = np.column_stack([curve.size(weights) for curve in self._curves])
        return {
            name: np.average(
                np.column_stack([one[metric.name] for one in found]),
                weights=sizes if metric.average == "weighted" else None,
                axis=1,
            )
            for name, metric in self._metrics.items()
        }


class _Curve:
    """One class against the rest."""

    def __init__(self, is_positive: NDArray[np.bool_], score: Floats, wanted: set[str]) -> None:
        self._wanted = wanted
        negatives, positives = np.flatnonzero(~is_positive), np.flatnonzero(is_positive)
        self._negatives = negatives[np.argsort(score[negatives], kind="stable")]
        self._positives = positives[np.argsort(score[positives], kind="stable")]
        low, high = score[self._negatives], score[self._positives]
        # For each positive: how many negatives lie below it, and how many not above it.
        self._below = np.searchsorted(low, high, side="left")
        self._upto = np.searchsorted(low, high, side="right")
        self._has_ties = not np.array_equal(self._below, self._upto)
        self._first = np.searchsorted(high, high, side="left")

    def size(self, weights: Weights) -> Weights:
        sizes: Weights = weights[:, self._positives].sum(axis=1)
        return sizes

    def values(self, weights: Weights) -> dict[str, Floats]:
        positives = weights.take(self._positives, axis=1)
        negatives = _running(weights.take(self._negatives, axis=1))
        totals = positives.sum(axis=1), negatives[:, -1]
        below = negatives.take(self._below, axis=1)
        found = {}
        if "roc_auc" in self._wanted:
            # A negative with the same score counts half.
            upto = negatives.take(self._upto, axis=1) if self._has_ties else below
            pairs = np.einsum("ij,ij->i", positives, below + upto)
            found["roc_auc"] = pairs / (2.0 * totals[0] * totals[1])
        if "average_precision" in self._wanted:
            above = _running(positives).take(self._first, axis=1)
            hits = totals[0][:, None] - above
            alarms = totals[1][:, None] - below
            precision = hits / np.maximum(hits + alarms, 1)
            sums = np.einsum("ij,ij->i", positives, precision)
            found["average_precision"] = sums / totals[0]
        return found


def _running(weights: Weights) -> Weights:
    """Return running sums along the rows, with a 0 before the first."""
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1), dtype=np.int64)
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums
