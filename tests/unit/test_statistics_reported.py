from pathlib import Path
from typing import Any

import predictions_samples as samples
import pytest
from sklearn import metrics as sklearn

from trainshed.statistics import predictions, reported
from trainshed.statistics.measures import Pairs
from trainshed.statistics.reported import PositiveIsNotAClass

COLUMNS = samples.binary(80)
WITHOUT_SCORES = {name: values for name, values in COLUMNS.items() if name != "y_score"}


def f1(columns: samples.Columns, positive: str) -> float:
    return float(sklearn.f1_score(columns["y_true"], columns["y_pred"], pos_label=positive))


def own(
    folder: Path,
    columns: samples.Columns,
    metrics: Any = ({}, {}),
    **fields: Any,
) -> tuple[Pairs, dict[str, str]]:
    question = samples.asked(folder, columns, columns, reported=metrics, **fields)
    read = predictions.read(Path(question.candidate.predictions), source="candidate")
    pairs = reported.own_pairs(question, read, read)
    return pairs, reported.why_own(question, pairs)


def classes(pairs: Pairs) -> tuple[str, ...]:
    assert pairs.classified is not None
    return pairs.classified[0].classes


@pytest.mark.parametrize(
    ("number", "value", "is_close"),
    [
        pytest.param(0.84213, 0.842131, True, id="equal-to-1e-4"),
        pytest.param(0.84213, 0.84243, False, id="beyond-1e-4"),
        pytest.param(0.842, 0.84249, True, id="rounded-to-three"),
        pytest.param(0.842, 0.8426, False, id="not-rounded-so"),
        pytest.param(0.8, 0.80049, True, id="zeros-are-not-known"),
        pytest.param(0.84, 0.842, False, id="two-decimals-are-too-few"),
        pytest.param(1234.5, 1234.6, True, id="relative"),
        pytest.param(1e-07, 2e-07, True, id="absolute"),
    ],
)
def test_a_number_is_the_value_when_it_is_near_or_rounds_to_it(
    number: float, value: float, is_close: bool
) -> None:
    assert reported.is_close(number, value) is is_close


def test_a_metric_that_predictions_do_not_give_is_the_trainers_own(tmp_path: Path) -> None:
    right = {"f1": f1(COLUMNS, "yes"), "mine": 3.0, "rmse": 1.0}

    _, agreeing = own(tmp_path, COLUMNS, (right, right))
    _, differing = own(tmp_path, COLUMNS, (right, {**right, "f1": 0.5}))
    _, of_baseline = own(tmp_path, COLUMNS, ({**right, "f1": 0.5}, right))

    assert agreeing == {}
    assert differing == {
        "f1": "it is the trainer's own metric: the candidate reported 0.5, and scikit-learn finds "
        f"{right['f1']:.6g} in its predictions"
    }
    assert "the baseline reported 0.5" in of_baseline["f1"]


def test_without_scores_the_reported_f1_tells_the_positive_class(tmp_path: Path) -> None:
    for positive, order in (("yes", ("no", "yes")), ("no", ("yes", "no"))):
        value = {"f1": f1(COLUMNS, positive)}
        for metrics in ((value, value), (value, {}), ({}, value)):
            pairs, why = own(tmp_path, WITHOUT_SCORES, metrics)
            assert classes(pairs) == order
            assert why == {}


def test_the_last_class_is_positive_where_nothing_tells(tmp_path: Path) -> None:
    nothing = {"f1": 0.1, "f1_macro": 0.2}

    pairs, why = own(tmp_path, WITHOUT_SCORES, (nothing, nothing))

    assert classes(pairs) == ("no", "yes")
    assert set(why) == {"f1", "f1_macro"}


def test_scores_outweigh_what_was_reported(tmp_path: Path) -> None:
    value = {"f1": f1(COLUMNS, "no")}

    pairs, why = own(tmp_path, COLUMNS, (value, value))

    assert classes(pairs) == ("no", "yes")
    assert set(why) == {"f1"}


def test_the_configured_class_is_positive_and_must_be_one(tmp_path: Path) -> None:
    pairs, _ = own(tmp_path, COLUMNS, positive="no")

    assert classes(pairs) == ("yes", "no")
    with pytest.raises(PositiveIsNotAClass, match="`positive: Yes` is none of the classes"):
        own(tmp_path, COLUMNS, positive="Yes")


def test_whole_numbers_name_the_positive_class_however_they_are_written(tmp_path: Path) -> None:
    coded = {
        **WITHOUT_SCORES,
        **{
            name: [{"yes": "1.0", "no": "0.0"}[str(one)] for one in COLUMNS[name]]
            for name in ("y_true", "y_pred")
        },
    }

    pairs, _ = own(tmp_path, coded, positive="0")

    assert classes(pairs) == ("1", "0")


def test_three_classes_need_no_positive_one(tmp_path: Path) -> None:
    columns = {**WITHOUT_SCORES, "y_true": ["a", "b", "c", "b"] * 20}

    pairs, _ = own(tmp_path, columns, positive="a")

    assert classes(pairs) == ("a", "b", "c", "no", "yes")
