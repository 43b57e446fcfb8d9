"""The metrics that Trainshed can put an interval around, and their values by scikit-learn.

A trainer's metric is one of these when it has its name, or that of scikit-learn's function. With
more than two classes a plain `f1`, `precision`, `recall`, `roc_auc` or `average_precision` is the
macro average: each class counts alike, so a rare one that got worse is seen. `f1_weighted` and the
like ask for scikit-learn's other averages; `roc_auc` is one-vs-rest there.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from trainshed.statistics.sides import Classified, Measured, Side

Family = Literal["counts", "ranks", "means"]
Average = Literal["macro", "weighted", "micro"]
Direction = Literal["maximize", "minimize"]

_FAMILIES: dict[str, Family] = {
    "accuracy": "counts",
    "precision": "counts",
    "recall": "counts",
    "f1": "counts",
    "roc_auc": "ranks",
    "average_precision": "ranks",
    "log_loss": "means",
    "brier": "means",
    "mae": "means",
    "rmse": "means",
    "r2": "means",
}
NAMES = tuple(_FAMILIES)
OF_REGRESSION = ("mae", "rmse", "r2")
_OF_SCORES = ("roc_auc", "average_precision", "log_loss", "brier")
_OF_PROBABILITIES = ("log_loss", "brier")
_LOSSES = ("log_loss", "brier", "mae", "rmse")

_OTHER_NAMES = {
    "accuracy_score": "accuracy",
    "precision_score": "precision",
    "recall_score": "recall",
    "f1_score": "f1",
    "roc_auc_score": "roc_auc",
    "roc_auc_ovr": "roc_auc",
    "average_precision_score": "average_precision",
    "brier_score": "brier",
    "brier_score_loss": "brier",
    "mean_absolute_error": "mae",
    "root_mean_squared_error": "rmse",
    "r2_score": "r2",
}
_AVERAGES: dict[str, tuple[Average, ...]] = {
    "precision": ("macro", "weighted", "micro"),
    "recall": ("macro", "weighted", "micro"),
    "f1": ("macro", "weighted", "micro"),
    "roc_auc": ("macro", "weighted"),
    "average_precision": ("macro", "weighted"),
}


@dataclass(frozen=True, kw_only=True)
class Metric:
    name: str
    """One of NAMES."""
    average: Average | None = None
    """How classes are averaged; None: of two classes the positive one's, else macro."""

    @property
    def family(self) -> Family:
        """How it is resampled: from counts of cells, from means over rows, or from ranks."""
        return _FAMILIES[self.name]

    @property
    def is_regression(self) -> bool:
        return self.name in OF_REGRESSION

    @property
    def direction(self) -> Direction:
        return "minimize" if self.name in _LOSSES else "maximize"


def named(name: str) -> Metric | None:
    """Return the metric that a trainer's name means; None when it is the trainer's own."""
    plain = _OTHER_NAMES.get(name, name)
    if plain in _FAMILIES:
        return Metric(name=plain)
    base, _, suffix = plain.rpartition("_")
    base = _OTHER_NAMES.get(base, base)
    average = next((one for one in _AVERAGES.get(base, ()) if one == suffix), None)
    return Metric(name=base, average=average) if average else None


def why_not(metric: Metric, side: Side) -> str | None:
    """Say why a metric has no value for these predictions; None when it has one."""
    if isinstance(side, Measured):
        return None if metric.is_regression else "y_true and y_pred are numbers, not classes"
    if metric.is_regression:
        return "y_true or y_pred holds something that is not a number"
    if metric.average and side.is_binary and metric.family != "counts":
        return "an average needs more than two classes"
    if len(side.classes) < 2 and metric.name != "accuracy":
        return "y_true and y_pred hold one class only"
    return _why_no_scores(metric, side) if metric.name in _OF_SCORES else None


def value(metric: Metric, side: Side) -> float:
    """Return a metric's value, as scikit-learn computes it. There must be one (`why_not`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is undefined counts as 0, as in a resample
        return float(_CALLS[metric.name](metric, side))


def _why_no_scores(metric: Metric, side: Classified) -> str | None:
    if side.score is None:
        return "the predictions have no y_score"
    if metric.name in _OF_PROBABILITIES and (side.score.min() < 0 or side.score.max() > 1):
        return "y_score is not a probability: it goes beyond 0 and 1"
    found = len(np.unique(side.truth))
    if metric.family == "ranks" and found < len(side.classes):
        return f"only {found} of {len(side.classes)} classes occur in y_true"
    return None


def _averaged(function: str) -> Callable[[Metric, Any], Any]:
    def call(metric: Metric, side: Classified) -> Any:
        average = metric.average or ("binary" if side.is_binary else "macro")
        scores = _sklearn(function)
        return scores(side.truth, side.answer, average=average, zero_division=0)

    return call


def _ranked(function: str) -> Callable[[Metric, Any], Any]:
    def call(metric: Metric, side: Classified) -> Any:
        scores = _sklearn(function)
        if side.is_binary:
            return scores(side.truth, side.score)
        # roc_auc_score insists on rows that sum to 1, which ranks do not need: class by class.
        is_class = side.truth[:, None] == np.arange(len(side.classes))
        return scores(is_class, side.score, average=metric.average or "macro")

    return call


def _loss(function: str) -> Callable[[Metric, Any], Any]:
    def call(_: Metric, side: Classified) -> Any:
        labels = list(range(len(side.classes)))
        return _sklearn(function)(side.truth, side.score, labels=labels)

    return call


def _regression(function: str) -> Callable[[Metric, Any], Any]:
    return lambda _, side: _sklearn(function)(side.truth, side.answer)


def _sklearn(name: str) -> Any:
    from sklearn import metrics  # noqa: PLC0415  # half a second, only where a value is asked for

    return getattr(metrics, name)


_CALLS: dict[str, Callable[[Metric, Any], Any]] = {
    "accuracy": lambda _, side: _sklearn("accuracy_score")(side.truth, side.answer),
    "precision": _averaged("precision_score"),
    "recall": _averaged("recall_score"),
    "f1": _averaged("f1_score"),
    "roc_auc": _ranked("roc_auc_score"),
    "average_precision": _ranked("average_precision_score"),
    "log_loss": _loss("log_loss"),
    "brier": _loss("brier_score_loss"),
    "mae": _regression("mean_absolute_error"),
    "rmse": _regression("root_mean_squared_error"),
    "r2": _regression("r2_score"),
}
