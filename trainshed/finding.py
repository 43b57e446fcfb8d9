"""What is found of one metric of a candidate against one baseline.

Where the metric has an interval, the interval is judged; else its point difference is.
"""

from dataclasses import dataclass
from typing import Literal

from trainshed.config import Metric
from trainshed.evidence import Measured
from trainshed.rule import Rule

Judgement = Literal["better", "not-worse", "worse", "undecided", "no-interval", "not-judged"]

# Floating point: 0.85 − 0.84 is a little more than 0.01, which no reader would call worse. Relative
# to the values, because so is the rounding: 1000.2 − 1000.1 is off by more than 0.85 − 0.84.
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One metric of the candidate against one baseline."""

    metric: str
    judgement: Judgement
    """`not-judged`: it has an interval, and trainshed.yml does not say how to judge it."""
    baseline: float | None
    candidate: float
    """Both on the rows that were compared; without interval, as the trainers reported them."""
    difference: float | None
    """Candidate minus baseline, in the metric's own unit: its sign is not turned."""
    interval: tuple[float, float] | None = None
    level: float | None = None
    why_not: str = ""
    """Why there is no interval."""
    is_gating: bool
    """trainshed.yml says how to judge it."""


def of(
    name: str,
    after: float,
    before: float | None,
    *,
    rule: Metric | None,
    measured: Measured | None,
    judges_numbers: bool,
) -> Finding:
    """Judge one metric.

    Args:
        after, before: as the trainers of candidate and baseline reported it; None is not there.
        rule: of trainshed.yml; None: it is shown only.
        measured: what the predictions say of it.
        judges_numbers: whether a point difference that is not worse is a judgement.
    """
    if measured is not None and measured.interval is not None:
        return _of_interval(name, measured, rule)
    judgement: Judgement = "no-interval"
    if rule is not None and before is not None:
        by_number = judge(before=before, after=after, rule=rule)
        if judges_numbers or by_number == "worse":
            judgement = by_number
    return Finding(
        metric=name,
        judgement=judgement,
        baseline=before,
        candidate=after,
        difference=None if before is None else after - before,
        why_not=(measured.why_not or "") if measured else "",
        is_gating=rule is not None,
    )


def judge(*, before: float, after: float, rule: Metric) -> Judgement:
    """Judge a point difference: worse when it loses more than the tolerance."""
    gain = after - before if rule.direction == "maximize" else before - after
    rounding = _ROUNDING * max(abs(before), abs(after))
    if gain > rounding:
        return "better"
    return "worse" if gain < -rule.tolerance - rounding else "not-worse"


def rule_of(metric: Metric) -> Rule:
    return Rule(direction=metric.direction, tolerance=metric.tolerance)


def _of_interval(name: str, measured: Measured, rule: Metric | None) -> Finding:
    assert measured.interval is not None
    assert measured.candidate is not None
    return Finding(
        metric=name,
        judgement="not-judged" if rule is None else rule_of(rule).judge(measured.interval),
        baseline=measured.baseline,
        candidate=measured.candidate,
        difference=measured.difference,
        interval=measured.interval,
        level=measured.level,
        is_gating=rule is not None,
    )
