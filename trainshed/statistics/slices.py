"""Parts of the rows, by the value of a further column: for whom is the candidate worse?

Many slices are looked at, and some would look bad by chance: the claims `worse` and `better` keep
the share of wrong ones among them at 5 % (Benjamini-Hochberg). Intervals are each slice's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trainshed.evidence import Slice, Slices
from trainshed.rule import Rule
from trainshed.statistics import bootstrap, difference, judgement, metrics
from trainshed.statistics.columns import Column, Floats, Rows, Texts, shown
from trainshed.statistics.metrics import Metric
from trainshed.statistics.sides import Side

LEAST_ROWS = 30
MOST_SLICES = 200
"""The largest are judged: a column of names would cost hours and tell nothing."""
MOST_TOLD = 60
_MANY_ROWS = 100_000
"""Of all slices together. With more, what is resampled row by row is resampled less often, so that
it ends: then the least p-value is 0.001, which still tells the worst of 50 slices from chance."""
_FEWER = 2_000
_MOST_GROUPS = 20  # numbers with more distinct values are binned
_ERROR_RATE = 0.05


def find(
    pair: tuple[Side, Side],
    columns: Mapping[str, Column],
    name: str,
    metric: Metric,
    rule: Rule,
    *,
    run_ids: tuple[str, str],
    bins: Mapping[str, Sequence[float]] | None = None,
    resamples: int = bootstrap.RESAMPLES,
) -> Slices:
    """Judge one metric within every slice of paired runs.

    Args:
        pair: baseline and candidate, row by row to the same questions.
        columns: the further columns of these rows.
        name, metric, rule: what is judged, and which way is better.
        bins: rising limits between the bins of a numeric column; without, its quartiles.
    """
    parts = [
        (column, value, rows)
        for column, one in columns.items()
        for value, rows in _parts(one, (bins or {}).get(column))
    ]
    parts.sort(key=lambda part: (-len(part[2]), part[:2]))  # whatever order rows came in
    chosen = parts[:MOST_SLICES]
    if metric.family != "counts" and sum(len(rows) for _, _, rows in chosen) > _MANY_ROWS:
        resamples = min(resamples, _FEWER)
    judged = [
        _judge(pair, part, name, metric, run_ids=run_ids, resamples=resamples) for part in chosen
    ]
    found = tuple(_corrected(judged, rule))[:MOST_TOLD]
    return Slices(metric=name, found=found, left_out=len(parts) - len(found))


def _judge(
    pair: tuple[Side, Side],
    part: tuple[str, str, Rows],
    name: str,
    metric: Metric,
    *,
    run_ids: tuple[str, str],
    resamples: int,
) -> Slice:
    column, value, rows = part
    told = Slice(column=shown(column), value=shown(value), rows=len(rows), finding="not-judged")
    if len(rows) < LEAST_ROWS:
        return replace(told, why_not=f"fewer than {LEAST_ROWS} rows")
    before, after = (side.take(rows) for side in pair)
    why_not = (
        metrics.why_not(metric, before)
        or metrics.why_not(metric, after)
        or bootstrap.why_not((before, after), metric)
    )
    if why_not:
        return replace(told, why_not=why_not)
    drawn = bootstrap.rows_drawn((before, after), metric)
    values = metrics.value(metric, before), metrics.value(metric, after)
    resampled = bootstrap.resample(
        (before, after), {name: metric}, run_ids=run_ids, paired=True, resamples=resamples
    )
    found = difference.of(values[1] - values[0], resampled[name], rows=drawn)
    return replace(
        told,
        baseline=values[0],
        candidate=values[1],
        difference=found.estimate,
        interval=found.interval(),
        p_value=found.p_value,
        finding="undecided",
    )


def _corrected(judged: Sequence[Slice], rule: Rule) -> Iterator[Slice]:
    """Yield the slices in the order of the report, with corrected p-values and findings."""
    known = [one for one in judged if one.p_value is not None]
    p_values = judgement.benjamini_hochberg([one.p_value or 0.0 for one in known])
    sign = 1 if rule.direction == "maximize" else -1
    told = []
    for one, p_value in zip(known, p_values, strict=True):
        gain = sign * (one.difference or 0.0)
        finding: Literal["better", "worse", "undecided"] = "undecided"
        if p_value <= _ERROR_RATE and gain:
            finding = "better" if gain > 0 else "worse"
        told.append((gain, replace(one, p_value=p_value, finding=finding)))
    told.sort(key=lambda pair: (pair[1].finding != "worse", pair[0]))
    yield from (one for _, one in told)
    yield from (one for one in judged if one.p_value is None)


def _parts(column: Column, bins: Sequence[float] | None) -> Iterator[tuple[str, Rows]]:
    """Yield each value of a column, or each bin, with the rows that have it."""
    numbers = column.numbers
    if numbers is not None and (bins or not _is_few(column)):
        yield from _bins(numbers, bins)
    elif isinstance(column, Texts):
        for code, rows in _groups(column.codes):
            yield column.values[code], rows


def _is_few(column: Column) -> bool:
    return isinstance(column, Texts) and len(column.values) <= _MOST_GROUPS


def _bins(numbers: Floats, limits: Sequence[float] | None) -> Iterator[tuple[str, Rows]]:
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        yield "no value", np.arange(numbers.size)
        return
    edges = np.unique(limits if limits else np.quantile(known, [0.25, 0.5, 0.75]))
    texts = [f"{edge:.6g}" for edge in edges]
    names = [
        f"below {texts[0]}",
        *(f"{low} to {high}" for low, high in pairwise(texts)),
        f"{texts[-1]} or more",
    ]
    places = np.where(np.isnan(numbers), len(names), np.searchsorted(edges, numbers, side="right"))
    for place, rows in _groups(places):
        yield (names[place] if place < len(names) else "no value"), rows


def _groups(codes: NDArray[np.integer[Any]]) -> Iterator[tuple[int, Rows]]:
    order = np.argsort(codes, kind="stable")
    found, starts = np.unique(codes[order], return_index=True)
    for code, rows in zip(found, np.split(order, starts[1:]), strict=True):
        yield int(code), rows
