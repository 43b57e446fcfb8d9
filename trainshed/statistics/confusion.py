"""How often each class was answered as each class, by both runs."""

import numpy as np

from trainshed.evidence import Confusion
from trainshed.statistics.columns import shown
from trainshed.statistics.sides import Classified

MOST_CLASSES = 20
"""More make a table that nobody reads."""


def of(baseline: Classified, candidate: Classified) -> Confusion | None:
    """Count both runs' answers; None with more than MOST_CLASSES."""
    if len(baseline.classes) > MOST_CLASSES:
        return None
    return Confusion(
        classes=tuple(map(shown, baseline.classes)),
        baseline=_table(baseline),
        candidate=_table(candidate),
    )


def _table(side: Classified) -> tuple[tuple[int, ...], ...]:
    classes = len(side.classes)
    cells = side.truth.astype(np.int64) * classes + side.answer
    table = np.bincount(cells, minlength=classes**2).reshape(classes, classes)
    return tuple(tuple(row) for row in table.tolist())
