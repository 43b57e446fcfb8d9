from pathlib import Path

import numpy as np
import predictions_samples as samples
import pytest

from trainshed.statistics import flips, sides
from trainshed.statistics.flips import MASK, Flips
from trainshed.statistics.predictions import Predictions
from trainshed.statistics.sides import Classified

TRUTH = ["yes", "yes", "no", "no"] * 10
WRONG_AT = [5, 2, 9]  # rows that the candidate newly gets wrong


def other(label: object) -> str:
    return "no" if label == "yes" else "yes"


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Predictions, Predictions]:
    columns: dict[str, list[object]] = {
        "row_id": [f"r{number:02}" for number in range(40)],
        "y_true": list(TRUTH),
        "y_pred": [other(one) if number == 20 else one for number, one in enumerate(TRUTH)],
        "y_score": [0.5] * 40,
        "plan": [f"p{number % 3}" for number in range(40)],
        "age": [number + 0.5 for number in range(40)],
    }
    answers = [other(one) if number in WRONG_AT else one for number, one in enumerate(TRUTH)]
    scores = [0.5] * 40
    scores[5], scores[2], scores[9] = 0.3, 0.95, 0.01  # sure of no: 0.7, of yes: 0.95, of no: 0.99
    candidate = {**columns, "y_pred": answers, "y_score": scores}
    return samples.of(tmp_path, columns), samples.of(tmp_path, candidate)


def find(runs: tuple[Predictions, Predictions], private: tuple[str, ...] = ()) -> Flips:
    pair = sides.classified(*runs)
    assert pair is not None
    return flips.find(*pair, rows=runs[1], private=private)


def test_flips_are_counted_both_ways(runs: tuple[Predictions, Predictions]) -> None:
    found = find(runs)

    assert (found.right_to_wrong, found.wrong_to_right) == (3, 1)
    assert (found.both_right, found.both_wrong) == (36, 0)
    assert find(runs[::-1]).right_to_wrong == 1


def test_the_candidates_surest_mistakes_come_first(runs: tuple[Predictions, Predictions]) -> None:
    found = find(runs).surest

    assert [one.row_id for one in found] == ["r09", "r02", "r05"]
    assert [one.confidence for one in found] == pytest.approx([0.99, 0.95, 0.7])
    assert [(one.truth, one.answer) for one in found] == [
        ("yes", "no"), ("no", "yes"), ("yes", "no"),
    ]  # fmt: skip
    assert found[0].columns == {"plan": "p0", "age": "9.5"}


def test_private_columns_are_masked(runs: tuple[Predictions, Predictions]) -> None:
    found = find(runs, private=("plan", "row_id")).surest

    assert {one.row_id for one in found} == {MASK}
    assert {one.columns["plan"] for one in found} == {MASK}
    assert {one.columns["age"] for one in found} == {"9.5", "2.5", "5.5"}


def test_at_most_ten_rows_are_shown(tmp_path: Path) -> None:
    columns = samples.binary(100)
    right = {**columns, "y_pred": columns["y_true"]}
    wrong = {**columns, "y_pred": [other(one) for one in columns["y_true"]]}

    found = find((samples.of(tmp_path, right), samples.of(tmp_path, wrong)))

    assert (found.right_to_wrong, len(found.surest)) == (100, 10)


def test_without_scores_rows_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    columns = samples.binary(100)
    del columns["y_score"]
    right = {**columns, "y_pred": columns["y_true"]}
    wrong = {**columns, "y_pred": [other(one) for one in columns["y_true"]]}

    found = find((samples.of(tmp_path, right), samples.of(tmp_path, wrong))).surest

    assert [one.row_id for one in found] == [f"r{number:05}" for number in range(10)]
    assert {one.confidence for one in found} == {None}


def test_scores_beyond_0_and_1_are_distances_from_the_boundary(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {
        "row_id": ["a", "b", "c"],
        "y_true": ["no", "yes", "yes"],
        "y_pred": ["no", "yes", "yes"],
    }
    wrong = {**columns, "y_pred": ["yes", "no", "no"], "y_score": [2.0, -3.0, -0.5]}

    found = find((samples.of(tmp_path, columns), samples.of(tmp_path, wrong))).surest

    assert [(one.row_id, one.confidence) for one in found] == [("b", 3.0), ("a", 2.0), ("c", 0.5)]


def test_of_many_classes_the_score_of_the_answer_counts() -> None:
    baseline, candidate = samples.multiclass_pair(60)
    baseline = Classified(
        classes=baseline.classes, truth=baseline.truth, answer=baseline.truth, score=None
    )
    empty: dict[str, np.ndarray] = {}
    rows = Predictions(
        source="p.csv", row_id=np.array([f"r{one:02}".encode() for one in range(60)]),
        truth=None, answer=None, score=None, class_scores=empty, slices={}, no_slices={},  # type: ignore[arg-type]
    )  # fmt: skip

    found = flips.find(baseline, candidate, rows=rows).surest

    assert candidate.score is not None
    highest = candidate.score.max(axis=1)[candidate.answer != candidate.truth]
    assert found[0].confidence == highest.max()


@pytest.mark.parametrize("lost", [0, 1, 5, 12, 13, 40, 200])
@pytest.mark.parametrize("gained", [0, 1, 11, 12, 35, 150])
def test_mcnemar_agrees_with_statsmodels(lost: int, gained: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")

    p_value, is_exact = flips.mcnemar(lost, gained)

    table = [[50, lost], [gained, 50]]
    if lost + gained:  # statsmodels divides by it
        theirs = tables.mcnemar(table, exact=is_exact, correction=True).pvalue
        assert p_value == pytest.approx(theirs, rel=1e-9)
    assert is_exact == (lost + gained < 25)
    assert p_value == flips.mcnemar(gained, lost)[0]


def test_no_flips_are_no_evidence() -> None:
    assert flips.mcnemar(0, 0) == (1.0, True)
