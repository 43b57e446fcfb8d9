"""What the predictions of any two runs of the store say, the second against the first.

Where they say nothing, that is told, and the numbers of the trainers are all there is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trainshed import finding
from trainshed.config import Model
from trainshed.errors import OutsideError, ProgramError
from trainshed.evidence import Evidence, Flips, Rows
from trainshed.finding import Finding
from trainshed.ledger_runs import Known
from trainshed.question import Comparing, Predicted
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
        return ask(question_of(before, after, store=store, chosen=chosen)), ""
    except (ProgramError, OutsideError) as error:
        return None, error.problem


def question_of(before: Known, after: Known, *, store: Store, chosen: Model | None) -> Comparing:
    """Return what the predictions of two runs, which are both in the store, are asked."""
    assert before.run is not None
    rows = before.run.training_rows
    rules = chosen.metrics if chosen else {}
    return Comparing(
        baseline=_predicted(before, store),
        candidate=_predicted(after, store),
        metrics=tuple(after.summary.metrics),
        rules={name: finding.rule_of(metric) for name, metric in rules.items()},
        trained_on=str(store.folder(before.run_id) / rows.path) if rows else None,
        why=_NOT_SCORED,
        positive=chosen.positive if chosen else None,
        private=tuple(chosen.private) if chosen else (),
        bins={name: tuple(limits) for name, limits in chosen.bins.items()} if chosen else {},
    )


def _predicted(one: Known, store: Store) -> Predicted:
    assert one.run is not None
    assert one.run.predictions is not None
    path = one.run.predictions.path
    return Predicted(
        run_id=one.run_id,
        predictions=str(store.folder(one.run_id) / path),
        source=f"{path.rpartition('/')[2]} of {one.run_id[:12]}",
        metrics=one.summary.metrics,
    )


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
