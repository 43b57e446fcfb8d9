from pathlib import Path

import pytest

from trainshed.prediction_difference import Answers, PredictionsHaveNoAnswers, differ
from trainshed.statistics.predictions_file import PredictionsCannotBeRead

HEADER = "row_id,y_true,y_pred,y_score,region\n"
ROWS = ["a,yes,yes,0.9,north\n", "b,no,no,0.2,south\n", "c,yes,no,0.4,north\n"]


def difference(folder: Path, first: str, second: str) -> Answers:
    (folder / "first.csv").write_text(first)
    (folder / "second.csv").write_text(second)
    return differ(folder / "first.csv", folder / "second.csv")


def test_the_same_answers_are_identical(tmp_path: Path) -> None:
    whole = HEADER + "".join(ROWS)

    assert difference(tmp_path, whole, whole) == Answers(rows=3)
    assert Answers(rows=3).are_identical


def test_rows_are_found_wherever_they_stand(tmp_path: Path) -> None:
    found = difference(tmp_path, HEADER + "".join(ROWS), HEADER + "".join(reversed(ROWS)))

    assert found == Answers(rows=3)


def test_columns_may_stand_in_any_order_and_slices_do_not_count(tmp_path: Path) -> None:
    other = "y_score,y_pred,row_id\n0.9,yes,a\n0.2,no,b\n0.4,no,c\n"

    assert difference(tmp_path, HEADER + "".join(ROWS), other) == Answers(rows=3)


def test_other_answers_and_scores_are_counted_with_the_largest_distance(tmp_path: Path) -> None:
    other = HEADER + "a,yes,no,0.4,north\n" + "b,no,no,0.21,south\n" + ROWS[2]

    found = difference(tmp_path, HEADER + "".join(ROWS), other)

    assert found == Answers(rows=3, changed=1, rescored=2, largest=pytest.approx(0.5))
    assert not found.are_identical


def test_each_class_has_a_score_of_its_own(tmp_path: Path) -> None:
    first = "row_id,y_pred,y_score.cat,y_score.dog\na,cat,0.75,0.25\n"
    other = "row_id,y_pred,y_score.cat,y_score.dog\na,cat,0.75,0.125\n"

    assert difference(tmp_path, first, other) == Answers(rows=1, rescored=1, largest=0.125)


def test_rows_of_only_one_are_counted(tmp_path: Path) -> None:
    found = difference(
        tmp_path, HEADER + "".join(ROWS), HEADER + ROWS[2] + "d,no,no,0.1,south\ne,no,no,0.1,west\n"
    )

    assert found == Answers(rows=1, only_first=2, only_second=2)
    assert not found.are_identical


def test_an_id_that_stands_twice_hides_no_difference(tmp_path: Path) -> None:
    first = "row_id,y_pred,y_score\na,yes,0.1\na,yes,0.2\nb,no,0.3\nc,no,0.4\n"
    other = "row_id,y_pred,y_score\nb,no,0.3\nc,no,0.4\na,yes,0.1\na,yes,0.9\n"

    found = difference(tmp_path, first, other)

    assert not found.are_identical


@pytest.mark.parametrize(
    ("before", "after", "largest"),
    [("0.1", "0.10", 0.0), ("nan", "0.5", None), ("", "high", None), ("1e308", "-1e308", None)],
)
def test_scores_that_are_written_otherwise_are_other_scores(
    tmp_path: Path, before: str, after: str, largest: float | None
) -> None:
    header = "row_id,y_pred,y_score\n"

    found = difference(tmp_path, f"{header}a,yes,{before}\n", f"{header}a,yes,{after}\n")

    assert found == Answers(rows=1, rescored=1, largest=largest)


def test_scores_of_only_one_are_named(tmp_path: Path) -> None:
    found = difference(tmp_path, HEADER + ROWS[0], "row_id,y_pred\na,yes\n")

    assert found == Answers(rows=1, columns=("y_score",))
    assert not found.are_identical


def test_a_file_without_answers_is_told_by_which_training_it_is(tmp_path: Path) -> None:
    with pytest.raises(
        PredictionsHaveNoAnswers, match=r"second training's predictions .*column y_pred"
    ):
        difference(tmp_path, HEADER + ROWS[0], "row_id,y_score\na,0.9\n")


def test_a_file_that_is_no_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(PredictionsCannotBeRead, match="first training's predictions"):
        difference(tmp_path, "", HEADER)
