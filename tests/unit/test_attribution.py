from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import records

from trainshed import attribution
from trainshed.attribution import Share
from trainshed.evidence import Evidence, Measured, Rows
from trainshed.run import Run


@dataclass(frozen=True)
class One:
    """An outcome, of which only the run counts."""

    run: Run


def test_the_two_shares_sum_up_to_the_whole_difference() -> None:
    baseline, cross, candidate = one(f1=0.80), one(f1=0.83), one(f1=0.81)

    found = attribution.of(baseline, cross, candidate, nothing)

    assert found.run_id == cross.run.run_id
    assert found.data["f1"].difference == pytest.approx(0.03)
    assert found.code["f1"].difference == pytest.approx(-0.02)


def test_an_interval_stands_where_both_runs_answered_the_same_rows() -> None:
    baseline, cross, candidate = one(f1=0.80), one(f1=0.83), one(f1=0.81)
    asked: list[tuple[One, One]] = []

    def evidence_of(before: One, after: One) -> Evidence:
        asked.append((before, after))
        return evidence(compared=90) if before is baseline else evidence()

    found = attribution.of(baseline, cross, candidate, evidence_of)

    assert asked == [(baseline, cross), (cross, candidate)]
    assert found.data["f1"].interval is None
    assert found.code["f1"].interval == (-0.04, 0.01)


@pytest.mark.parametrize("rows", [{"how": "unpaired"}, {"how": "scored"}, {"baseline": 120}])
def test_on_other_rows_there_is_no_interval(rows: Mapping[str, Any]) -> None:
    found = attribution.of(one(f1=0.8), one(f1=0.8), one(f1=0.8), lambda *_: evidence(**rows))

    assert found.code["f1"] == Share(difference=0.0)


def test_a_metric_that_a_run_lacks_has_no_difference_and_one_of_the_past_is_left_out() -> None:
    baseline, cross, candidate = one(f1=0.8, old=1.0), one(f1=0.8, new=0.5), one(f1=0.8, new=0.7)

    found = attribution.of(baseline, cross, candidate, nothing)

    assert list(found.data) == list(found.code) == ["f1", "new"]
    assert found.data["new"] == Share(difference=None)
    assert found.code["new"].difference == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("change", "names", "is_of_both"),
    [
        ({}, (), False),
        ({"dataset": records.V2}, ("data",), False),
        ({"code": {"pipelines/": "beef" * 10}}, ("code",), False),
        ({"dataset": records.V2, "lock": None}, ("data", "lock"), True),
        ({"command": ("sh",), "python": "3.12"}, ("command", "python"), False),
        ({"params": {"seed": "1"}, "dataset": records.V2}, ("data", "params"), True),
    ],
)
def test_what_changed_is_named_and_a_cross_run_parts_data_from_the_rest(
    change: Mapping[str, Any], names: tuple[str, ...], is_of_both: bool
) -> None:
    found = attribution.changed(records.INGREDIENTS, replace(records.INGREDIENTS, **change))

    assert found == names
    assert attribution.is_of_both(found) == is_of_both


def one(**metrics: float) -> One:
    return One(replace(records.RUN, metrics=metrics))


def nothing(before: One, after: One) -> None:
    """Say nothing of two runs."""


def evidence(**rows: Any) -> Evidence:
    known = {"how": "paired", "compared": 100, "baseline": 100, "candidate": 100}
    return Evidence(
        rows=Rows(**{**known, **rows}), metrics={"f1": Measured(interval=(-0.04, 0.01))}
    )
