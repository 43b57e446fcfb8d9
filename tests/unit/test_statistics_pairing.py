from pathlib import Path

import numpy as np
import predictions_samples as samples
import pytest

from trainshed.statistics import pairing, sides
from trainshed.statistics.predictions import Predictions, text_of


def rows(read: Predictions) -> list[str]:
    return [text_of(one) for one in read.row_id]


def part(columns: samples.Columns, keep: slice) -> samples.Columns:
    return {name: list(values)[keep] for name, values in columns.items()}


def test_runs_with_the_same_rows_are_paired_completely(tmp_path: Path) -> None:
    one = samples.of(tmp_path, samples.binary(50, seed=1))
    other = samples.of(tmp_path, samples.binary(50, seed=2))

    paired = pairing.pair(one, other)

    assert paired.is_complete
    assert rows(paired.baseline) == rows(paired.candidate) == rows(one)


def test_rows_that_only_one_run_has_are_counted_and_left_out(tmp_path: Path) -> None:
    columns = samples.binary(50)
    one = samples.of(tmp_path, part(columns, slice(0, 40)))
    other = samples.of(tmp_path, part(columns, slice(7, 50)))

    paired = pairing.pair(one, other)

    assert (paired.only_baseline, paired.only_candidate) == (7, 10)
    assert rows(paired.baseline) == rows(paired.candidate) == rows(other)[:33]
    assert not paired.is_complete


def test_a_row_whose_truth_was_corrected_is_counted_and_left_out(tmp_path: Path) -> None:
    columns = samples.binary(50)
    truths = list(columns["y_true"])
    truths[3] = "no" if truths[3] == "yes" else "yes"
    one = samples.of(tmp_path, columns)
    other = samples.of(tmp_path, {**columns, "y_true": truths})

    paired = pairing.pair(one, other)

    assert paired.relabelled == 1
    assert "r00003" not in rows(paired.baseline)
    assert rows(paired.baseline) == rows(paired.candidate)


def test_ids_that_name_other_rows_are_an_error(tmp_path: Path) -> None:
    columns = samples.binary(50)
    one = samples.of(tmp_path, columns)
    other = samples.of(tmp_path, {**columns, "y_true": list(columns["y_true"])[::-1]})

    with pytest.raises(pairing.RowIdsNameOtherRows, match="of the 50 rows that both runs have"):
        pairing.pair(one, other)


def test_runs_without_a_common_row_pair_nothing(tmp_path: Path) -> None:
    columns = samples.binary(50)
    paired = pairing.pair(
        samples.of(tmp_path, part(columns, slice(0, 20))),
        samples.of(tmp_path, part(columns, slice(20, 50))),
    )

    assert (len(paired.baseline), paired.only_baseline, paired.only_candidate) == (0, 20, 30)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param(["1", "0"] * 20, ["1.0", "0.0"] * 20, id="whole-numbers"),
        pytest.param([0.1 + 0.2] * 40, [0.3] * 40, id="rounding"),
    ],
)
def test_numbers_that_are_written_differently_are_the_same_truth(
    left: list[object], right: list[object], tmp_path: Path
) -> None:
    columns = {"row_id": [f"r{number}" for number in range(40)], "y_pred": [1] * 40}

    paired = pairing.pair(
        samples.of(tmp_path, {**columns, "y_true": left}),
        samples.of(tmp_path, {**columns, "y_true": right}),
    )

    assert paired.relabelled == 0


def test_many_numbers_are_paired_with_few_texts(tmp_path: Path) -> None:
    rows_ = 1_500
    columns = {"row_id": [f"r{number}" for number in range(rows_)], "y_pred": [1] * rows_}
    numbers = samples.of(tmp_path, {**columns, "y_true": list(range(rows_))})
    labels = samples.of(tmp_path, {**columns, "y_true": ["yes"] * rows_})

    with pytest.raises(pairing.RowIdsNameOtherRows):
        pairing.pair(numbers, labels)


def test_classes_are_in_the_order_of_scikit_learn(tmp_path: Path) -> None:
    columns = samples.binary(40)
    numbered = {**columns, "y_true": ["10", "9"] * 20, "y_pred": ["9.0", "10.0"] * 20}

    assert samples.side_of(tmp_path, columns).classes == ("no", "yes")
    side = samples.side_of(tmp_path, numbered)
    assert side.classes == ("9", "10")
    assert np.array_equal(side.truth, 1 - side.answer)


