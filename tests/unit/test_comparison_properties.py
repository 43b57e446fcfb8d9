from random import Random

from hypothesis import given
from hypothesis import strategies as st
from records import RULES, compare, finding

NUMBERS = st.floats(-1e6, 1e6)
METRICS = st.dictionaries(st.sampled_from(["f1", "log_loss", "auc", "rows"]), NUMBERS, min_size=1)


@given(left=METRICS, right=METRICS)
def test_swapping_the_sides_turns_the_sign_of_every_difference(
    left: dict[str, float], right: dict[str, float]
) -> None:
    there, back = compare(left, live=right), compare(right, live=left)

    for name in left.keys() & right.keys():
        forth, again = finding(there, "live", name), finding(back, "live", name)
        assert forth.difference is not None
        assert again.difference == -forth.difference
        assert {forth.judgement, again.judgement} != {"better"}


@given(left=METRICS, right=METRICS, order=st.randoms())
def test_the_order_of_metrics_does_not_matter(
    left: dict[str, float], right: dict[str, float], order: Random
) -> None:
    shuffled = list(left)
    order.shuffle(shuffled)

    assert compare({name: left[name] for name in shuffled}, live=right) == compare(left, live=right)


@given(candidate=METRICS, parent=st.none() | METRICS, live=st.none() | METRICS)
def test_nothing_passes_that_lacks_a_metric_breaks_a_threshold_or_is_worse(
    candidate: dict[str, float], parent: dict[str, float] | None, live: dict[str, float] | None
) -> None:
    compared = compare(candidate, parent=parent, live=live)

    base = compared.baseline(compared.gate)
    is_worse = base is not None and any(one.judgement == "worse" for one in base.findings)
    assert (compared.verdict == "cannot-compare") == (not candidate.keys() >= RULES.keys())
    if compared.verdict != "cannot-compare":
        assert (compared.verdict == "fail") == (bool(compared.broken) or is_worse)


@given(metrics=METRICS, other=METRICS, added=NUMBERS)
def test_a_metric_that_is_not_judged_never_changes_the_verdict(
    metrics: dict[str, float], other: dict[str, float], added: float
) -> None:
    before = compare(metrics, live=other).verdict

    assert compare({**metrics, "extra": added}, live=other).verdict == before
    assert compare(metrics, live={**other, "extra": added}).verdict == before
