from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import RULES, RUN, compare, finding, side

from trainshed import comparison
from trainshed.comparison import Threshold
from trainshed.config import Metric
from trainshed.finding import Judgement, judge

UP = Metric(direction="maximize", tolerance=0.01)
DOWN = Metric(direction="minimize", tolerance=0.01)


@pytest.mark.parametrize(
    ("rule", "after", "judgement"),
    [
        pytest.param(UP, 0.86, "better", id="up-is-better"),
        pytest.param(UP, 0.85, "not-worse", id="the-same"),
        pytest.param(UP, 0.845, "not-worse", id="down-within-the-tolerance"),
        pytest.param(UP, 0.84, "not-worse", id="down-by-the-tolerance"),
        pytest.param(UP, 0.8399, "worse", id="down-beyond-the-tolerance"),
        pytest.param(DOWN, 0.84, "better", id="less-is-better-of-a-loss"),
        pytest.param(DOWN, 0.86, "not-worse", id="a-loss-up-by-the-tolerance"),
        pytest.param(DOWN, 0.8601, "worse", id="a-loss-up-beyond-the-tolerance"),
    ],
)
def test_a_metric_is_judged_by_its_direction_and_tolerance(
    rule: Metric, after: float, judgement: str
) -> None:
    assert judge(before=0.85, after=after, rule=rule) == judgement


def test_without_a_tolerance_any_loss_is_worse() -> None:
    exact = Metric(direction="maximize")

    assert judge(before=0.85, after=0.85, rule=exact) == "not-worse"
    assert judge(before=0.85, after=0.85 - 1e-9, rule=exact) == "worse"


# In tenths, so that both differences are exactly one tolerance, but for floating point.
@given(tenths=st.integers(-(10**7), 10**7), steps=st.integers(1, 100))
def test_losing_the_tolerance_to_the_digit_is_not_worse_at_any_scale(
    tenths: int, steps: int
) -> None:
    rule = Metric(direction="maximize", tolerance=steps / 10)

    assert judge(before=tenths / 10, after=(tenths - steps) / 10, rule=rule) != "worse"
    assert judge(before=tenths / 10, after=(tenths - steps - 1) / 10, rule=rule) == "worse"


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6, 1e12])
def test_a_metric_is_judged_alike_in_any_unit(scale: float) -> None:
    rule = Metric(direction="minimize", tolerance=0.1 * scale)

    assert judge(before=3 * scale, after=3.2 * scale, rule=rule) == "worse"
    assert judge(before=3 * scale, after=3.1 * scale, rule=rule) == "not-worse"
    assert judge(before=3 * scale, after=2.9 * scale, rule=rule) == "better"


@pytest.mark.parametrize(
    ("f1", "log_loss", "verdict"),
    [
        pytest.param(0.86, 0.20, "pass", id="all-better"),
        pytest.param(0.85, 0.23, "pass", id="the-same"),
        pytest.param(0.84, 0.25, "pass", id="worse-within-the-tolerances"),
        pytest.param(0.90, 0.26, "fail", id="one-worse-whatever-the-other"),
        pytest.param(0.83, 0.23, "fail", id="the-other-worse"),
    ],
)
def test_one_metric_that_is_worse_is_enough_to_fail(
    f1: float, log_loss: float, verdict: str
) -> None:
    baseline = {"f1": 0.85, "log_loss": 0.23}

    assert compare({"f1": f1, "log_loss": log_loss}, live=baseline).verdict == verdict


def test_the_live_release_outranks_the_parent() -> None:
    good, bad = {"f1": 0.90, "log_loss": 0.2}, {"f1": 0.82, "log_loss": 0.2}

    up = compare({"f1": 0.85, "log_loss": 0.2}, parent=good, live=bad)
    down = compare({"f1": 0.85, "log_loss": 0.2}, parent=bad, live=good)

    assert (up.gate, up.verdict) == ("live", "pass")
    assert (down.gate, down.verdict) == ("live", "fail")
    assert finding(up, "parent", "f1").judgement == "worse"


def test_the_parent_decides_when_nothing_is_live() -> None:
    compared = compare({"f1": 0.85, "log_loss": 0.2}, parent={"f1": 0.90, "log_loss": 0.2})

    assert (compared.gate, compared.verdict) == ("parent", "fail")


@pytest.mark.parametrize(("f1", "verdict"), [(0.80, "pass"), (0.7999, "fail")])
def test_without_a_baseline_thresholds_alone_decide(f1: float, verdict: str) -> None:
    compared = compare({"f1": f1, "log_loss": 9.0})

    assert (compared.gate, compared.baselines, compared.verdict) == (None, (), verdict)


