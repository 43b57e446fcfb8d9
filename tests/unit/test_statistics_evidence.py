import csv
import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import predictions_samples as samples
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from trainshed.evidence import Evidence
from trainshed.question import Comparing
from trainshed.rule import Rule
from trainshed.statistics import evidence
from trainshed.statistics.flips import MASK

OF_CLASSES = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "log_loss",
              "brier")  # fmt: skip
MAXIMIZE = Rule(direction="maximize")


def gather(
    folder: Path, baseline: samples.Columns, candidate: samples.Columns, **fields: Any
) -> Evidence:
    given_ = {"metrics": OF_CLASSES, "resamples": 200, **fields}
    return evidence.gather(samples.asked(folder, baseline, candidate, **given_))


def with_slices(columns: samples.Columns) -> dict[str, list[object]]:
    rows = len(columns["row_id"])
    return {
        **{name: list(values) for name, values in columns.items()},
        "region": [("north", "south", "east")[row % 3] for row in range(rows)],
        "age": [20 + row % 50 for row in range(rows)],
    }


def runs(rows: int = 240) -> tuple[dict[str, list[object]], dict[str, list[object]]]:
    first, second = (with_slices(samples.binary(rows, seed=seed)) for seed in (1, 2))
    return first, second


def part(columns: samples.Columns, first: int, last: int) -> dict[str, list[object]]:
    return {name: list(values)[first:last] for name, values in columns.items()}


def as_json(found: Evidence) -> str:
    return json.dumps(asdict(found), allow_nan=False)


