"""Judge differences by their intervals: is the candidate worse than the tolerance allows?

An interval of the difference is judged by a `Rule` (`trainshed.rule`), which knows the tolerance.

Several gating metrics share one error rate by Holm's step-down. The metric with the least p-value
is judged by an interval of level 1 − α/m, the next by 1 − α/(m−1), and so on, while each is
decided. The first one that is not ends it: that level holds for all that remain, and each of them
is undecided at it. So every metric has one interval, and its judgement can be read off it: that
any metric is called worse or not-worse wrongly happens in at most 5 % of comparisons. (`better` is
read at the same level but is not counted among those claims: it never moves the gate. To pass
needs every metric, for which no correction would be needed; there the correction is on the safe
side.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trainshed.rule import ROUNDING, Rule
from trainshed.statistics.difference import LEVEL, Difference

Finding = Literal["better", "not-worse", "worse", "undecided", "no-interval"]


@dataclass(frozen=True, kw_only=True)
class Judged:
    finding: Finding
    interval: tuple[float, float] | None = None
    """Of candidate − baseline, its sign as it is; the finding can be read off it."""
    level: float | None = None
    p_value: float | None = None
    """The least error rate at which the margin would be decided, before Holm's correction."""


def judge(difference: Difference, rule: Rule, *, level: float = LEVEL) -> Judged:
    """Judge one metric by its interval at a level."""
    interval = difference.interval(level)
    return Judged(
        finding=rule.judge(interval),
        interval=interval,
        level=level,
        p_value=_p_value(difference, rule),
    )


def judge_all(
    differences: Mapping[str, Difference | None],
    rules: Mapping[str, Rule],
    *,
    level: float = LEVEL,
) -> dict[str, Judged]:
    """Judge the gating metrics together. None is a metric without interval."""
    p_values = {
        name: _p_value(one, rules[name]) for name, one in differences.items() if one is not None
    }
    order = sorted(p_values, key=lambda name: (p_values[name], name))
    judged: dict[str, Judged] = {}
    stopped_at: float | None = None
    for step, name in enumerate(order):
        difference = differences[name]
        assert difference is not None
        at = stopped_at or 1 - (1 - level) / (len(order) - step)
        judged[name] = judge(difference, rules[name], level=at)
        if judged[name].finding == "undecided":
            stopped_at = at
    return {name: judged.get(name, Judged(finding="no-interval")) for name in differences}


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected so that a limit holds for the chance of any wrong claim."""
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = values[order] * (values.size - np.arange(values.size))
    return _in_place(np.minimum(np.maximum.accumulate(stepped), 1.0), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected so that a limit holds for the share of wrong claims."""
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = values[order] * values.size / (np.arange(values.size) + 1)
    least = np.minimum.accumulate(stepped[::-1])[::-1]
    return _in_place(np.minimum(least, 1.0), order)


def _p_value(difference: Difference, rule: Rule) -> float:
    gain = difference if rule.direction == "maximize" else difference.turned()
    return min(1.0, 2 * min(gain.tails(-rule.tolerance - ROUNDING)))


def _in_place(values: np.ndarray, order: np.ndarray) -> list[float]:
    found = np.empty_like(values)
    found[order] = values
    return [float(one) for one in found]