@pytest.mark.parametrize(
    ("rule", "value", "broken"),
    [
        pytest.param({"min": 0.8}, 0.8, None, id="at-the-minimum"),
        pytest.param({"min": 0.8}, 0.79, "min", id="under-the-minimum"),
        pytest.param({"max": 0.5}, 0.5, None, id="at-the-maximum"),
        pytest.param({"max": 0.5}, 0.51, "max", id="over-the-maximum"),
        pytest.param({"min": 0.0, "max": 0.5}, -0.1, "min", id="of-both-the-one-that-is-broken"),
    ],
)
def test_a_threshold_is_kept_up_to_its_limit(
    rule: dict[str, float], value: float, broken: str | None
) -> None:
    rules = {"bias": Metric(direction="minimize", **rule)}

    compared = compare({"bias": value}, live={"bias": 9.0}, rules=rules)

    assert [one.bound for one in compared.broken] == ([broken] if broken else [])
    assert compared.verdict == ("fail" if broken else "pass")


def test_a_broken_threshold_fails_even_what_is_better_than_the_baseline() -> None:
    compared = compare({"f1": 0.79, "log_loss": 0.1}, live={"f1": 0.5, "log_loss": 0.9})

    assert compared.broken == (Threshold(metric="f1", bound="min", limit=0.80, value=0.79),)
    assert finding(compared, "live", "f1").judgement == "better"
    assert compared.verdict == "fail"


@pytest.mark.parametrize("nothing", [float("nan"), float("inf"), None])
@pytest.mark.parametrize("has_baseline", [True, False])
def test_a_judged_metric_that_the_candidate_lacks_never_passes(
    nothing: float | None, has_baseline: bool
) -> None:
    metrics = {"f1": 0.99} | ({} if nothing is None else {"log_loss": nothing})

    compared = compare(metrics, live={"f1": 0.8, "log_loss": 0.2} if has_baseline else None)

    assert (compared.missing, compared.verdict) == (("log_loss",), "cannot-compare")


def test_a_metric_that_is_new_is_shown_without_a_judgement() -> None:
    compared = compare({"f1": 0.85, "log_loss": 0.2}, live={"f1": 0.85})

    assert finding(compared, "live", "log_loss").judgement == "no-interval"
    assert finding(compared, "live", "log_loss").difference is None
    assert compared.verdict == "pass"


def test_a_metric_that_is_not_judged_is_shown_and_decides_nothing() -> None:
    baseline = {"f1": 0.85, "log_loss": 0.2, "auc": 0.99}

    compared = compare({**baseline, "auc": 0.01}, live=baseline)

    auc = finding(compared, "live", "auc")
    assert (auc.judgement, auc.is_gating, auc.difference) == ("no-interval", False, -0.98)
    assert compared.verdict == "pass"


@pytest.mark.parametrize(
    ("judgement", "is_gating", "verdict"),
    [
        pytest.param("worse", True, "fail", id="worse"),
        pytest.param("undecided", True, "warn", id="undecided"),
        pytest.param("worse", False, "pass", id="worse-but-not-judged"),
        pytest.param("undecided", False, "pass", id="undecided-but-not-judged"),
    ],
)
def test_only_findings_that_gate_decide(
    judgement: Judgement, is_gating: bool, verdict: str
) -> None:
    base = compare({"f1": 0.9, "log_loss": 0.2}, live={"f1": 0.9}).baseline("live")
    assert base is not None
    found = base.findings[0]
    both = (found, replace(found, judgement=judgement, is_gating=is_gating))

    decided = comparison.decide(
        replace(base, findings=both), broken=(), missing=(), policy=comparison.Policy()
    )

    assert decided == verdict


def test_judged_metrics_come_first_in_the_order_of_the_configuration() -> None:
    metrics = {"zeta": 1.0, "alpha": 1.0, "log_loss": 0.2, "f1": 0.9}

    base = compare(metrics, live=metrics).baseline("live")

    assert base is not None
    assert [one.metric for one in base.findings] == ["f1", "log_loss", "alpha", "zeta"]


def test_the_same_run_is_known_as_such() -> None:
    same = comparison.compare(
        model="churn", candidate=side(), parent=side(), live=None, rules=RULES
    ).baseline("parent")

    assert same is not None
    assert same.is_same_run


def test_a_side_holds_what_a_run_is() -> None:
    made = comparison.side(RUN, release="churn@v1.4.0")

    assert (made.run_id, made.commit, made.dataset) == (RUN.run_id, RUN.commit, RUN.dataset.digest)
    assert (made.release, made.metrics) == ("churn@v1.4.0", RUN.metrics)


def test_a_comparison_is_the_same_after_json() -> None:
    compared = compare({"f1": 0.79, "x": 1.0}, parent={"f1": 0.8}, live={"f1": 0.9, "x": 1 / 3})

    assert comparison.from_json(compared.to_json()) == compared


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("{", "EOF", id="not-json"),
        pytest.param("{}", "model: Field required", id="not-a-comparison"),
        pytest.param("[]", "should be an object", id="a-list"),
    ],
)
def test_what_is_no_comparison_is_not_read(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        comparison.from_json(text)


def test_a_comparison_of_a_newer_format_is_not_read() -> None:
    newer = compare({"f1": 0.9}).to_json().replace('"format": 2', '"format": 3')

    with pytest.raises(ValueError, match="format 3 is newer"):
        comparison.from_json(newer)
