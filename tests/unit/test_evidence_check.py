"""Evidence that a stranger uploads: what an honest job could have found is believed, no more."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import records

from trainshed import comparison, evidence_check
from trainshed.comparison import Against, Comparison
from trainshed.data_evidence import Leakage
from trainshed.evidence import (
    Confusion,
    Curve,
    Evidence,
    Flip,
    Flips,
    Measured,
    Noise,
    Rows,
    Slice,
    Slices,
)

F1 = Measured(baseline=0.85, candidate=0.86, difference=0.01, interval=(-0.005, 0.025), level=0.975)
SLICE = Slice(
    column="plan",
    value="yes",
    rows=200,
    baseline=0.8,
    candidate=0.7,
    difference=-0.1,
    interval=(-0.15, -0.05),
    p_value=0.001,
    finding="worse",
)
FLIP = Flip(row_id="a-1", truth="no", answer="yes", confidence=0.9, columns={"plan": "yes"})
HONEST = Evidence(
    rows=Rows(how="paired", compared=800, baseline=800, candidate=800),
    metrics={"f1": F1, "log_loss": Measured(why_not="the predictions have no y_score")},
    slices=Slices(metric="f1", found=(SLICE,), left_out=3),
    flips=Flips(
        right_to_wrong=3,
        wrong_to_right=4,
        both_right=700,
        both_wrong=93,
        p_value=1.0,
        is_exact=True,
        surest=(FLIP,),
    ),
    confusion=Confusion(
        classes=("no", "yes"), baseline=((1, 2), (3, 4)), candidate=((2, 1), (4, 3))
    ),
    curves=(Curve(kind="roc", baseline=(0.0, None, 1.0), candidate=(0.0, 0.9, 1.0)),),
)


def compared(evidence: Evidence, **changes: Any) -> Comparison:
    return comparison.compare(
        model="churn",
        candidate=records.side({"f1": 0.86, "log_loss": 0.2}, run_id="1" * 64),
        parent=Against(
            side=records.side({"f1": 0.85, "log_loss": 0.2}, run_id="2" * 64), evidence=evidence
        ),
        live=None,
        rules=records.RULES,
        **changes,
    )


def test_what_an_honest_job_found_is_believed() -> None:
    evidence_check.check(compared(HONEST))


def test_a_metric_may_differ_from_the_report_where_rows_are_left_out() -> None:
    rows = replace(HONEST.rows, candidate=900)
    other = replace(F1, baseline=0.5, candidate=0.51)
    found = replace(HONEST, rows=rows, metrics={"f1": other})

    evidence_check.check(compared(found))


def metric(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda honest: replace(honest, metrics={"f1": replace(F1, **changes)})


def flips(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda honest: replace(honest, flips=replace(honest.flips, **changes))


def slices(**changes: Any) -> Callable[[Evidence], Evidence]:
    found = (replace(SLICE, **changes),)
    return lambda honest: replace(honest, slices=replace(honest.slices, found=found))


DISHONEST: dict[str, tuple[Callable[[Evidence], Evidence], str]] = {
    "an interval the wrong way round": (metric(interval=(0.1, 0.0)), "interval that is none"),
    "an interval of nothing": (metric(difference=None), "interval that is none"),
    "an endless interval": (metric(interval=(-0.1, float("inf"))), "number that is none"),
    "another difference than its values'": (metric(difference=0.5), "not that of its values"),
    "a level beyond 1": (metric(level=1.5), "than a level"),
    "values that the report denies": (
        metric(baseline=0.9, candidate=0.91),
        "contradicts the metric",
    ),
    "a metric that nobody reported": (
        lambda honest: replace(honest, metrics={"auc": F1}),
        "that the candidate lacks",
    ),
    "more rows than there are": (
        lambda honest: replace(honest, rows=replace(honest.rows, compared=801)),
        "more rows compared",
    ),
    "less than no rows": (
        lambda honest: replace(honest, rows=replace(honest.rows, trained_on=-1)),
        "more rows compared",
    ),
    "flips of other rows": (flips(both_right=5), "flips of other rows"),
    "a chance beyond 1": (flips(p_value=2.0), "than a chance"),
    "more flipped rows than flips": (flips(surest=(FLIP,) * 4), "more flipped rows"),
    "a slice of more rows": (slices(rows=801), "slice of more rows"),
    "a slice judged by nothing": (slices(p_value=None), "judged by nothing"),
    "a slice's interval": (slices(interval=(0.1, 0.0)), "interval that is none"),
    "too many slices": (
        lambda honest: replace(
            honest, slices=Slices(metric="f1", found=(SLICE,) * 201, left_out=0)
        ),
        "too many slices",
    ),
    "a matrix of another size": (
        lambda honest: replace(
            honest, confusion=replace(honest.confusion, classes=("a", "b", "c"))
        ),
        "another size",
    ),
    "a matrix below nothing": (
        lambda honest: replace(
            honest, confusion=replace(honest.confusion, candidate=((2, -1), (4, 3)))
        ),
        "less than no rows",
    ),
    "a curve twice": (lambda honest: replace(honest, curves=honest.curves * 2), "curve twice"),
    "a curve beyond 1": (
        lambda honest: replace(
            honest, curves=(Curve(kind="roc", baseline=(0.0, 2.0), candidate=(0.0, 1.0)),)
        ),
        "point of a curve",
    ),
    "curves of other lengths": (
        lambda honest: replace(
            honest, curves=(Curve(kind="roc", baseline=(0.0, 1.0), candidate=(0.0,)),)
        ),
        "cannot be drawn",
    ),
}


@pytest.mark.parametrize("name", DISHONEST)
def test_what_no_honest_job_could_find_is_refused(name: str) -> None:
    change, problem = DISHONEST[name]

    with pytest.raises(ValueError, match=problem):
        evidence_check.check(compared(change(HONEST)))


def test_noise_and_leakage_are_looked_at_too() -> None:
    noise = {"f1": Noise(limit=-1.0, seeds=5, spread=0.1)}
    with pytest.raises(ValueError, match="a noise"):
        evidence_check.check(compared(HONEST, noise=noise))

    leaking = Leakage(rows=5, evaluated=4, examples=())
    with pytest.raises(ValueError, match="rows that leak"):
        evidence_check.check(compared(HONEST, leakage=leaking))
