"""Metrics of two runs on the rows that are compared: values, differences, judged intervals."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from trainshed import evidence
from trainshed.rule import Rule
from trainshed.statistics import bootstrap, difference, judgement, metrics, sides
from trainshed.statistics.columns import Floats
from trainshed.statistics.difference import Difference
from trainshed.statistics.metrics import Metric
from trainshed.statistics.predictions import Predictions
from trainshed.statistics.sides import Classified, Measured, Side

OWN = "it is the trainer's own metric"
NO_ROWS = "no row is left to compare"
_NOT_FINITE = "it is not a finite number on these rows"


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Two runs' answers, as what metrics are computed from them; whole numbers may be both."""

    classified: tuple[Classified, Classified] | None
    measured: tuple[Measured, Measured] | None

    def of(self, metric: Metric) -> tuple[Side, Side] | None:
        return self.measured if metric.is_regression else self.classified


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """One metric of two runs. Values are by scikit-learn."""

    baseline: float | None = None
    candidate: float | None = None
    difference: Difference | None = None
    why_not: str | None = None
    """Why there is no interval."""


def pairs(first: Predictions, second: Predictions, *, positive: str | None = None) -> Pairs:
    """Turn two runs' predictions into answers; without rows there are none.

    Raises:
        LabelsDiffer, LabelIsOutsideTheClasses: they are not about the same classes.
    """
    if not len(first) or not len(second):
        return Pairs(classified=None, measured=None)
    numbers = sides.measured(first), sides.measured(second)
    return Pairs(
        classified=sides.classified(first, second, positive=positive),
        measured=None if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1]),
    )


def compare(
    found: Pairs,
    names: Collection[str],
    *,
    without: Mapping[str, str],
    run_ids: tuple[str, str],
    paired: bool,
    resamples: int = bootstrap.RESAMPLES,
) -> dict[str, Compared]:
    """Compare two runs metric by metric.

    Args:
        names: as trainers write them.
        without: metrics that cannot have an interval, each with its reason.
        run_ids: baseline and candidate; they seed the resamples.
    """
    told: dict[str, Compared] = {}
    known: dict[str, Metric] = {}
    for name in names:
        metric = metrics.named(name)
        if metric is None or name in without:
            told[name] = Compared(why_not=without.get(name, OWN))
            continue
        told[name] = _values(metric, found.of(metric))
        if told[name].why_not is None:
            known[name] = metric
    for pair in (found.classified, found.measured):
        wanted = {name: one for name, one in known.items() if found.of(one) is pair}
        if pair is None or not wanted:
            continue
        resampled = bootstrap.resample(
            pair, wanted, run_ids=run_ids, paired=paired, resamples=resamples
        )
        for name, values in resampled.items():
            drawn = bootstrap.rows_drawn(pair, wanted[name])
            told[name] = _with_difference(told[name], values, rows=drawn)
    return told


def judged(
    compared: Mapping[str, Compared], rules: Mapping[str, Rule]
) -> dict[str, evidence.Measured]:
    """Return each metric with its one interval: those that gate share one error rate."""
    gating = {name: compared[name].difference for name in rules if name in compared}
    shared = judgement.judge_all(gating, rules)
    told = {}
    for name, one in compared.items():
        interval, level = None, None
        if one.difference is not None:
            gates = shared.get(name)
            level = gates.level if gates else difference.LEVEL
            interval = gates.interval if gates else one.difference.interval()
        told[name] = evidence.Measured(
            baseline=one.baseline,
            candidate=one.candidate,
            difference=_difference(one),
            interval=interval,
            level=level,
            p_value=one.difference.p_value if one.difference else None,
            why_not=one.why_not,
        )
    return told


def _values(metric: Metric, pair: tuple[Side, Side] | None) -> Compared:
    if pair is None:
        kind = "numbers" if metric.is_regression else "classes"
        return Compared(why_not=f"y_true or y_pred does not hold {kind}")
    why_not = next(filter(None, (metrics.why_not(metric, side) for side in pair)), None)
    if why_not is not None:
        return Compared(why_not=why_not)
    before, after = (metrics.value(metric, side) for side in pair)
    if not math.isfinite(before) or not math.isfinite(after):
        return Compared(why_not=_NOT_FINITE)
    return Compared(baseline=before, candidate=after, why_not=bootstrap.why_not(pair, metric))


def _with_difference(one: Compared, resampled: Floats, *, rows: int) -> Compared:
    estimate = _difference(one)
    assert estimate is not None
    if not math.isfinite(resampled.sum()):
        return replace(one, why_not=_NOT_FINITE)
    return replace(one, difference=difference.of(estimate, resampled, rows=rows))


def _difference(one: Compared) -> float | None:
    if one.baseline is None or one.candidate is None:
        return None
    return one.candidate - one.baseline
