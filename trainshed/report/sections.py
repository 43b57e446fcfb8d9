"""The folded details of a comparison: slices, flips, data, curves; the most telling first.

Details are those of the gate's baseline, then of the other one where that is another run.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trainshed.comparison import Baseline, Comparison
from trainshed.data_evidence import ColumnDifference
from trainshed.evidence import Confusion, Flips, Slices
from trainshed.report import charts
from trainshed.report.baselines import OURS, looked_into, title
from trainshed.report.rendering import render

_MOST_SLICES = 20
_MOST_COLUMNS = 20
_MOST_RETYPED = 10
_MOST_FLIP_COLUMNS = 4
_MOST_CLASSES = 10
_MOST_CELLS = 10
"""Kinds of mistake that are told of where there are too many classes for a table."""
_MOST_ATTRIBUTED = 20


@dataclass(frozen=True, kw_only=True)
class Section:
    name: str
    """What a reader is told when it is left out. No word of it comes from a run."""
    markdown: str


def of(comparison: Comparison) -> Iterator[Section]:
    """Yield the sections in their order; the last ones are the first that may be left out."""
    told = looked_into(comparison)
    for baseline in told:
        against = f" against {OURS[baseline.name]}" if len(told) > 1 else ""
        for name, template, values in _parts(baseline, comparison):
            yield Section(
                name=f"{name}{against}",
                markdown=render(
                    f"comparison-{template}.md.j2",
                    base=baseline,
                    it=comparison,
                    against=against,
                    name=title(baseline),
                    **values,
                ),
            )


def _parts(baseline: Baseline, comparison: Comparison) -> Iterator[tuple[str, str, dict[str, Any]]]:
    evidence = baseline.evidence
    if evidence and evidence.slices:
        yield "slices", "slices", _of_slices(evidence.slices)
    if evidence and evidence.flips:
        yield "flips", "flips", _of_flips(evidence.flips)
    if baseline.data or baseline.no_data or baseline.attribution:
        yield "data", "data", _of_data(baseline, comparison)
    if evidence:
        drawn = charts.of(evidence.curves)
        if drawn or evidence.confusion:
            yield "curves and confusion", "curves", {
                "charts": drawn,
                **_of_confusion(evidence.confusion),
            }  # fmt: skip


def _of_slices(slices: Slices) -> dict[str, Any]:
    judged = [one for one in slices.found if one.finding != "not-judged"]
    shown = judged[:_MOST_SLICES]
    return {
        "slices": slices,
        "judged": judged,
        "shown": shown,
        "worse": sum(one.finding == "worse" for one in judged),
        "better": sum(one.finding == "better" for one in judged),
        "unseen": Counter(one.finding for one in judged[_MOST_SLICES:]),
        "not_judged": Counter(
            one.why_not or "" for one in slices.found if one.finding == "not-judged"
        ).most_common(3),
        "count_not_judged": len(slices.found) - len(judged),
    }


def _of_flips(flips: Flips) -> dict[str, Any]:
    columns = list(dict.fromkeys(name for one in flips.surest for name in one.columns))
    return {
        "flips": flips,
        "columns": columns[:_MOST_FLIP_COLUMNS],
        "columns_left_out": len(columns[_MOST_FLIP_COLUMNS:]),
        "is_sure": any(one.confidence is not None for one in flips.surest),
    }


def _of_data(baseline: Baseline, comparison: Comparison) -> dict[str, Any]:
    columns = baseline.data.columns.columns if baseline.data else ()
    telling = [one for one in columns if one.finding in {"drift", "small"}]
    return {
        "data": baseline.data,
        "columns": telling[:_MOST_COLUMNS],
        "drifted": sum(one.finding == "drift" for one in columns),
        "unseen": len(telling[_MOST_COLUMNS:]),
        "still": sum(one.finding == "none" for one in columns),
        "too_few": sum(one.finding == "too-few" for one in columns),
        "has_nulls": any(_has_nulls(one) for one in telling),
        "retyped": list(baseline.data.columns.retyped.items())[:_MOST_RETYPED]
        if baseline.data
        else [],
        "shares": _shares(baseline, comparison),
    }


def _has_nulls(column: ColumnDifference) -> bool:
    return any(column.nulls)


def _shares(baseline: Baseline, comparison: Comparison) -> list[tuple[str, Any, Any]]:
    """Return what data and code did to each metric; those that are judged first."""
    attribution = baseline.attribution
    if attribution is None:
        return []
    judged = [name for name in comparison.directions if name in attribution.data]
    names = [*judged, *sorted(attribution.data.keys() - set(judged))]
    return [
        (name, attribution.data[name], attribution.code.get(name))
        for name in names[:_MOST_ATTRIBUTED]
    ]


def _of_confusion(confusion: Confusion | None) -> dict[str, Any]:
    """Return a table of both runs, or the mistakes whose number changed most."""
    if confusion is None or not confusion.classes:
        return {"confusion": None, "mistakes": []}
    if len(confusion.classes) <= _MOST_CLASSES:
        return {"confusion": confusion, "mistakes": []}
    mistakes = [
        (truth, answer, confusion.baseline[row][column], confusion.candidate[row][column])
        for row, truth in enumerate(confusion.classes)
        for column, answer in enumerate(confusion.classes)
        if row != column
    ]
    mistakes.sort(key=lambda one: -abs(one[3] - one[2]))
    changed = [one for one in mistakes if one[2] != one[3]]
    return {"confusion": None, "mistakes": changed[:_MOST_CELLS]}
