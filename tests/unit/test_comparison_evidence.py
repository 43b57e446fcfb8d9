"""What decides when there is evidence: intervals before numbers, and the policy of `gate:`."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import RULES, finding, side

from trainshed import comparison, config
from trainshed.comparison import Against, Comparison, Policy
from trainshed.config import Metric
from trainshed.evidence import Evidence, Measured, Rows

BEFORE = {"f1": 0.85, "log_loss": 0.20, "profit": 3.0}
AFTER = {"f1": 0.86, "log_loss": 0.20, "profit": 3.1}

Interval = tuple[float, float]


def evidence(intervals: Mapping[str, Interval | str], *, rows: int = 800) -> Evidence:
    """Evidence of metrics with an interval, or with a reason why there is none."""
    return Evidence(
        rows=Rows(how="paired", compared=rows, baseline=rows, candidate=rows),
        metrics={
            name: Measured(why_not=one)
            if isinstance(one, str)
            else Measured(
                baseline=0.85,
                candidate=0.85 + sum(one) / 2,
                difference=sum(one) / 2,
                interval=one,
                level=0.95,
            )
            for name, one in intervals.items()
        },
    )


def compared(
    intervals: Mapping[str, Interval | str] | None,
    *,
    policy: Policy | None = None,
    rules: Mapping[str, Metric] = RULES,
    rows: int = 800,
    **changes: object,
) -> Comparison:
    known = None if intervals is None else evidence(intervals, rows=rows)
    against = Against(side=side(BEFORE, run_id="2" * 64), evidence=known)
    return comparison.compare(
        model="churn",
        candidate=side(AFTER, run_id="1" * 64),
        parent=None,
        live=replace(against, **changes),
        rules=rules,
        policy=policy,
    )


@pytest.mark.parametrize(
    ("interval", "judgement", "verdict"),
    [
        pytest.param((-0.05, -0.02), "worse", "fail", id="all-of-it-is-below-the-tolerance"),
        pytest.param((-0.05, 0.02), "undecided", "warn", id="it-is-on-both-sides"),
        pytest.param((-0.05, -0.01), "undecided", "warn", id="it-ends-at-the-tolerance"),
        pytest.param((-0.01, 0.02), "not-worse", "pass", id="it-begins-at-the-tolerance"),
        pytest.param((0.0, 0.02), "not-worse", "pass", id="it-begins-at-nothing"),
        pytest.param((0.001, 0.02), "better", "pass", id="all-of-it-is-above-nothing"),
    ],
)
def test_an_interval_decides_and_not_the_number(
    interval: Interval, judgement: str, verdict: str
) -> None:
    found = compared({"f1": interval, "log_loss": (-0.01, 0.01)})

    f1 = finding(found, "live", "f1")
    assert (f1.judgement, f1.interval, f1.level) == (judgement, interval, 0.95)
    assert found.verdict == verdict


def test_of_a_loss_less_is_better() -> None:
    found = compared({"f1": (0.0, 0.01), "log_loss": (0.03, 0.05)})

    assert finding(found, "live", "log_loss").judgement == "worse"
    assert compared({"log_loss": (-0.05, -0.03)}).verdict == "pass"


def test_a_metric_without_interval_is_judged_by_its_number_and_says_why() -> None:
    found = compared({"f1": "it is the trainer's own", "log_loss": (-0.01, 0.01)})

    f1 = finding(found, "live", "f1")
    assert (f1.judgement, f1.interval) == ("better", None)
    assert f1.why_not == "it is the trainer's own"


def test_a_metric_that_is_only_shown_is_not_judged_by_its_interval() -> None:
    found = compared({"profit": (-0.9, -0.8)})

    profit = finding(found, "live", "profit")
    assert (profit.judgement, profit.interval) == ("not-judged", (-0.9, -0.8))
    assert found.verdict == "pass"


@pytest.mark.parametrize("verdict", ["warn", "fail", "pass"])
def test_what_is_undecided_means_what_the_policy_says(verdict: str) -> None:
    gate = config.Gate.model_validate({"undecided": verdict})

    found = compared({"f1": (-0.05, 0.02)}, policy=comparison.policy_of(gate))

    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("no_interval", "judgement", "verdict"),
    [
        ("number", "better", "pass"),
        ("warn", "no-interval", "warn"),
        ("fail", "no-interval", "fail"),
    ],
)
def test_a_metric_without_interval_means_what_the_policy_says(
    no_interval: str, judgement: str, verdict: str
) -> None:
    gate = config.Gate.model_validate({"no_interval": no_interval})

    found = compared(None, policy=comparison.policy_of(gate))

    assert finding(found, "live", "f1").judgement == judgement
    assert found.verdict == verdict


@pytest.mark.parametrize("no_interval", ["number", "warn", "fail"])
def test_a_number_beyond_the_tolerance_fails_under_every_policy(no_interval: str) -> None:
    rules = {"profit": Metric(direction="minimize", tolerance=0.01)}
    gate = config.Gate.model_validate({"no_interval": no_interval})

    assert compared(None, rules=rules, policy=comparison.policy_of(gate)).verdict == "fail"


def test_the_same_run_needs_neither_interval_nor_rows() -> None:
    same = comparison.compare(
        model="churn",
        candidate=side(BEFORE),
        parent=None,
        live=side(BEFORE),
        rules=RULES,
        policy=Policy(no_interval="fail", required_rows=1_000),
    )

    assert same.verdict == "pass"


@pytest.mark.parametrize(("rows", "verdict"), [(199, "cannot-compare"), (200, "pass")])
def test_with_fewer_rows_than_required_nothing_can_be_said(rows: int, verdict: str) -> None:
    found = compared({"f1": (0.01, 0.02)}, policy=Policy(required_rows=200), rows=rows)

    assert found.verdict == verdict
    assert found.lacks_rows == (verdict == "cannot-compare")


def test_required_rows_are_not_there_without_predictions() -> None:
    assert compared(None, policy=Policy(required_rows=1)).verdict == "cannot-compare"


def test_runs_that_answer_different_questions_are_not_compared_by_their_numbers() -> None:
    found = compared(None, cannot_compare="they choose among different classes")

    assert found.verdict == "cannot-compare"


@pytest.mark.parametrize(
    ("wanted", "there", "gate"),
    [
        ("live", {"parent", "live"}, "live"),
        ("parent", {"parent", "live"}, "parent"),
        ("live", {"parent"}, "parent"),
        ("parent", {"live"}, "live"),
        ("parent", set(), None),
    ],
)
def test_the_policy_names_the_baseline_that_decides(
    wanted: str, there: set[str], gate: str | None
) -> None:
    sides = {name: side(BEFORE, run_id="2" * 64) for name in there}

    found = comparison.compare(
        model="churn",
        candidate=side(AFTER, run_id="1" * 64),
        parent=sides.get("parent"),
        live=sides.get("live"),
        rules=RULES,
        policy=Policy(baseline="parent" if wanted == "parent" else "live"),
    )

    assert found.gate == gate


LIMITS = st.floats(-1, 1, allow_nan=False)


@given(limits=st.tuples(LIMITS, LIMITS).map(sorted), tolerance=st.floats(0, 0.5))
def test_a_comparison_is_read_again_as_it_was_made(limits: list[float], tolerance: float) -> None:
    rules = {"f1": Metric(direction="maximize", tolerance=tolerance)}
    made = compared(
        {"f1": (limits[0], limits[1])}, rules=rules, no_evidence="none", changed=("code",)
    )

    assert comparison.from_json(made.to_json()) == made
