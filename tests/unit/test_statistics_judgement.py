import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trainshed.rule import Rule, ToleranceIsNegative
from trainshed.statistics import difference, judgement
from trainshed.statistics.difference import Difference

MANY = 10**9  # rows: so many that no interval is widened
MAXIMIZE = Rule(direction="maximize", tolerance=0.01)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def spread(low: float, high: float) -> Difference:
    """A difference whose 95 % interval is the one given: resampled evenly, as far as needed."""
    margin = (high - low) * 0.025 / 0.95
    values = np.linspace(low - margin, high + margin, 10_001)
    return difference.of((low + high) / 2, values, rows=MANY)


def normal(mean: float, deviation: float) -> Difference:
    values = mean + deviation * np.random.default_rng(0).normal(size=10_000)
    return difference.of(mean, values, rows=MANY)


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [
        pytest.param(-0.05, -0.02, "worse", id="wholly-below-the-tolerance"),
        pytest.param(-0.05, -0.005, "undecided", id="around-the-tolerance"),
        pytest.param(-0.005, 0.02, "not-worse", id="wholly-above-the-tolerance"),
        pytest.param(-0.009, -0.001, "not-worse", id="a-loss-that-is-tolerated"),
        pytest.param(0.001, 0.02, "better", id="wholly-above-zero"),
        pytest.param(-0.02, 0.03, "undecided", id="around-everything"),
        pytest.param(0.0, 0.0, "not-worse", id="no-difference-at-all"),
    ],
)
def test_a_finding_is_where_the_interval_lies(low: float, high: float, finding: str) -> None:
    judged = judgement.judge(spread(low, high), MAXIMIZE)

    assert judged.finding == finding
    assert judged.interval == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [(0.02, 0.05, "worse"), (-0.02, -0.001, "better"), (-0.02, 0.005, "not-worse")],
)
def test_of_a_metric_to_minimize_less_is_better(low: float, high: float, finding: str) -> None:
    judged = judgement.judge(spread(low, high), Rule(direction="minimize", tolerance=0.01))

    assert judged.finding == finding
    assert judged.interval == pytest.approx((low, high), abs=1e-9)  # its sign is not turned


def test_no_difference_is_not_worse_even_without_tolerance() -> None:
    same = difference.of(0.0, np.zeros(100), rows=100)

    assert judgement.judge(same, Rule(direction="maximize")).finding == "not-worse"


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=50), st.floats(0, 0.5))
def test_swapping_the_runs_turns_better_into_worse(values: list[float], tolerance: float) -> None:
    found = difference.of(0.0, np.array(values), rows=50)
    rule = Rule(direction="maximize")

    forth, back = (judgement.judge(one, rule).finding for one in (found, found.turned()))

    assert (forth == "better") == (back == "worse")
    assert judgement.judge(found, Rule(direction="minimize")).finding == back
    # A larger tolerance never turns a pass into a failure.
    wider = judgement.judge(found, Rule(direction="maximize", tolerance=tolerance)).finding
    assert wider != "worse" or forth == "worse"


@pytest.mark.parametrize("tolerance", [-0.01, math.nan])
def test_a_negative_tolerance_is_an_error(tolerance: float) -> None:
    with pytest.raises(ToleranceIsNegative, match="is not 0 or more"):
        Rule(direction="maximize", tolerance=tolerance)


def test_one_metric_alone_is_judged_at_95_percent() -> None:
    judged = judgement.judge_all({"f1": normal(-0.03, 0.0095)}, {"f1": MAXIMIZE})

    assert judged["f1"].level == 0.95
    assert judged["f1"].finding == "worse"


def test_among_others_the_same_metric_needs_more() -> None:
    differences = {name: normal(-0.03, 0.0095) for name in ("a", "b", "c")}

    judged = judgement.judge_all(differences, dict.fromkeys("abc", MAXIMIZE))

    assert {one.finding for one in judged.values()} == {"undecided"}
    assert {one.level for one in judged.values()} == {1 - 0.05 / 3}


def test_each_metric_that_is_decided_makes_it_easier_for_the_next() -> None:
    differences = {
        "unsure": normal(-0.01, 0.01),
        "sure": normal(-0.09, 0.01),
        "next": normal(0.02, 0.0125),
    }

    judged = judgement.judge_all(differences, dict.fromkeys(differences, MAXIMIZE))

    assert [judged[name].finding for name in differences] == ["undecided", "worse", "not-worse"]
    assert [judged[name].level for name in differences] == pytest.approx(
        [0.95, 1 - 0.05 / 3, 0.975]
    )


def test_a_metric_without_interval_is_in_no_family() -> None:
    judged = judgement.judge_all(
        {"profit": None, "f1": normal(0, 0.001)}, {"profit": MAXIMIZE, "f1": MAXIMIZE}
    )

    assert list(judged) == ["profit", "f1"]
    assert judged["profit"].finding == "no-interval"
    assert judged["profit"].interval is None
    assert judged["f1"].level == 0.95


@given(
    means=st.lists(st.floats(-0.05, 0.05), min_size=1, max_size=6),
    deviation=st.floats(0.002, 0.03),
)
def test_the_steps_decide_what_holms_p_values_decide(means: list[float], deviation: float) -> None:
    differences: dict[str, Difference | None] = {
        str(place): normal(mean, deviation) for place, mean in enumerate(means)
    }

    judged = judgement.judge_all(differences, dict.fromkeys(differences, MAXIMIZE))

    corrected = judgement.holm([one.p_value or 0.0 for one in judged.values()])
    for one, p_value in zip(judged.values(), corrected, strict=True):
        if abs(p_value - 0.05) > 0.005:  # quantiles lie between resamples, p-values on them
            assert (one.finding != "undecided") == (p_value < 0.05)


@given(P_VALUES)
def test_corrections_agree_with_statsmodels(p_values: list[float]) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")

    for ours, method in ((judgement.holm, "holm"), (judgement.benjamini_hochberg, "fdr_bh")):
        theirs = multitest.multipletests(p_values, method=method)[1]
        assert ours(p_values) == pytest.approx(theirs.tolist(), abs=1e-12)


def test_nothing_is_corrected_where_there_is_nothing() -> None:
    assert judgement.holm([]) == judgement.benjamini_hochberg([]) == []


def test_an_interval_of_few_rows_is_students() -> None:
    """Of a mean of normal values, what percentiles lack is known exactly."""
    rows = stats.norm.ppf((np.arange(12) + 0.5) / 12)
    drawn = np.random.default_rng(4).integers(12, size=(200_000, 12))
    found = difference.of(rows.mean(), rows[drawn].mean(axis=1), rows=12)

    student = stats.t.interval(0.95, 11, loc=rows.mean(), scale=rows.std(ddof=1) / 12**0.5)

    assert found.interval() == pytest.approx(student, rel=0.03)
    plain = np.quantile(found.resampled, [0.025, 0.975])
    assert np.ptp(found.interval()) > 1.1 * np.ptp(plain)


@given(rows=st.integers(2, 500), share=st.integers(1, 4_999))
def test_chances_and_intervals_are_each_others_inverse(rows: int, share: int) -> None:
    values = np.arange(10_001) / 10_000
    found = difference.of(0.5, values, rows=rows)

    below, _ = found.tails(share / 10_000 + 1e-9)

    assert found.interval(1 - 2 * below)[0] == pytest.approx(share / 10_000, abs=2e-4)
