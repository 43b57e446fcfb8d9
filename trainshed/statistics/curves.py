"""Curves of two classifiers of two classes, at places that lie evenly from 0 to 1.

- `roc`: the share of positives found, at each share of negatives that are taken for positives;
  between two points of the curve, the line between them.
- `precision-recall`: the precision with which at least that share of the positives is found, as the
  steps that average_precision sums.
- `calibration`: of the rows whose score lies in each tenth, the share that are positive.
"""

import numpy as np

from trainshed.evidence import Curve
from trainshed.statistics.columns import Floats
from trainshed.statistics.sides import Classified

_PLACES = np.linspace(0, 1, 21)
_BINS = 10

Points = tuple[float | None, ...]


def of(baseline: Classified, candidate: Classified) -> tuple[Curve, ...]:
    """Return the curves of two runs; none without scores, or where a class does not occur."""
    both = (baseline, candidate)
    if not all(_has_curves(side) for side in both):
        return ()
    found = [
        Curve(kind="roc", baseline=_roc(baseline), candidate=_roc(candidate)),
        Curve(
            kind="precision-recall",
            baseline=_precision_recall(baseline),
            candidate=_precision_recall(candidate),
        ),
    ]
    if all(_has_probabilities(side) for side in both):
        tenths = _calibration(baseline), _calibration(candidate)
        found.append(Curve(kind="calibration", baseline=tenths[0], candidate=tenths[1]))
    return tuple(found)


def _has_curves(side: Classified) -> bool:
    return len(side.classes) == 2 and side.score is not None and np.unique(side.truth).size == 2


def _has_probabilities(side: Classified) -> bool:
    assert side.score is not None
    return bool(side.score.min() >= 0 and side.score.max() <= 1)


def _roc(side: Classified) -> Points:
    hits, alarms = _running(side)
    shares = np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])
    # Of points above each other np.interp takes the last, which is the highest.
    return tuple(np.interp(_PLACES, *shares).tolist())


def _precision_recall(side: Classified) -> Points:
    hits, alarms = _running(side)
    recall, precision = hits / hits[-1], hits / (hits + alarms)
    # The highest limit that finds so many; to find none, one that finds some.
    least = np.maximum(_PLACES, recall[recall > 0][0])
    return tuple(precision[np.searchsorted(recall, least - 1e-12)].tolist())


def _running(side: Classified) -> tuple[Floats, Floats]:
    """Return how many of each class are taken for positive, as the limit falls to each score."""
    assert side.score is not None
    order = np.argsort(-side.score, kind="stable")
    score, truth = side.score[order], side.truth[order] == 1
    ends = np.append(np.flatnonzero(np.diff(score)), score.size - 1)  # equal scores go together
    hits = np.cumsum(truth)[ends]
    return hits.astype(np.float64), (ends + 1 - hits).astype(np.float64)


def _calibration(side: Classified) -> Points:
    assert side.score is not None
    tenth = np.minimum((side.score * _BINS).astype(np.intp), _BINS - 1)
    rows = np.bincount(tenth, minlength=_BINS)
    positives = np.bincount(tenth, weights=side.truth == 1, minlength=_BINS)
    return tuple(
        float(found / every) if every else None
        for found, every in zip(positives, rows, strict=True)
    )