@given(order=st.permutations(range(60)))
@settings(max_examples=10, deadline=None)
def test_neither_row_order_nor_a_column_written_twice_changes_the_evidence(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("order")
    question = samples.asked(folder, *runs(60), metrics=OF_CLASSES, resamples=200)
    plain = evidence.gather(question)
    for one in (question.baseline, question.candidate):
        header, *rows = csv.reader(Path(one.predictions).read_text().splitlines())
        twice = [[*row, row[1], row[4]] for row in (header, *(rows[place] for place in order))]
        with Path(one.predictions).open("w", newline="") as file:
            csv.writer(file).writerows(twice)

    assert evidence.gather(question) == plain


@given(seed=st.integers(0, 2**16))
@settings(max_examples=10, deadline=None)
def test_swapping_the_runs_flips_every_sign(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pair = [with_slices(samples.binary(90, seed=one)) for one in (seed, seed + 1)]
    question = samples.asked(
        tmp_path_factory.mktemp("swap"), *pair, metrics=OF_CLASSES, resamples=200
    )
    there = evidence.gather(question)
    back = evidence.gather(
        replace(question, baseline=question.candidate, candidate=question.baseline)
    )

    for name, one in there.metrics.items():
        _assert_turned(one, back.metrics[name])
        # How many resamples are on each side of 0 stays, whichever side is which.
        assert back.metrics[name].p_value == pytest.approx(one.p_value)
    assert there.slices
    assert back.slices
    turned = {(one.column, one.value): one for one in back.slices.found}
    for part_ in there.slices.found:
        _assert_turned(part_, turned[part_.column, part_.value])
        opposite = {"better": "worse", "worse": "better"}.get(part_.finding, part_.finding)
        assert turned[part_.column, part_.value].finding == opposite
    assert there.flips
    assert back.flips
    assert there.flips.right_to_wrong == back.flips.wrong_to_right
    assert there.confusion
    assert back.confusion
    assert there.confusion.baseline == back.confusion.candidate


def _assert_turned(one: Any, other: Any) -> None:
    assert (one.interval is None) == (other.interval is None)
    if one.interval is not None:
        assert other.difference == -one.difference
        assert (other.baseline, other.candidate) == (one.candidate, one.baseline)
        assert other.interval == pytest.approx((-one.interval[1], -one.interval[0]), abs=1e-12)


def test_equal_predictions_differ_by_nothing(tmp_path: Path) -> None:
    columns, _ = runs()

    found = gather(tmp_path, columns, columns)

    assert {one.interval for one in found.metrics.values()} == {(0.0, 0.0)}
    assert found.flips is not None
    assert (found.flips.right_to_wrong, found.flips.wrong_to_right) == (0, 0)


def test_values_are_of_the_rows_that_both_runs_have(tmp_path: Path) -> None:
    columns, _ = runs(80)

    found = gather(tmp_path, part(columns, 0, 70), part(columns, 10, 80))

    truth, answer = columns["y_true"][10:70], columns["y_pred"][10:70]
    assert (found.rows.how, found.rows.compared) == ("paired", 60)
    f1 = found.metrics["f1"]
    assert f1.candidate == f1.baseline == sklearn.f1_score(truth, answer, pos_label="yes")


def test_a_scored_baseline_is_judged_on_all_rows_of_the_candidate(tmp_path: Path) -> None:
    """Its own predictions are checked against what it reported, and no others."""
    first, second = runs(120)
    scored = samples.write(tmp_path / "scored.csv", first)
    trained_on = tmp_path / "training_rows.txt"
    trained_on.write_text("r00119\n")
    own = part(first, 0, 60)
    reported = float(sklearn.f1_score(own["y_true"], own["y_pred"], pos_label="yes"))

    found = gather(
        tmp_path, own, part(second, 50, 120),
        scored=str(scored), trained_on=str(trained_on), reported=({"f1": reported}, {}),
    )  # fmt: skip

    assert (found.rows.how, found.rows.compared, found.rows.trained_on) == ("scored", 69, 1)
    f1 = found.metrics["f1"]
    assert f1.interval is not None
    assert f1.baseline == sklearn.f1_score(
        first["y_true"][50:119], first["y_pred"][50:119], pos_label="yes"
    )
    assert f1.baseline != pytest.approx(reported, abs=1e-4)
    assert found.slices is not None
    assert found.flips is not None


def test_runs_of_other_rows_are_compared_unpaired(tmp_path: Path) -> None:
    columns = with_slices(samples.binary(4_000))
    others = {**columns, "row_id": [f"other {name}" for name in columns["row_id"]]}

    found = gather(tmp_path, columns, others, metrics=("accuracy", "brier"), resamples=2_000)

    assert found.rows.how == "unpaired"
    assert (found.slices, found.flips) == (None, None)
    assert found.confusion is not None
    assert len(found.curves) == 3
    accuracy = found.metrics["accuracy"]
    assert accuracy.interval is not None
    assert accuracy.baseline is not None
    assert accuracy.difference == 0
    # Two independent binomials: twice the variance of one.
    spread = (2 * accuracy.baseline * (1 - accuracy.baseline) / 4_000) ** 0.5
    width = accuracy.interval[1] - accuracy.interval[0]
    assert width == pytest.approx(2 * 1.96 * spread, rel=0.1)


def test_a_baseline_that_was_trained_on_every_row_has_no_interval(tmp_path: Path) -> None:
    columns, other = runs(40)
    trained_on = samples.write(tmp_path / "rows.csv", {"row_id": columns["row_id"]})

    found = gather(tmp_path, columns, other, trained_on=str(trained_on))

    assert (found.rows.compared, found.rows.trained_on) == (0, 40)
    assert {one.why_not for one in found.metrics.values()} == {"no row is left to compare"}
    assert (found.slices, found.flips, found.confusion, found.curves) == (None, None, None, ())


def test_gating_metrics_share_one_error_rate_and_others_have_their_own(tmp_path: Path) -> None:
    rules = dict.fromkeys(("f1", "roc_auc", "precision", "profit"), MAXIMIZE)

    found = gather(tmp_path, *runs(), rules=rules).metrics

    levels = {name: one.level for name, one in found.items()}
    assert levels["accuracy"] == levels["brier"] == 0.95
    assert min(levels[name] or 0.0 for name in ("f1", "roc_auc", "precision")) == (
        pytest.approx(1 - 0.05 / 3)
    )


def test_metrics_without_interval_say_why(tmp_path: Path) -> None:
    columns, _ = runs(60)
    del columns["y_score"]
    names = ("f1", "roc_auc", "profit", "rmse", "recall")

    found = gather(
        tmp_path, columns, columns, metrics=names, reported=({}, {"recall": 0.123})
    ).metrics

    assert list(found) == list(names)
    assert found["f1"].why_not is None
    assert found["roc_auc"].why_not == "the predictions have no y_score"
    assert found["profit"].why_not == "it is the trainer's own metric"
    assert found["rmse"].why_not == "y_true or y_pred does not hold numbers"
    assert "the candidate reported 0.123" in str(found["recall"].why_not)
    assert {found[name].interval for name in names[1:]} == {None}


def test_numbers_that_are_not_finite_do_not_get_into_the_facts(tmp_path: Path) -> None:
    rows = 40
    columns: samples.Columns = {
        "row_id": list(range(rows)), "y_true": [1e200] * rows, "y_pred": [-1e200] * rows,
    }  # fmt: skip

    found = gather(tmp_path, columns, columns, metrics=("rmse", "mae"), rules={"rmse": MAXIMIZE})

    assert found.metrics["rmse"].why_not == "it is not a finite number on these rows"
    assert found.metrics["rmse"].baseline is None
    assert found.metrics["mae"].interval == (0.0, 0.0)
    assert "rmse" in as_json(found)


def test_whole_numbers_have_metrics_of_both_kinds(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    columns: samples.Columns = {
        "row_id": list(range(100)),
        "y_true": random.integers(5, size=100).tolist(),
        "y_pred": random.integers(5, size=100).tolist(),
    }

    found = gather(tmp_path, columns, columns, metrics=("accuracy", "mae"))
    of_numbers = gather(tmp_path, columns, columns, metrics=("mae", "r2", "mine"))

    truth, answer = columns["y_true"], columns["y_pred"]
    assert found.metrics["accuracy"].candidate == sklearn.accuracy_score(truth, answer)
    assert found.metrics["mae"].candidate == sklearn.mean_absolute_error(truth, answer)
    assert found.flips is not None
    assert (of_numbers.flips, of_numbers.confusion) == (None, None)


def test_ranks_of_a_class_with_one_row_have_a_value_and_no_interval(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {**samples.binary(40), "y_true": ["yes", *["no"] * 39]}

    found = gather(tmp_path, columns, columns).metrics

    assert found["roc_auc"].candidate is not None
    assert found["roc_auc"].interval is None
    assert "there is a single row to draw from" in str(found["roc_auc"].why_not)
    assert found["f1"].interval is not None


def test_slices_are_judged_by_the_first_rule_with_an_interval(tmp_path: Path) -> None:
    pair = runs()

    first = gather(tmp_path, *pair, rules={"profit": MAXIMIZE, "roc_auc": MAXIMIZE}).slices
    other = gather(tmp_path, *pair, rules={}, metrics=("profit", "recall", "f1")).slices
    none = gather(tmp_path, *pair, rules={}, metrics=("profit",)).slices

    assert first is not None
    assert first.metric == "roc_auc"
    assert other is not None
    assert other.metric == "recall"
    assert none is None


def test_no_value_of_a_private_column_is_shown(tmp_path: Path) -> None:
    question = samples.asked(tmp_path, *runs(), private=("region", "row_id"), resamples=200)

    found = evidence.gather(question)
    plain = evidence.gather(replace(question, private=()))

    assert found.slices is not None
    assert {one.column for one in found.slices.found} == {"age"}
    assert found.flips is not None
    assert found.flips.surest[0].columns["region"] == MASK
    text = as_json(found)
    assert not any(value in text for value in ("north", "south", "east", "r000"))
    assert all(value in as_json(plain) for value in ("north", "south", "east", "r000"))


def test_facts_stay_small_with_many_long_columns(tmp_path: Path) -> None:
    """A result of 8 MB is refused, and it holds the evidence of two baselines."""
    first, second = runs()
    for run in (first, second):
        for number in range(60):
            run[f"{'column ' * 30}{number}"] = [f"{'x' * 3_000}{row % 3}" for row in range(240)]

    found = gather(tmp_path, first, second, metrics=("accuracy",))

    assert len(as_json(found)) < 1_000_000
    assert found.slices is not None
    assert len(found.slices.found) + found.slices.left_out == 3 * 60 + 3 + 4


def test_a_run_of_three_classes_has_flips_and_confusion_and_no_curves(tmp_path: Path) -> None:
    first, second = samples.multiclass_pair(90)
    columns = []
    for side in (first, second):
        assert side.score is not None
        names = np.array(side.classes)
        columns.append(
            {
                "row_id": list(range(90)),
                "y_true": names[side.truth].tolist(),
                "y_pred": names[side.answer].tolist(),
                **{f"y_score.{one}": side.score[:, at].tolist() for at, one in enumerate(names)},
            }
        )

    found = gather(tmp_path, *columns)

    assert all(one.interval is not None for one in found.metrics.values())
    assert found.confusion is not None
    assert found.confusion.classes == ("a", "b", "c")
    assert found.curves == ()


def test_an_interval_holds_its_difference(tmp_path: Path) -> None:
    for one in gather(tmp_path, *runs()).metrics.values():
        assert one.interval is not None
        assert one.difference is not None
        assert one.interval[0] <= one.difference <= one.interval[1]
        assert math.isclose(one.difference, (one.candidate or 0) - (one.baseline or 0))


def test_no_reasons_no_rules_and_no_metrics_are_evidence_too(tmp_path: Path) -> None:
    question: Comparing = samples.asked(tmp_path, *runs(), metrics=(), rules={})

    found = evidence.gather(question)

    assert found.metrics == {}
    assert found.slices is None
    assert found.flips is not None
