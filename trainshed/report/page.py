"""A report as one page of Markdown: the answer, the metrics, what is folded; and how it is cut."""

import bisect
from dataclasses import dataclass, replace
from typing import Any

from trainshed.comparison import Comparison
from trainshed.report import lineage, metric_table, same_rows, sections, sentence
from trainshed.report.baselines import gate_first, title
from trainshed.report.escaping import length
from trainshed.report.metric_table import Row, Table
from trainshed.report.rendering import render
from trainshed.report.sections import Section

_LONGEST_SUMMARY = 340_000
"""Characters of a report in a job's summary: GitHub drops one of more than a mebibyte, and a
character may have three bytes."""
_MOST_ROWS = 20
_SHORTEST_ROW = 20
_VERDICTS = {"pass": "✅", "warn": "⚠️", "fail": "❌", "cannot-compare": "❌"}


def markdown(comparison: Comparison, *, longest: int | None = None, rest: str = "") -> str:
    """Return the comparison as GitHub-flavoured Markdown: the answer first, then the table.

    Args:
        longest: most characters that it may have, as `length` counts them; None for no limit.
            To keep within it details are left out, from the last, then metrics, from the least
            grave, and what is left out is told.
        rest: Markdown of ours that says where all of it is, when something is left out.
    """
    # No row is shorter than this, so no more of them need be written.
    most = None if longest is None else longest // _SHORTEST_ROW
    page = _page(comparison, rest, most)
    whole = page.render(page.table.rows, page.sections)
    if longest is None or (len(page.table.rows) == page.table.total and length(whole) <= longest):
        return whole
    kept = _most(
        len(page.sections),
        lambda number: length(page.render(page.judged, page.sections[:number])) <= longest,
    )
    rows = page.table.gravest_first()
    shown = _most(
        len(rows),
        lambda number: length(page.render(rows[:number], page.sections[:kept])) <= longest,
    )
    made = page.render(rows[:shown], page.sections[:kept])
    return made if shown else page.without_lineage(longest)


def summary(comparison: Comparison) -> str:
    """Return the comparison for a job's summary, which has room for all but the largest."""
    return markdown(comparison, longest=_LONGEST_SUMMARY, rest="All of it is in `comparison.json`.")


def brief(comparison: Comparison) -> str:
    """Return the answer, the metrics and which rows they are of: what a terminal has room for."""
    page = _page(comparison, "", None)
    bare = replace(page, frame={**page.frame, "lineage": ""}, sections=())
    return bare.render(bare.table.rows, ())


def failure(model: str, problem: str, fix: str, *, heading: str = "failed") -> str:
    """Return why there is no comparison, as Markdown: the problem may quote a trainer's log."""
    first, _, further = problem.strip().partition("\n")
    return render(
        "failure.md.j2", model=model, heading=heading, first=first, further=further, fix=fix
    )


@dataclass(frozen=True, kw_only=True)
class _Page:
    """All that may be shown, of which `render` shows a part."""

    frame: dict[str, Any]
    table: Table
    sections: tuple[Section, ...]
    most_shown: int
    """Rows of the first table; further ones are folded."""
    rest: str

    @property
    def judged(self) -> tuple[Row, ...]:
        return tuple(row for row in self.table.rows if row.gravity < 2)

    def without_lineage(self, longest: int) -> str:
        """Return as many metrics as fit where there is no room for what was compared either."""
        bare = replace(self, frame={**self.frame, "lineage": ""})
        rows = self.table.gravest_first()
        shown = _most(len(rows), lambda number: length(bare.render(rows[:number], ())) <= longest)
        return bare.render(rows[:shown], ())

    def render(self, rows: tuple[Row, ...], kept: tuple[Section, ...]) -> str:
        names = [one.name for one in self.sections[len(kept) :]]
        return render(
            "comparison.md.j2",
            **self.frame,
            rows=rows[: self.most_shown],
            further=rows[self.most_shown :],
            sections=kept,
            left_out=_left_out(self.table.total - len(rows), names),
            rest=self.rest,
        )


def _page(comparison: Comparison, rest: str, most: int | None) -> _Page:
    table = metric_table.of(comparison, most=most)
    return _Page(
        frame={
            "it": comparison,
            "mark": _VERDICTS[comparison.verdict],
            "answer": sentence.answer(comparison),
            "head": table.head,
            "footnotes": table.footnotes,
            "same_rows": same_rows.lines(comparison),
            "broken": comparison.broken[: sentence.MOST_NAMED],
            "lineage": render(
                "comparison-lineage.md.j2",
                it=comparison,
                baselines=gate_first(comparison),
                title=title,
                gate=comparison.baseline(comparison.gate),
                legend=lineage.legend(comparison, table),
                command=lineage.command(comparison),
                differs=any(base.changed for base in comparison.baselines),
            ),
        },
        table=table,
        sections=tuple(sections.of(comparison)),
        # What is judged is never folded away.
        most_shown=max(_MOST_ROWS, len(comparison.directions)),
        rest=rest,
    )


def _left_out(metrics: int, names: list[str]) -> str:
    """Say what there is no room for, as the beginning of a sentence."""
    details = ", ".join(names[:-1]) + (" and " if names[:-1] else "") + "".join(names[-1:])
    if not metrics:
        return f"Left out for want of room: {details}." if names else ""
    verb = "metrics are" if metrics > 1 else "metric is"
    also = f", and so are {details}" if names else ""
    return f"{metrics} more {verb} left out{also}: a comment has room for no more."


def _most(limit: int, fits: Any) -> int:
    """Return the largest number up to a limit that fits; 0 where none does."""
    return bisect.bisect_left(range(1, limit + 1), True, key=lambda number: not fits(number))
