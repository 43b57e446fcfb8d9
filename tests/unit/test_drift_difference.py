import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trainshed.drift import bins, column, difference, evidence, numbers, profile
from trainshed.drift.bins import Bins
from trainshed.drift.column import Column, Limits
from trainshed.drift.difference import Difference
from trainshed.drift.profile import Profile
from trainshed.statistics import judgement

CHURN = Path(__file__).parents[2] / "data/v1/train.csv"
LIMITS = Limits(buckets=2_048, categories=1_000)
COUNTS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=2, max_size=8)


def of(cells: Sequence[object], limits: Limits = LIMITS) -> Column:
    return column.of([str(cell) for cell in cells], limits)


def table(**columns: Sequence[object]) -> Profile:
    made = {name: of(cells) for name, cells in sorted(columns.items())}
    return Profile(rows=max(one.count for one in made.values()), columns=made)


def counted(before: Sequence[int], after: Sequence[int]) -> Bins:
    return Bins(
        names=tuple(map(str, range(len(before)))), before=np.array(before), after=np.array(after)
    )


def only(before: Sequence[object], after: Sequence[object]) -> difference.ColumnDifference:
    return difference.between(table(a=before), table(a=after)).columns[0]


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("size", [300, 3_000])
def test_the_test_for_numbers_agrees_with_scipy(shift: float, size: int) -> None:
    draw = np.random.default_rng(3)
    one, other = draw.normal(0, 1, 2_000), draw.normal(shift, 1, size)
    found = evidence.kolmogorov_smirnov(
        numbers.of(one, limit=10_000), numbers.of(other, limit=10_000)
    )
    theirs = stats.ks_2samp(one, other)

    assert found.error == 0
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=0.1, abs=1e-6)


@given(st.integers(0, 2**32), st.sampled_from([16, 64, 512]))
def test_in_buckets_the_gap_is_lower_by_at_most_its_stated_error(seed: int, limit: int) -> None:
    draw = np.random.default_rng(seed)
    one, other = draw.normal(0, 1, 700), draw.lognormal(0, 1, 500)
    found = evidence.kolmogorov_smirnov(
        numbers.of(one, limit=limit), numbers.of(other, limit=limit)
    )
    true = stats.ks_2samp(one, other).statistic

    assert found.statistic <= true + 1e-12
    assert true <= found.statistic + found.error + 1e-12


@given(COUNTS)
def test_the_test_for_categories_agrees_with_scipy(pairs: list[tuple[int, int]]) -> None:
    before, after = zip(*((one + 5, other + 5) for one, other in pairs), strict=True)
    found = evidence.chi_square(counted(before, after))
    theirs = stats.chi2_contingency([before, after], correction=False)

    if found.test == "chi-square":
        assert found.statistic == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
        assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-300)


@given(st.integers(1, 60), st.integers(0, 4), st.integers(1, 60), st.integers(0, 4))
def test_two_bins_of_which_one_is_rare_are_tested_exactly(a: int, b: int, c: int, d: int) -> None:
    found = evidence.chi_square(counted([a, b], [c, d]))

    if found.test == "fisher":
        assert found.p_value == pytest.approx(stats.fisher_exact([[a, b], [c, d]]).pvalue)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_correction_for_many_columns_is_that_of_the_comparison(p_values: list[float]) -> None:
    found = judgement.benjamini_hochberg(p_values)

    assert found == pytest.approx(stats.false_discovery_control(p_values, method="bh"))


def test_the_stability_index_is_that_of_the_formula() -> None:
    found = bins.stability_index(counted([100, 300], [250, 150]))
    p, q = (100.5 / 401, 300.5 / 401), (250.5 / 401, 150.5 / 401)

    assert found == pytest.approx(sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True)))


@given(COUNTS)
def test_the_stability_index_is_symmetric_and_zero_for_equals(pairs: list[tuple[int, int]]) -> None:
    before, after = map(list, zip(*pairs, strict=True))

    assert bins.stability_index(counted(before, after)) == pytest.approx(
        bins.stability_index(counted(after, before))
    )
    assert bins.stability_index(counted(before, before)) == 0


