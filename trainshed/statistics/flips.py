"""Rows that turned from right to wrong between two runs, and whether that is more than chance."""

import math
from collections.abc import Collection
from itertools import islice

import numpy as np

from trainshed.evidence import Flip, Flips
from trainshed.statistics.columns import Column, Floats, Rows, Texts, shown
from trainshed.statistics.predictions import Predictions, text_of
from trainshed.statistics.sides import Classified

SHOWN = 10
MASK = "•••"
_MOST_COLUMNS = 30  # of a flip
_EXACT_BELOW = 25  # discordant rows: the chi-square approximation is good from here on


def find(
    baseline: Classified,
    candidate: Classified,
    *,
    rows: Predictions,
    private: Collection[str] = (),
) -> Flips:
    """Find the flips of paired runs.

    Args:
        baseline, candidate: their answers, row by row to the same questions.
        rows: the candidate's predictions, in the same order.
        private: columns whose values are not to be shown; `row_id` may be one.
    """
    before = baseline.answer == baseline.truth
    after = candidate.answer == candidate.truth
    lost = np.flatnonzero(before & ~after)
    gained = int(np.count_nonzero(~before & after))
    p_value, is_exact = mcnemar(lost.size, gained)
    return Flips(
        right_to_wrong=int(lost.size),
        wrong_to_right=gained,
        both_right=int(np.count_nonzero(before & after)),
        both_wrong=int(np.count_nonzero(~before & ~after)),
        p_value=p_value,
        is_exact=is_exact,
        surest=_surest(candidate, lost, rows, private),
    )


def mcnemar(right_to_wrong: int, wrong_to_right: int) -> tuple[float, bool]:
    """Return the p-value and whether it is exact: binomial for few flips, else chi-square.

    The chi-square statistic has one degree of freedom and is corrected for continuity.
    """
    flips = right_to_wrong + wrong_to_right
    if flips < _EXACT_BELOW:
        fewer = min(right_to_wrong, wrong_to_right)
        tail = sum(math.comb(flips, count) for count in range(fewer + 1)) / 2**flips
        return min(1.0, 2 * tail), True
    statistic = (abs(right_to_wrong - wrong_to_right) - 1) ** 2 / flips
    return math.erfc(math.sqrt(statistic / 2)), False


def _surest(
    side: Classified, lost: Rows, rows: Predictions, private: Collection[str]
) -> tuple[Flip, ...]:
    confidence = _confidence(side)
    # Rows are in the order of their ids, which decides between equals.
    order = np.arange(lost.size)
    if confidence is not None:
        order = np.argsort(-confidence[lost], kind="stable")
    return tuple(
        Flip(
            row_id=MASK if "row_id" in private else text_of(rows.row_id[row]),
            truth=shown(side.classes[side.truth[row]]),
            answer=shown(side.classes[side.answer[row]]),
            confidence=None if confidence is None else float(confidence[row]),
            columns={
                shown(name): MASK if name in private else _text(column, row)
                for name, column in islice(rows.slices.items(), _MOST_COLUMNS)
            },
        )
        for row in lost[order[:SHOWN]]
    )


def _confidence(side: Classified) -> Floats | None:
    """Return how strongly the scores speak for the answer given."""
    score = side.score
    if score is None:
        return None
    if score.ndim == 2:
        return np.take_along_axis(score, side.answer[:, None].astype(np.intp), axis=1)[:, 0]
    is_probability = score.min() >= 0 and score.max() <= 1
    other = 1 - score if is_probability else -score  # else a distance from the boundary
    return np.where(side.answer == len(side.classes) - 1, score, other)


def _text(column: Column, row: int) -> str:
    if isinstance(column, Texts):
        return shown(column.values[int(column.codes[row])])
    number = column.numbers[row]
    return "" if np.isnan(number) else f"{number:g}"
