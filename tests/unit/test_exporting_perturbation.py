import math
from collections import Counter

import pytest

from trainshed.exporting import perturbation
from trainshed.exporting.perturbation import Case
from trainshed.serving.schema import Column, Schema

SCHEMA = Schema(
    columns=(
        Column(name="plan", type="string"),
        Column(name="age", type="integer"),
        Column(name="balance", type="number", nullable=True),
        Column(name="vip", type="boolean"),
    )
)
BASE = [
    {"plan": plan, "age": age, "balance": balance, "vip": age % 2 == 0}
    for plan, age, balance in (("basic", 20, 0.5), ("gold", 45, None), ("silver", 63, 99.25))
]
THRESHOLDS = {"age": [33.5], "balance": [10.1, -2.0]}


@pytest.fixture(scope="module")
def made() -> list[Case]:
    return perturbation.cases(BASE, SCHEMA, thresholds=THRESHOLDS, count=2_000)


def values(made: list[Case], column: str, way: str) -> set[object]:
    return {case.row[column] for case in made if case.way == way and column in case.changed}


def test_there_are_as_many_rows_as_asked_for_and_a_server_would_take_each(
    made: list[Case],
) -> None:
    assert len(made) == 2_000
    assert SCHEMA.validate([case.row for case in made]) == ()


def test_every_way_to_change_a_row_is_gone(made: list[Case]) -> None:
    ways = Counter(case.way for case in made)

    assert set(ways) == {"threshold", "unseen", "null", "whole", "extreme", "mixed"}
    assert ways["threshold"] == 1_000


def test_values_lie_on_thresholds_and_the_smallest_step_to_both_sides(made: list[Case]) -> None:
    for threshold in THRESHOLDS["balance"]:
        beside = {math.nextafter(threshold, to) for to in (-math.inf, math.inf)}
        assert {threshold, *beside} <= values(made, "balance", "threshold")


def test_an_integer_stays_whole_at_a_threshold(made: list[Case]) -> None:
    assert values(made, "age", "threshold") == {33, 34}


def test_only_a_column_that_may_be_null_is(made: list[Case]) -> None:
    nulls = {name for case in made if case.way == "null" for name in case.changed}

    assert nulls == {"balance"}


def test_unseen_text_is_none_of_the_data(made: list[Case]) -> None:
    unseen = values(made, "plan", "unseen")

    assert {"BASIC", "gold ", "gol", "never seen"} <= unseen
    assert not unseen & {"basic", "gold", "silver"}


def test_extremes_reach_the_ends_of_each_type(made: list[Case]) -> None:
    assert {2**63 - 1, 1 - 2**63, 2**53 + 1} <= values(made, "age", "extreme")
    assert {1.7976931348623157e308, 5e-324} <= values(made, "balance", "extreme")
    assert "" in values(made, "plan", "extreme")


def test_integers_come_as_floats_too(made: list[Case]) -> None:
    assert all(isinstance(value, float) for value in values(made, "age", "whole"))


def test_what_is_not_named_as_changed_is_a_row_of_the_data(made: list[Case]) -> None:
    for case in made:
        kept = {name: case.row[name] for name in case.row if name not in case.changed}
        assert any(kept.items() <= row.items() for row in BASE)


def test_the_same_seed_makes_the_same_rows_and_another_does_not() -> None:
    one, same, other = (
        perturbation.cases(BASE, SCHEMA, thresholds=THRESHOLDS, count=50, seed=seed)
        for seed in (1, 1, 2)
    )

    assert one == same
    assert one != other


def test_without_thresholds_other_rows_take_their_place() -> None:
    made = perturbation.cases(BASE, SCHEMA, thresholds={}, count=400)

    assert len(made) == 400
    assert "threshold" not in {case.way for case in made}