@given(COUNTS)
def test_pooling_rare_bins_loses_no_row_and_leaves_two_bins(pairs: list[tuple[int, int]]) -> None:
    before, after = map(list, zip(*pairs, strict=True))
    found = bins.rare_pooled(counted(before, after))

    assert len(found.names) == len(found.before) == len(found.after)
    assert 2 <= len(found.names) <= len(before)
    assert (found.before.sum(), found.after.sum()) == (sum(before), sum(after))


def test_bins_are_the_deciles_of_the_first_and_count_the_second_exactly() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.normal(0, 1, 20_000), draw.normal(1, 1, 5_000)
    found = bins.of(of(one.tolist()), of(other.tolist()))

    assert len(found.names) == 10
    assert found.before == pytest.approx(2_000, rel=0.1)
    assert found.after.sum() == 5_000
    low = float(found.names[4].split(" to ")[0])
    assert found.after[4:].sum() == pytest.approx((other >= low).sum(), abs=3)  # low has 6 digits


def test_a_frequent_number_is_a_bin_of_its_own() -> None:
    found = bins.of(of([0] * 50 + list(range(1, 51))), of([-1] * 30 + [0] * 20))

    assert found.names[:2] == ("below 0", "0 to 1")
    assert (found.before[:2].tolist(), found.after[:2].tolist()) == ([0, 50], [30, 20])


def test_what_is_above_a_frequent_maximum_is_a_bin_of_its_own() -> None:
    found = bins.of(of([*range(90), *[100] * 10]), of([100] * 20 + [200] * 30))

    assert found.names[-2:] == ("100 to 200", "200 or more")
    assert found.after[-2:].tolist() == [20, 30]


def test_two_tests_of_one_column_cost_twice_the_p_value() -> None:
    before, after = [1.5, 2] * 100, [1.5, 2] * 95 + [""] * 10
    theirs = stats.chi2_contingency([[200, 0], [190, 10]], correction=False).pvalue

    assert only(before, after).p_value == pytest.approx(2 * theirs)


def test_drift_needs_effect_and_evidence() -> None:
    draw = np.random.default_rng(0)
    reference = draw.normal(0, 1, 10_000).tolist()

    assert only(reference, draw.normal(1, 1, 5_000).tolist()).finding == "drift"
    assert only(reference, draw.normal(0.1, 1, 10_000).tolist()).finding == "small"
    assert only(reference, draw.normal(0, 1, 10_000).tolist()).finding == "none"
    few = only(reference, draw.normal(0, 1, 35).tolist())
    assert only(reference, draw.normal(1.5, 1, 35).tolist()).finding == "drift"
    assert few.effect > 0.1  # so far few rows stray by chance
    assert few.finding == "none"
    assert only(reference, draw.normal(9, 1, 29).tolist()).finding == "too-few"


def test_clean_tables_rarely_seem_to_differ() -> None:
    draw = np.random.default_rng(1)
    wrong = 0
    for _ in range(100):
        both = [
            table(
                number=draw.normal(0, 1, 300).tolist(),
                count=draw.poisson(3, 300).tolist(),
                flag=draw.integers(0, 2, 300).tolist(),
                name=[f"c{one}" for one in draw.geometric(0.3, 300)],
                rare=np.where(draw.random(300) < 0.01, "", "1.5").tolist(),
            )
            for _ in range(2)
        ]
        wrong += any(one.p_value is not None and one.p_value <= 0.05
                     for one in difference.between(*both).columns)  # fmt: skip
    assert wrong <= 14  # the 99.9 % bound of the binomial distribution at 5 %


@pytest.mark.parametrize(
    ("before", "after", "test"),
    [
        pytest.param(range(1_000), range(500, 1_500), "kolmogorov-smirnov", id="numbers"),
        pytest.param([0, 1] * 200, [0, 1, 1, 1] * 100, "chi-square", id="zero-and-one"),
        pytest.param([1, 2, 3] * 100, [3, 3, 2] * 100, "chi-square", id="few-numbers"),
        pytest.param(["a", "b"] * 100, ["a"] * 100, "chi-square", id="categories"),
        pytest.param(["a"] * 200, ["b"] * 200, "chi-square", id="an-unseen-category"),
        pytest.param([5] * 200, [3] * 200, "chi-square", id="one-value"),
        pytest.param([1.5, 2] * 100, [1.5, ""] * 100, "chi-square", id="numbers-go-missing"),
        pytest.param([1.5, 2] * 100, [""] * 200, "chi-square", id="all-go-missing"),
        pytest.param([""] * 200, [1.5, 2] * 100, "chi-square", id="nothing-before"),
        pytest.param(range(200), ["inf"] * 200, "kolmogorov-smirnov", id="infinite"),
        pytest.param(range(200), ["x"] * 200, "chi-square", id="texts-for-numbers"),
        pytest.param(["x"] * 200, range(200), "chi-square", id="numbers-for-texts"),
        pytest.param(
            [f"t{at}" for at in range(2_000)], ["t1"] * 900, "chi-square", id="texts-by-hash"
        ),
    ],
)
def test_what_changed_is_found_by_the_test_that_fits(
    before: Sequence[object], after: Sequence[object], test: str
) -> None:
    found = only(before, after)

    assert found.finding == "drift"
    assert found.test == test
    assert only(before, before).finding == "none"


