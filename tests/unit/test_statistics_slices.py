from typing import Any

import numpy as np
import pytest

from trainshed.rule import Rule
from trainshed.statistics import slices
from trainshed.statistics.columns import Column, Numbers, Texts
from trainshed.statistics.metrics import Metric
from trainshed.statistics.sides import Classified
from trainshed.statistics.slices import Slices

ROWS = 1_000
ACCURACY = Metric(name="accuracy")


def texts(values: list[str]) -> Texts:
    names = tuple(dict.fromkeys(values))
    return Texts(codes=np.array([names.index(one) for one in values], dtype=np.int32), values=names)


def runs(wrong: Any, *, noise: float = 0.1) -> tuple[Classified, Classified]:
    """Two runs that err at random alike; the candidate errs besides where `wrong` is true."""
    random = np.random.default_rng(0)
    truth = (random.random(ROWS) < 0.5).astype(np.int32)

    def side(extra: Any) -> Classified:
        flipped = (random.random(ROWS) < noise) | extra
        answer = np.where(flipped, 1 - truth, truth).astype(np.int32)
        score = np.where(flipped, 1 - truth, truth) * 0.8 + 0.1 * random.random(ROWS)
        return Classified(classes=("no", "yes"), truth=truth, answer=answer, score=score)

    return side(np.zeros(ROWS, dtype=bool)), side(wrong)


def find(
    pair: Any, columns: dict[str, Column], metric: Metric = ACCURACY, **options: Any
) -> Slices:
    rule = Rule(direction=metric.direction)
    given = {"run_ids": ("a", "b"), "resamples": 1_000, **options}
    return slices.find(pair, columns, metric.name, metric, rule, **given)


REGION = texts([("north", "south", "east", "west")[place % 4] for place in range(ROWS)])
NOWHERE = np.zeros(ROWS, dtype=bool)


@pytest.mark.parametrize("metric", [ACCURACY, Metric(name="log_loss"), Metric(name="roc_auc")])
def test_the_slice_that_got_worse_comes_first(metric: Metric) -> None:
    south = (np.arange(ROWS) % 4 == 1) & (np.arange(ROWS) % 3 == 0)

    found = find(runs(south), {"region": REGION}, metric).found

    first = found[0]
    assert (first.column, first.value, first.finding, first.rows) == (
        "region", "south", "worse", 250,
    )  # fmt: skip
    assert {one.finding for one in found[1:]} == {"undecided"}
    assert first.interval is not None
    assert first.difference is not None
    assert first.interval[0] <= first.difference <= first.interval[1]
    assert first.difference == (first.candidate or 0) - (first.baseline or 0)


def test_swapping_the_runs_turns_worse_into_better_and_puts_it_last() -> None:
    south = (np.arange(ROWS) % 4 == 1) & (np.arange(ROWS) % 3 == 0)

    found = find(runs(south)[::-1], {"region": REGION}).found

    assert (found[-1].value, found[-1].finding) == ("south", "better")


def test_slices_under_30_rows_are_not_judged_and_come_last() -> None:
    column = texts(["few" if place < 29 else "enough" for place in range(ROWS)])

    found = find(runs(NOWHERE), {"size": column}).found

    assert [(one.value, one.finding) for one in found] == [
        ("enough", "undecided"), ("few", "not-judged"),
    ]  # fmt: skip
    assert found[1].why_not == "fewer than 30 rows"
    assert found[1].interval is None


def test_a_slice_without_both_classes_is_not_judged_by_ranks() -> None:
    pair = runs(NOWHERE)
    column = texts(["yes" if one else "no" for one in pair[0].truth])

    found = find(pair, {"truth": column}, Metric(name="roc_auc")).found

    assert {one.why_not for one in found} == {"only 1 of 2 classes occur in y_true"}


