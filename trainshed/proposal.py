"""What a pull request promised, against what main made of it: told, and used for nothing else.

The record of a pull request's run is its own word. A release is what main trained; the word only
tells whether training gives the same again.
"""

from collections.abc import Sequence

from trainshed import experiment_record, git
from trainshed.experiment_record import ExperimentRecord
from trainshed.run import Run


def of(repository: git.Repository, ledger_commit: str | None, made: Run) -> str | None:
    """Compare main's run with the pull requests' of the same run id; None: nothing is known."""
    records = experiment_record.find(repository, ledger_commit, made.model, made.run_id)
    return told(records, predictions=made.predictions.digest if made.predictions else None)


def told(records: Sequence[ExperimentRecord], *, predictions: str | None) -> str | None:
    """Say whether predictions are those of pull requests; the nearest to the truth, if several."""
    known = [one for one in records if one.predictions is not None and one.pull_requests]
    if predictions is None or not known:
        return None
    equal = [one for one in known if one.predictions == predictions]
    numbers = sorted({number for one in equal or known for number in one.pull_requests})
    which = f"pull request{'s' if len(numbers) > 1 else ''} {_list(numbers)}"
    if equal:
        return f"predictions equal those of {which}"
    return f"predictions differ from those of {which} (same run id: training is not deterministic)"


def _list(numbers: Sequence[int]) -> str:
    *others, last = (f"#{one}" for one in numbers)
    return f"{', '.join(others)} and {last}" if others else last