@pytest.mark.parametrize("cells", [["a"], [""], [5], ["NaN", ""], ["inf"]], ids=str)
def test_a_column_of_one_value_has_no_effect_whatever_the_number_of_rows(
    cells: list[object],
) -> None:
    found = only(cells * 4_000, cells * 100)

    assert (found.effect, found.p_value, found.finding) == (0, 1, "none")


def test_texts_that_are_all_different_do_not_drift() -> None:
    found = only([f"a{at}" for at in range(3_000)], [f"b{at}" for at in range(3_000)])

    assert (found.finding, found.kinds, found.moved) == ("none", ("text", "text"), ())


def test_columns_and_kinds_are_told() -> None:
    before = table(a=[1] * 40, b=["x"] * 40, c=[""] * 40, gone=[1] * 40)
    after = table(a=["x"] * 40, b=["x"] * 39 + [""], c=[1] * 40, new=[1] * 40)
    found = difference.between(before, after)

    assert (found.added, found.removed) == (("new",), ("gone",))
    assert found.retyped == {"a": ("boolean", "categorical")}
    assert {one.name: one.nulls for one in found.columns} == {
        "a": (0, 0), "b": (0, 1 / 40), "c": (1, 0),
    }  # fmt: skip


def test_what_moved_most_comes_first() -> None:
    found = only(["a"] * 50 + ["b"] * 40 + ["c"] * 10, ["a"] * 20 + ["b"] * 45 + ["c"] * 35)

    assert [(one.name, one.before, one.after) for one in found.moved] == [
        ("a", 0.5, 0.2), ("c", 0.1, 0.35), ("b", 0.4, 0.45),
    ]  # fmt: skip


def test_the_balance_of_the_target_is_told() -> None:
    before, after = table(y=["no"] * 80 + ["yes"] * 20), table(y=["no"] * 50 + ["yes"] * 50)
    found = difference.between(before, after, target="y").balance

    assert found is not None
    assert [(one.name, one.before, one.after) for one in found.shares] == [
        ("no", 0.8, 0.5), ("yes", 0.2, 0.5),
    ]  # fmt: skip
    assert difference.between(before, after, target="z").balance is None


def test_swapping_tables_of_categories_swaps_what_is_told() -> None:
    one, other = table(y=["a"] * 80 + ["b"] * 20), table(y=["a"] * 50 + ["b"] * 50)
    forth, back = difference.between(one, other), difference.between(other, one)

    assert forth.columns[0].effect == pytest.approx(back.columns[0].effect)
    assert forth.columns[0].p_value == pytest.approx(back.columns[0].p_value)


def part_of_churn(folder: Path, *, plan: str | None) -> Path:
    with CHURN.open(newline="") as file:
        header, *rows = csv.reader(file)
    at = header.index("international_plan")
    chosen = [row for row in rows[2_000:] if plan is None or row[at] == plan]
    path = folder / "live.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *chosen])
    return path


def churn_against(live: Path) -> Difference:
    return difference.between(profile.of(CHURN), profile.of(live))


def test_customers_with_the_international_plan_only_are_a_drift_of_that_column(
    tmp_path: Path,
) -> None:
    found = churn_against(part_of_churn(tmp_path, plan="yes"))

    assert found.columns[0].name == "international_plan"
    assert "international_plan" in {one.name for one in found.drifted}
    assert found.columns[0].moved[0].after in {0, 1}


def test_the_second_half_of_the_churn_data_has_not_drifted(tmp_path: Path) -> None:
    assert churn_against(part_of_churn(tmp_path, plan=None)).drifted == ()
