"""Which rows two runs are compared on, and whose answers the baseline's are.

Paired where the runs answered the same rows themselves. Where their rows differ, or their truths,
what the baseline's artifact answered for the candidate's data, if that is known to be fair; else
the common rows, if they are many; else each run on all of its own. One way for all of a comparison,
never two.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainshed.drift import row_ids
from trainshed.evidence import How
from trainshed.evidence import Rows as RowsFound
from trainshed.statistics import pairing
from trainshed.statistics.columns import Ids
from trainshed.statistics.pairing import Pairing
from trainshed.statistics.predictions import Predictions, text_of

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
            on; None where there is no need, or that cannot be known.
    """
    if scored is not None and (scored >= LEAST_PAIRED or scored == candidate):
        return "scored"
    is_most = common >= LEAST_PAIRED and common >= _LEAST_SHARE * candidate
    return "paired" if is_same or is_most else "unpaired"


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
        trained_on: ids of the rows that the baseline was trained on, sorted.
        why: why the baseline was not asked.

    Raises:
        RowIdsNameOtherRows: common ids name other rows.
    """
    own = pairing.pair(baseline, candidate)
    common = _Fair.of(own, trained_on)
    answered = None
    if scored is not None and not own.is_complete:
        why = UNKNOWN_SPLIT if trained_on is None else MOSTLY_TRAINED_ON  # unless it is used
        if trained_on is not None:
            answered = _Fair.of(pairing.pair(scored, candidate), trained_on)
    how = decide(
        candidate=len(candidate),
        common=len(common.pairing.candidate),
        is_same=not (own.only_baseline or own.only_candidate),
        scored=None if answered is None else len(answered.pairing.candidate),
    )
    chosen = answered if answered is not None and how == "scored" else common
    rows = RowsFound(
        how=how,
        compared=len(candidate) if how == "unpaired" else len(chosen.pairing.candidate),
        baseline=len(baseline),
        candidate=len(candidate),
        only_baseline=own.only_baseline,
        only_candidate=chosen.pairing.only_candidate,
        relabelled=0 if how == "unpaired" else chosen.pairing.relabelled,
        trained_on=0 if how == "unpaired" else chosen.left_out,
        why="" if how == "scored" or own.is_complete else why,
    )
    if how == "unpaired":
        return Matched(baseline=baseline, candidate=candidate, rows=rows)
    return Matched(baseline=chosen.pairing.baseline, candidate=chosen.pairing.candidate, rows=rows)


def _were_seen(ids: Ids, trained_on: Ids) -> NDArray[np.bool_]:
    """Tell which rows a model was trained on, be it on a copy, where ids tell what is one.

    Args:
        trained_on: sorted.
    """
    seen: NDArray[np.bool_] = np.isin(ids, trained_on)
    shared = [row_ids.identity(text_of(one)).encode() for one in ids.tolist()]
    starts = np.array(shared, dtype=np.bytes_)
    next_ones = trained_on[np.minimum(np.searchsorted(trained_on, starts), trained_on.size - 1)]
    is_copy: NDArray[np.bool_] = (starts != ids) & np.char.startswith(next_ones, starts)
    return seen | is_copy


@dataclass(frozen=True, kw_only=True, eq=False)
class _Fair:
    """Pairs of answers without those that flatter the baseline."""

    pairing: Pairing
    left_out: int
    """Rows that the baseline was trained on."""

    @classmethod
    def of(cls, paired: Pairing, trained_on: Ids | None) -> "_Fair":
        if trained_on is None or not trained_on.size:
            return cls(pairing=paired, left_out=0)
        kept = np.flatnonzero(~_were_seen(paired.candidate.row_id, trained_on))
        fair = replace(
            paired, baseline=paired.baseline.take(kept), candidate=paired.candidate.take(kept)
        )
        return cls(pairing=fair, left_out=len(paired.candidate) - kept.size)
