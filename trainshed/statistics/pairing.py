"""Pair the predictions of two runs by row id, so that both are judged on the same rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainshed.errors import ProgramError
from trainshed.statistics.columns import Column, Floats, Numbers
from trainshed.statistics.predictions import Predictions, text_of

MOST_RELABELLED = 0.05
"""Share of the common rows whose truth may have changed."""


class RowIdsNameOtherRows(ProgramError):
    """Many rows of the same `row_id` have another truth: the ids do not name the same rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairing:
    """The rows that both runs answered, in the same order, and how many others there were."""

    baseline: Predictions
    candidate: Predictions
    only_baseline: int
    only_candidate: int
    relabelled: int
    """Rows of both whose truth is another one in the candidate's data. They are left out: neither
    truth would be fair to both runs."""

    @property
    def is_complete(self) -> bool:
        return not (self.only_baseline or self.only_candidate or self.relabelled)


def pair(baseline: Predictions, candidate: Predictions) -> Pairing:
    """Pair two runs' rows.

    Raises:
        RowIdsNameOtherRows: more than MOST_RELABELLED of the common rows differ in their truth.
    """
    total = len(baseline), len(candidate)
    if not np.array_equal(baseline.row_id, candidate.row_id):
        _, left, right = np.intersect1d(
            baseline.row_id, candidate.row_id, assume_unique=True, return_indices=True
        )
        baseline, candidate = baseline.take(left), candidate.take(right)
    common = len(baseline)
    same = _is_equal(baseline.truth, candidate.truth, size=common)
    relabelled = int(common - np.count_nonzero(same))
    if relabelled > MOST_RELABELLED * common:
        example = text_of(baseline.row_id[np.flatnonzero(~same)[0]])
        raise RowIdsNameOtherRows(
            f"{relabelled:,} of the {common:,} rows that both runs have differ in y_true "
            f"(row_id {example!r} is one): their row ids do not name the same rows.",
            fix="Name rows by the data's key columns or their content, never by their position.",
        )
    if relabelled:
        kept = np.flatnonzero(same)
        baseline, candidate = baseline.take(kept), candidate.take(kept)
    return Pairing(
        baseline=baseline,
        candidate=candidate,
        only_baseline=total[0] - common,
        only_candidate=total[1] - common,
        relabelled=relabelled,
    )


def _is_equal(left: Column, right: Column, *, size: int) -> NDArray[np.bool_]:
    """Tell row by row whether two columns hold the same: as numbers where both are numbers."""
    numbers = left.numbers, right.numbers
    if numbers[0] is not None and numbers[1] is not None:
        same: NDArray[np.bool_] = _rounded(numbers[0]) == _rounded(numbers[1])
        return same
    if isinstance(left, Numbers) or isinstance(right, Numbers):  # a number is no text
        return np.zeros(size, dtype=np.bool_)
    table = {text: code for code, text in enumerate(left.values)}
    turned = np.array([table.get(text, -1) for text in right.values], dtype=np.int32)
    equal: NDArray[np.bool_] = left.codes == turned[right.codes]
    return equal


def _rounded(numbers: Floats) -> Floats:
    """Programs write 0.1 + 0.2 in different ways; a truth that differs by so little is the same."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32).astype(np.float64)