def test_many_slices_of_equal_models_are_hardly_ever_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 200 slices at 5 % each, ten would be."""
    monkeypatch.setattr(slices, "MOST_TOLD", 200)
    random = np.random.default_rng(5)
    columns: dict[str, Column] = {
        f"c{number}": texts([str(one) for one in random.integers(5, size=ROWS)])
        for number in range(40)
    }

    found = find(runs(NOWHERE), columns)

    assert len(found.found) == 200
    assert sum(one.finding != "undecided" for one in found.found) <= 1


def test_numbers_are_binned_by_quartiles() -> None:
    column = Numbers(numbers=np.arange(ROWS, dtype=float))

    found = find(runs(NOWHERE), {"age": column}).found

    assert {one.value: one.rows for one in found} == {
        "below 249.75": 250, "249.75 to 499.5": 250, "499.5 to 749.25": 250, "749.25 or more": 250,
    }  # fmt: skip


def test_declared_bins_are_used_and_no_value_is_one_of_its_own() -> None:
    ages = np.arange(ROWS, dtype=float)
    ages[:40] = np.nan

    found = find(runs(NOWHERE), {"age": Numbers(numbers=ages)}, bins={"age": [100, 500]}).found

    assert {one.value: one.rows for one in found} == {
        "no value": 40, "below 100": 60, "100 to 500": 400, "500 or more": 500,
    }  # fmt: skip


def test_few_numbers_are_values_unless_bins_are_declared() -> None:
    column = texts([str(place % 3) for place in range(ROWS)])

    plain = find(runs(NOWHERE), {"n": column}).found
    binned = find(runs(NOWHERE), {"n": column}, bins={"n": [1]}).found

    assert {one.value for one in plain} == {"0", "1", "2"}
    assert {one.value for one in binned} == {"below 1", "1 or more"}


def test_only_the_largest_slices_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "MOST_SLICES", 3)
    column = texts(["rare" if place < 40 else "abc"[place % 3] for place in range(ROWS)])

    found = find(runs(NOWHERE), {"c": column})

    assert {one.value for one in found.found} == {"a", "b", "c"}
    assert found.left_out == 1


def test_the_worst_are_told_and_the_others_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    column = texts([str(place % 10) for place in range(ROWS)])
    every = find(runs(NOWHERE), {"c": column})
    monkeypatch.setattr(slices, "MOST_TOLD", 4)

    found = find(runs(NOWHERE), {"c": column})

    assert found.found == every.found[:4]
    assert (every.left_out, found.left_out) == (0, 6)


def test_many_rows_are_ranked_with_fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least p-value that resamples can give tells how many they were."""
    south = np.arange(ROWS) % 4 == 1
    least = {}
    for limit in (ROWS, ROWS - 1):
        monkeypatch.setattr(slices, "_MANY_ROWS", limit)
        monkeypatch.setattr(slices, "_FEWER", 500)
        for metric in (ACCURACY, Metric(name="roc_auc")):
            first = find(runs(south), {"region": REGION}, metric).found[0]
            least[limit, metric.name] = first.p_value or 0.0

    assert least[ROWS, "accuracy"] == least[ROWS - 1, "accuracy"]
    assert least[ROWS - 1, "roc_auc"] > 1.5 * least[ROWS, "roc_auc"]


def test_a_value_that_is_a_book_is_cut() -> None:
    column = texts(["x" * 5_000] * ROWS)

    found = find(runs(NOWHERE), {"c": column}).found

    assert found[0].value == "x" * 199 + "…"


def test_a_column_without_any_number_has_one_slice() -> None:
    found = find(runs(NOWHERE), {"age": Numbers(numbers=np.full(ROWS, np.nan))}).found

    assert [(one.value, one.rows) for one in found] == [("no value", ROWS)]


def test_a_column_of_one_number_is_not_cut_apart() -> None:
    found = find(runs(NOWHERE), {"age": Numbers(numbers=np.full(ROWS, 7.0))}).found

    assert {one.value: one.rows for one in found} == {"7 or more": ROWS}
