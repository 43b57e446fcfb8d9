"""Which rows two runs are compared on, and whose answers the baseline's are.

Paired where the runs answered the same rows themselves. Where their rows differ, what the
baseline's artifact answered for the candidate's, if that is known to be fair; else the common rows,
if they are many; else each run on all of its own. One way for all of a comparison, never two.
"""

from dataclasses import dataclass, replace

import numpy as np

from trainshed.evidence import How
from trainshed.evidence import Rows as RowsFound
from trainshed.statistics import pairing
from trainshed.statistics.columns import Ids
from trainshed.statistics.pairing import Pairing
from trainshed.statistics.predictions import Predictions

LEAST_PAIRED = 30
"""Common rows; with fewer, the runs are compared as if they had none in common."""
_LEAST_SHARE = 0.5  # of the candidate's rows: the others would be left out

UNKNOWN_SPLIT = (
    "the baseline does not say which rows it was trained on, so its answers for others may flatter"
)
MOSTLY_TRAINED_ON = "the baseline was trained on nearly all of the candidate's rows"


@dataclass(frozen=True, kw_only=True, eq=False)
class Matched:
    baseline: Predictions
    candidate: Predictions
    """The rows that are compared; row by row the same, unless unpaired."""
    rows: RowsFound

    @property
    def is_paired(self) -> bool:
        return self.rows.how != "unpaired"


def decide(*, candidate: int, common: int, is_same: bool, scored: int | None) -> How:
    """Decide how two runs are compared.

    Args:
        candidate: rows that the candidate answered.
        common: of them, those that the baseline answered itself and was not trained on.
        is_same: whether both answered the same rows.
        scored: of the candidate's, those that the baseline's artifact answered and was not trained
            on; None where that cannot be known.
    """
    if is_same:
        return "paired"
    if scored is not None and (scored >= LEAST_PAIRED or scored == candidate):
        return "scored"
    is_most = common >= LEAST_PAIRED and common >= _LEAST_SHARE * candidate
    return "paired" if is_most else "unpaired"


def match(
    baseline: Predictions,
    candidate: Predictions,
    *,
    scored: Predictions | None = None,
    trained_on: Ids | None = None,
    why: str = "",
) -> Matched:
    """Choose the rows of a comparison.

    Args:
        scored: what the baseline's artifact answered for the candidate's data.
        trained_on: ids of the rows that the baseline was trained on.
        why: why the baseline was not asked.

    Raises:
        RowIdsNameOtherRows: common ids name other rows.
    """
    own = pairing.pair(baseline, candidate)
    is_same = not (own.only_baseline or own.only_candidate)
    common, common_trained = _without(own, trained_on)
    answered, answered_trained = None, 0
    if not is_same and scored is not None:
        if trained_on is None:
            why = UNKNOWN_SPLIT
        else:
            answered, answered_trained = _without(pairing.pair(scored, candidate), trained_on)
            why = MOSTLY_TRAINED_ON  # unless it is enough
    how = decide(
        candidate=len(candidate),
        common=len(common.candidate),
        is_same=is_same,
        scored=None if answered is None else len(answered.candidate),
    )
    rows = RowsFound(
        how=how,
        compared=len(candidate),
        baseline=len(baseline),
        candidate=len(candidate),
        only_baseline=own.only_baseline,
        only_candidate=own.only_candidate,
        why="" if is_same or how == "scored" else why,
    )
    if how == "unpaired":
        return Matched(baseline=baseline, candidate=candidate, rows=rows)
    chosen, left_out = common, common_trained
    if how == "scored":
        assert answered is not None
        chosen, left_out = answered, answered_trained
        rows = replace(rows, only_candidate=answered.only_candidate)
    return Matched(
        baseline=chosen.baseline,
        candidate=chosen.candidate,
        rows=replace(
            rows,
            compared=len(chosen.candidate),
            relabelled=chosen.relabelled,
            trained_on=left_out,
        ),
    )


def _without(paired: Pairing, trained_on: Ids | None) -> tuple[Pairing, int]:
    """Leave out rows that the baseline was trained on; return how many they were."""
    if trained_on is None or not trained_on.size:
        return paired, 0
    is_new = ~np.isin(paired.candidate.row_id, trained_on)
    kept = np.flatnonzero(is_new)
    left_out = int(is_new.size - kept.size)
    if not left_out:
        return paired, 0
    baseline, candidate = paired.baseline.take(kept), paired.candidate.take(kept)
    return replace(paired, baseline=baseline, candidate=candidate), left_out
