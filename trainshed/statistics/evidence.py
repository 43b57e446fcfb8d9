"""What two runs' predictions say about the difference of their metrics: all of it, in one call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from trainshed.statistics import bootstrap, difference, metrics, pairing, sides
from trainshed.statistics.columns import Floats
from trainshed.statistics.difference import Difference
from trainshed.statistics.metrics import Metric
from trainshed.statistics.pairing import Pairing
from trainshed.statistics.predictions import Predictions
from trainshed.statistics.sides import Classified, Measured, Side

LEAST_PAIRED = 30
"""Common rows; with fewer, the runs are compared as if they had none in common."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """One metric of two runs. Values are of the rows that were compared, by scikit-learn."""

    baseline: float | None = None
    candidate: float | None = None
    difference: Difference | None = None
    why_not: str | None = None
    """Why there is no interval."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    pairing: Pairing
    is_paired: bool
    """False: each run is judged on all of its own rows, and the interval allows for that."""
    classified: tuple[Classified, Classified] | None
    """Both runs' answers (baseline, candidate) where they are classes."""
    measured: tuple[Measured, Measured] | None
    """Both runs' answers where they are numbers; whole numbers may be both."""
    metrics: Mapping[str, Compared]

    def side_of(self, metric: Metric) -> tuple[Side, Side] | None:
        """Return the answers that a metric is computed from."""
        return self.measured if metric.is_regression else self.classified


def gather(
    baseline: Predictions,
    candidate: Predictions,
    names: Iterable[str],
    *,
    run_ids: tuple[str, str],
    positive: str | None = None,
    resamples: int = bootstrap.RESAMPLES,
) -> Evidence:
    """Compare two runs' predictions.

    Args:
        names: of metrics, as trainers write them; those without interval say why.
        run_ids: baseline and candidate; they seed the resamples.
        positive: of two classes; None finds it (`sides.classified`).

    Raises:
        RowIdsNameOtherRows, LabelsDiffer, LabelIsOutsideTheClasses: the two cannot be compared.
    """
    paired = pairing.pair(baseline, candidate)
    is_paired = len(paired.baseline) >= LEAST_PAIRED or paired.is_complete
    rows = (paired.baseline, paired.candidate) if is_paired else (baseline, candidate)
    numbers = (sides.measured(rows[0]), sides.measured(rows[1]))
    evidence = Evidence(
        pairing=paired,
        is_paired=is_paired,
        classified=sides.classified(*rows, positive=positive),
        measured=None if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1]),
        metrics={},
    )
    return replace(evidence, metrics=_compared(evidence, tuple(names), run_ids, resamples))


def _compared(
    evidence: Evidence, names: tuple[str, ...], run_ids: tuple[str, str], resamples: int
) -> dict[str, Compared]:
    told: dict[str, Compared] = {}
    known: dict[str, Metric] = {}
    for name in names:
        metric = metrics.named(name)
        if metric is None:
            told[name] = Compared(why_not="it is the trainer's own metric")
            continue
        pair = evidence.side_of(metric)
        why_not = _why_not(metric, pair)
        if why_not or pair is None:
            told[name] = Compared(why_not=why_not)
            continue
        before, after = (metrics.value(metric, side) for side in pair)
        why_not = bootstrap.why_not(pair, metric)
        told[name] = Compared(baseline=before, candidate=after, why_not=why_not)
        if why_not is None:
            known[name] = metric
    for pair in (evidence.classified, evidence.measured):
        wanted = {name: one for name, one in known.items() if evidence.side_of(one) is pair}
        if pair is None or not wanted:
            continue
        resampled = bootstrap.resample(
            pair, wanted, run_ids=run_ids, paired=evidence.is_paired, resamples=resamples
        )
        for name, values in resampled.items():
            drawn = bootstrap.rows_drawn(pair, wanted[name])
            told[name] = _with_difference(told[name], values, rows=drawn)
    return {name: told[name] for name in names}


def _with_difference(one: Compared, resampled: Floats, *, rows: int) -> Compared:
    assert one.baseline is not None
    assert one.candidate is not None
    estimate = one.candidate - one.baseline
    return replace(one, difference=difference.of(estimate, resampled, rows=rows))


def _why_not(metric: Metric, pair: tuple[Side, Side] | None) -> str | None:
    if pair is None:
        kind = "numbers" if metric.is_regression else "classes"
        return f"y_true or y_pred does not hold {kind}"
    return next(filter(None, (metrics.why_not(metric, side) for side in pair)), None)
