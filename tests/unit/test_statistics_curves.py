import numpy as np
import predictions_samples as samples
import pytest
from sklearn import metrics as sklearn

from trainshed.statistics import confusion, curves
from trainshed.statistics.sides import Classified


def side(truth: list[int], score: list[float]) -> Classified:
    answer = (np.array(score) > 0.5).astype(np.int32)
    return Classified(
        classes=("no", "yes"),
        truth=np.array(truth, dtype=np.int32),
        answer=answer,
        score=np.array(score),
    )


def points(one: Classified, kind: str) -> tuple[float | None, ...]:
    return next(found.baseline for found in curves.of(one, one) if found.kind == kind)


FIRST, SECOND = samples.binary_pair(300)


def test_all_three_are_of_both_runs() -> None:
    found = curves.of(FIRST, SECOND)

    assert [one.kind for one in found] == ["roc", "precision-recall", "calibration"]
    assert [len(one.baseline) for one in found] == [21, 21, 10]
    for one in found:
        assert one.baseline == points(FIRST, one.kind)
        assert one.candidate == points(SECOND, one.kind)


def test_roc_lies_on_scikit_learns_curve() -> None:
    false, true, _ = sklearn.roc_curve(FIRST.truth, FIRST.score, drop_intermediate=False)

    found = points(FIRST, "roc")

    assert found[-1] == 1.0
    for place, value in zip(np.linspace(0, 1, 21), found, strict=True):
        assert value is not None
        before, after = true[false <= place].max(), true[false >= place].min()
        assert before <= value <= max(before, after)


def test_roc_of_one_who_is_always_right_or_never() -> None:
    assert set(points(side([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]), "roc")) == {1.0}
    assert points(side([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]), "roc") == (*[0.0] * 20, 1.0)
    coin = points(side([0, 1, 0, 1], [0.5] * 4), "roc")
    assert coin == pytest.approx(np.linspace(0, 1, 21).tolist())


def test_precision_is_that_of_scikit_learns_steps() -> None:
    precision, recall, _ = sklearn.precision_recall_curve(FIRST.truth, FIRST.score)
    # Its last point, of no recall at all, is made up; from there to the first one, recall falls.
    points_ = list(zip(recall[:-1], precision[:-1], strict=True))

    for place, value in zip(np.linspace(0, 1, 21), points(FIRST, "precision-recall"), strict=True):
        reached = min(one for one, _ in points_ if one >= max(place - 1e-12, 1e-9))
        assert value == max(found for one, found in points_ if one == reached)


def test_calibration_is_the_share_of_positives_in_each_tenth() -> None:
    found = points(side([0, 1, 1, 1, 0], [0.0, 0.05, 0.3, 1.0, 0.95]), "calibration")

    assert found == (0.5, None, None, 1.0, None, None, None, None, None, 0.5)


def test_scores_that_are_no_probabilities_have_no_calibration() -> None:
    far = side([0, 1, 0, 1], [-2.0, 3.0, 0.5, 0.1])

    assert [one.kind for one in curves.of(far, far)] == ["roc", "precision-recall"]


def test_there_are_none_without_scores_or_with_one_class_or_three() -> None:
    without = Classified(classes=FIRST.classes, truth=FIRST.truth, answer=FIRST.answer, score=None)
    three, _ = samples.multiclass_pair(90)

    assert curves.of(FIRST, without) == ()
    assert curves.of(side([1, 1], [0.5, 0.6]), FIRST) == ()
    assert curves.of(three, three) == ()


def test_confusion_is_scikit_learns() -> None:
    first, second = samples.multiclass_pair(90)

    found = confusion.of(first, second)

    assert found is not None
    assert found.classes == ("a", "b", "c")
    for side_, table in ((first, found.baseline), (second, found.candidate)):
        assert np.array_equal(table, sklearn.confusion_matrix(side_.truth, side_.answer))


def test_more_than_twenty_classes_have_no_table_of_confusion() -> None:
    first, second = samples.multiclass_pair(90)
    names = tuple(f"class {number}" for number in range(21))
    many = [
        Classified(classes=names, truth=one.truth, answer=one.answer, score=None)
        for one in (first, second)
    ]

    assert confusion.of(many[0], many[1]) is None
