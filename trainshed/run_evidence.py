"""What the predictions of any two runs of the store say, the second against the first.

Where they say nothing, that is told, and the numbers of the trainers are all there is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trainshed import finding, prediction_question
from trainshed.config import Model
from trainshed.errors import OutsideError, ProgramError
from trainshed.evidence import Evidence, Flips, Rows
from trainshed.finding import Finding
from trainshed.ledger_runs import Known
from trainshed.prediction_question import Answering
from trainshed.question import Comparing
from trainshed.store import Store

Ask = Callable[[Comparing], Evidence]

_NOT_SCORED = "runs.py asks no model for answers; scripts/compare.py does"


@dataclass(frozen=True, kw_only=True)
class Compared:
    before: Known
    after: Known
    findings: tuple[Finding, ...]
    """One for each metric of the second run."""
    rows: Rows | None = None
    flips: Flips | None = None
    why_not: str = ""
    """Why there is no interval at all."""


def compare(
    before: Known, after: Known, *, store: Store, chosen: Model | None, ask: Ask
) -> Compared:
    """Compare two runs by their predictions where both are here, else by their numbers.

    Args:
        chosen: the model as trainshed.yml has it now; None when it has no such model.
        ask: the statistician.
    """
    evidence, why_not = _evidence(before, after, store, chosen, ask)
    return Compared(
        before=before,
        after=after,
        findings=_findings(before, after, evidence, chosen),
        rows=evidence.rows if evidence else None,
        flips=evidence.flips if evidence else None,
        why_not=why_not,
    )


def _evidence(
    before: Known, after: Known, store: Store, chosen: Model | None, ask: Ask
) -> tuple[Evidence | None, str]:
    if before.run_id == after.run_id:
        return None, "it is one and the same run"
    for one in (before, after):
        name = one.run_id[:12]
        if one.run is None:
            return None, f"{name} is not in the run store, so its predictions are not here"
        if one.run.predictions is None:
            return None, f"the trainer of {name} wrote no predictions"
        if store.find(one.run_id) is None:
            return None, f"a file of {name} has gone from the run store, or changed"
    try:
        old, new = _answering(before, store), _answering(after, store)
        return ask(prediction_question.of(old, new, chosen, why=_NOT_SCORED)), ""
    except (ProgramError, OutsideError) as error:
        return None, error.problem


def _answering(one: Known, store: Store) -> Answering:
    assert one.run is not None
    return Answering(run=one.run, folder=store.folder(one.run_id), name=one.run_id[:12])


def _findings(
    before: Known, after: Known, evidence: Evidence | None, chosen: Model | None
) -> tuple[Finding, ...]:
    rules = chosen.metrics if chosen else {}
    measured = evidence.metrics if evidence else {}
    return tuple(
        finding.of(
            name,
            value,
            before.summary.metrics.get(name),
            rule=rules.get(name),
            measured=measured.get(name),
            judges_numbers=chosen is None or chosen.gate.no_interval == "number",
        )
        for name, value in after.summary.metrics.items()
    )