def test_the_positive_class_can_be_named(tmp_path: Path) -> None:
    read = samples.of(tmp_path, samples.binary(40))

    found = sides.classified(read, read, positive="no")

    assert found is not None
    assert found[0].classes == ("yes", "no")


def test_the_positive_class_is_the_one_that_higher_scores_go_with(tmp_path: Path) -> None:
    columns = samples.binary(40)
    turned = {**columns, "y_score": [1 - float(str(one)) for one in columns["y_score"]]}

    assert samples.side_of(tmp_path, columns).classes == ("no", "yes")
    assert samples.side_of(tmp_path, turned).classes == ("yes", "no")


def test_of_a_model_that_always_says_the_same_the_other_tells_the_positive_class(
    tmp_path: Path,
) -> None:
    columns = samples.binary(40)
    turned = {**columns, "y_score": [1 - float(str(one)) for one in columns["y_score"]]}
    dull = samples.of(tmp_path, {**columns, "y_pred": ["no"] * 40})

    for pair in ((dull, samples.of(tmp_path, turned)), (samples.of(tmp_path, turned), dull)):
        found = sides.classified(*pair)
        assert found is not None
        assert found[0].classes == found[1].classes == ("yes", "no")


def test_scores_of_two_classes_give_the_positive_ones(tmp_path: Path) -> None:
    columns = samples.binary(40)
    score = [float(str(one)) for one in columns.pop("y_score")]
    columns |= {"y_score.yes": list(score), "y_score.no": [1 - one for one in score]}

    assert samples.side_of(tmp_path, columns).score == pytest.approx(np.array(score))


def test_a_label_outside_the_classes_is_an_error(tmp_path: Path) -> None:
    columns = samples.binary(40)
    score = columns.pop("y_score")
    columns |= {"y_score.yes": score, "y_score.no": score}
    columns["y_pred"][5] = "maybe"

    with pytest.raises(sides.LabelIsOutsideTheClasses, match="y_pred holds 'maybe', which has no"):
        samples.side_of(tmp_path, columns)


def test_a_lone_score_does_not_go_with_three_classes(tmp_path: Path) -> None:
    columns = samples.binary(40)
    columns["y_pred"][5] = "maybe"

    with pytest.raises(sides.LabelIsOutsideTheClasses, match="3: maybe, no, yes"):
        samples.side_of(tmp_path, columns)


def test_runs_that_choose_among_other_classes_are_an_error(tmp_path: Path) -> None:
    columns = samples.binary(40)
    score = columns.pop("y_score")
    one = samples.of(tmp_path, {**columns, "y_score.yes": score, "y_score.no": score})
    other = samples.of(
        tmp_path, {**columns, "y_score.yes": score, "y_score.no": score, "y_score.maybe": score}
    )

    with pytest.raises(
        sides.LabelsDiffer, match=r"has scores for no, yes; .* has scores for maybe, no, yes"
    ):
        sides.classified(one, other)


def test_two_models_of_two_classes_each_choose_among_the_same(tmp_path: Path) -> None:
    columns = samples.binary(40)
    renamed = {**columns, "y_true": ["up", "down"] * 20, "y_pred": ["up", "down"] * 20}

    with pytest.raises(sides.LabelsDiffer, match=r"has labels no, yes; .* has labels down, up"):
        sides.classified(samples.of(tmp_path, columns), samples.of(tmp_path, renamed))


def test_labels_that_look_like_numbers_keep_their_zeros(tmp_path: Path) -> None:
    columns = samples.binary(40)
    coded = {**columns, "y_true": ["07", "7"] * 20, "y_pred": ["07", "7.0"] * 20}

    assert samples.side_of(tmp_path, coded).classes == ("07", "7")


def test_a_class_that_only_one_run_ever_answers_is_a_class_of_both(tmp_path: Path) -> None:
    columns = samples.binary(40)
    del columns["y_score"]
    one = samples.of(tmp_path, columns)
    other = samples.of(tmp_path, {**columns, "y_pred": ["maybe"] * 40})

    found = sides.classified(one, other)

    assert found is not None
    assert found[0].classes == found[1].classes == ("maybe", "no", "yes")


def test_numbers_beyond_counting_are_no_classes(tmp_path: Path) -> None:
    numbers = [number / 3 for number in range(1_500)]
    columns = {"row_id": list(range(1_500)), "y_true": numbers, "y_pred": numbers}

    read = samples.of(tmp_path, columns)

    assert sides.classified(read, read) is None
    found = sides.measured(read)
    assert found is not None
    assert sorted(found.truth) == numbers
