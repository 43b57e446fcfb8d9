"""Metrics that follow from means over rows: a resample is a vector of row weights."""

from collections.abc import Callable, Mapping

import numpy as np

from trainshed.statistics.columns import Floats
from trainshed.statistics.metrics import Metric
from trainshed.statistics.ranks import Weights
from trainshed.statistics.sides import Classified, Measured, Side


class Means:
    """The values of such metrics for any weights, after one look at every row."""

    def __init__(self, side: Side, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics
        self._columns: list[Floats] = []
        self._places: dict[str, slice] = {}
        for name, metric in metrics.items():
            found = _COLUMNS[metric.name](side)
            start = len(self._columns)
            self._columns += found
            self._places[name] = slice(start, start + len(found))
        self._matrix = np.column_stack(self._columns)

    def values(self, weights: Weights) -> dict[str, Floats]:
        """Return each metric of each resample; weights are (resamples, rows)."""
        size = weights.sum(axis=1, keepdims=True)
        means = (weights.astype(np.float64) @ self._matrix) / size
        return {
            name: _FINISH.get(metric.name, _first)(means[:, self._places[name]])
            for name, metric in self._metrics.items()
        }


def _log_loss(side: Classified) -> list[Floats]:
    """Clip as scikit-learn does, so that a sure and wrong answer costs 36 rather than infinity."""
    assert side.score is not None
    least = np.finfo(side.score.dtype).eps
    if side.is_binary:
        given = np.where(side.truth == 1, side.score, 1 - side.score)
    else:
        given = np.take_along_axis(side.score, side.truth[:, None].astype(np.intp), axis=1)[:, 0]
    return [-np.log(np.clip(given, least, 1 - least))]


def _brier(side: Classified) -> list[Floats]:
    assert side.score is not None
    if side.is_binary:
        return [(side.score - (side.truth == 1)) ** 2]
    is_class = side.truth[:, None] == np.arange(len(side.classes))
    return [((side.score - is_class) ** 2).sum(axis=1)]


def _squares(side: Measured) -> list[Floats]:
    return [(side.truth - side.answer) ** 2]


def _variance(side: Measured) -> list[Floats]:
    """Truths are centred first: the square of a mean is then small, and nothing cancels."""
    centred = side.truth - side.truth.mean()
    return [*_squares(side), centred, centred**2]


def _first(means: Floats) -> Floats:
    return means[:, 0]


def _r2(means: Floats) -> Floats:
    spread = means[:, 2] - means[:, 1] ** 2
    flat = spread <= 1e-14 * means[:, 2]  # one truth only: as scikit-learn, 1 if met and else 0
    met = (means[:, 0] == 0).astype(np.float64)
    return np.where(flat, met, 1 - means[:, 0] / np.where(flat, 1, spread))


_COLUMNS: dict[str, Callable[..., list[Floats]]] = {
    "log_loss": _log_loss,
    "brier": _brier,
    "mae": lambda side: [np.abs(side.truth - side.answer)],
    "rmse": _squares,
    "r2": _variance,
}
_FINISH: dict[str, Callable[[Floats], Floats]] = {
    "rmse": lambda means: np.sqrt(means[:, 0]),
    "r2": _r2,
}
