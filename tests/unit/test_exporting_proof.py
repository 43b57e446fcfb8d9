import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from trainshed.exporting import proof
from trainshed.exporting.perturbation import Case, Way
from trainshed.exporting.proof import Proof, Refused
from trainshed.serving.schema import Row


def cases(count: int, way: Way = "mixed") -> list[Case]:
    return [Case(row={"x": x}, way=way, changed=("x",)) for x in range(count)]


def answering(answer: Callable[[int], Any]) -> proof.Predict:
    return lambda rows: [answer(row["x"]) for row in rows]


def scored(x: int) -> dict[str, Any]:
    return {"prediction": "yes" if x > 5 else "no", "score": 1 / (1 + x)}


def refusing(*refused: int) -> proof.Predict:
    def answer(x: int) -> Any:
        if x in refused:
            raise ValueError(f"{x} is too large")
        return scored(x)

    return answering(answer)


def test_the_same_answers_are_a_proof_and_it_counts_what_was_asked() -> None:
    asked = [*cases(3, "data"), *cases(2, "example"), *cases(2_500)]

    shown = proof.prove(answering(scored), answering(scored), asked)

    assert shown == Proof(why=None, data=3, examples=2, perturbed=2_500)


def test_numbers_may_differ_as_golden_rows_may_and_the_largest_difference_is_told() -> None:
    def slightly(x: int) -> dict[str, Any]:
        return scored(x) | {"score": scored(x)["score"] + (9e-6 if x == 7 else 0)}

    shown = proof.prove(answering(scored), answering(slightly), cases(10))

    assert shown.is_equal
    assert shown.largest == pytest.approx(9e-6)


def test_a_number_that_differs_more_is_a_difference_with_its_row_and_both_answers() -> None:
    def wrong(x: int) -> dict[str, Any]:
        return scored(x) | ({"score": 0.5} if x == 7 else {})

    shown = proof.prove(answering(scored), answering(wrong), cases(10))

    assert shown.why == "a row (mixed values of x) is answered differently"
    assert shown.difference == proof.Difference(
        case=cases(8)[7], expected=scored(7), actual={"prediction": "yes", "score": 0.5}
    )
    assert shown.perturbed == 8


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        pytest.param("yes", "no", id="text"),
        pytest.param(1, 2, id="integers"),
        pytest.param(1, True, id="a-number-for-a-boolean"),
        pytest.param(0.3, 0.300001, id="a-class-that-is-a-number"),
    ],
)
def test_classes_must_be_identical_however_near_the_scores(expected: Any, actual: Any) -> None:
    shown = proof.prove(
        answering(lambda _: {"prediction": expected, "score": 0.5}),
        answering(lambda _: {"prediction": actual, "score": 0.5}),
        cases(1),
    )

    assert not shown.is_equal


def test_a_difference_that_shows_only_alone_or_only_among_many_is_found() -> None:
    for wrong_size in (1, 100, 1_000):

        def converted(rows: Sequence[Row], size: int = wrong_size) -> list[Any]:
            return [None if len(rows) == size else scored(row["x"]) for row in rows]

        assert not proof.prove(answering(scored), converted, cases(1_000)).is_equal


def test_a_row_that_the_original_refuses_may_not_be_answered_by_the_other() -> None:
    shown = proof.prove(refusing(3), answering(scored), cases(10, "unseen"))

    assert shown.why == (
        "the original refuses a row (unseen values of x) that ONNX answers: "
        "ValueError: 3 is too large"
    )


def test_a_row_that_both_refuse_is_no_difference() -> None:
    assert proof.prove(refusing(3), refusing(3), cases(10, "unseen")).is_equal


def test_a_row_that_only_the_converted_model_refuses_is_a_difference() -> None:
    shown = proof.prove(answering(scored), refusing(3), cases(10, "extreme"))

    assert shown.why is not None
    assert shown.why.startswith("ONNX has no answer for a row (extreme values of x): ValueError")


def test_extreme_numbers_that_the_original_refuses_are_counted_and_not_compared() -> None:
    shown = proof.prove(refusing(3, 4, 9), answering(scored), cases(10, "extreme"))

    assert shown.is_equal
    assert shown.refused == 3


def test_one_row_that_fails_takes_no_other_with_it() -> None:
    found = list(proof.answers(refusing(3), [{"x": x} for x in range(8)]))

    assert found[3] == Refused(why="ValueError: 3 is too large")
    assert [one for at, one in enumerate(found) if at != 3] == [
        scored(x) for x in range(8) if x != 3
    ]


def test_regressions_are_compared_as_numbers() -> None:
    def large(x: int) -> float:
        return 1e6 * x

    def near(x: int) -> float:
        return math.nextafter(large(x), math.inf)

    shown = proof.prove(answering(large), answering(near), cases(10))

    assert shown.is_equal
    assert 0 < shown.largest < 1e-15


def test_what_is_served_is_the_first_form_that_is_proved_or_allowed() -> None:
    equal, unequal = Proof(why=None), Proof(why="a row is answered differently")

    assert proof.format_of(equal, is_skops_allowed=True) == "onnx"
    assert proof.format_of(unequal, is_skops_allowed=True) == "skops"
    assert proof.format_of(unequal) == "joblib"
    assert proof.format_of(None) == "joblib"
