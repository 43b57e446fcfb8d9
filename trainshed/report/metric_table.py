"""The table of metrics: a row for each, which the candidate and every baseline share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trainshed.comparison import Baseline, Comparison
from trainshed.evidence import Noise
from trainshed.finding import Finding
from trainshed.report.baselines import COLUMNS, gate_first
from trainshed.report.escaping import brief, text
from trainshed.report.numbers import change_within, number

SIGNS = {
    "better": " 🟢",
    "not-worse": " ⚪",
    "worse": " 🔴",
    "undecided": " 🟡",
    "no-interval": "",
    "not-judged": "",
}
_ARROWS = {"maximize": " ↑", "minimize": " ↓"}
_MARKS = "¹²³⁴⁵⁶⁷⁸"
_LAST_MARK = "⁹"
_UNKNOWN = "the predictions do not give it"


@dataclass(frozen=True, kw_only=True)
class Row:
    markdown: str
    gravity: int
    """0 for what is worse or undecided, 1 for what else is judged, 2 for what is only shown."""


@dataclass(frozen=True, kw_only=True)
class Table:
    head: str
    rows: tuple[Row, ...]
    total: int
    """How many metrics there are; there may be fewer rows."""
    footnotes: tuple[str, ...]
    """Why metrics have no interval, each with its mark."""
    has_noise: bool
    has_other_rows: bool
    """The candidate has other values against the second baseline: other rows were compared."""
    judgements: frozenset[str]

    def gravest_first(self) -> tuple[Row, ...]:
        """Put what is judged before the rest, and what is worse before what is not."""
        return tuple(sorted(self.rows, key=lambda row: row.gravity))


def of(comparison: Comparison, *, most: int | None = None) -> Table:
    """Write the table: judged metrics in the order of trainshed.yml, then the others by name.

    Args:
        most: rows that can be of use; beyond it the least grave are not written.
    """
    baselines = gate_first(comparison)
    writer = _Writer(comparison)
    names = writer.names()
    kept = names if most is None or len(names) <= most else _gravest(names, writer, most)
    rows = tuple(writer.row(name) for name in kept)
    columns = "".join(f" {COLUMNS[one.name]} | change |" for one in baselines)
    return Table(
        head=f"| Metric | candidate |{columns} tolerance |\n"
        f"|:--|--:|{'--:|--:|' * len(baselines)}--:|",
        rows=rows,
        total=len(names),
        footnotes=tuple(writer.footnotes()),
        has_noise=writer.has_noise,
        has_other_rows=writer.has_other_rows,
        judgements=frozenset(
            one.judgement for base in baselines for one in base.findings if one.is_gating
        ),
    )


def is_noise(difference: float | None, noise: Noise | None) -> bool:
    """Tell whether a difference is no more than the seed alone makes."""
    return difference is not None and noise is not None and 0 < abs(difference) <= noise.limit


def _gravest(names: list[str], writer: "_Writer", most: int) -> list[str]:
    kept = set(sorted(names, key=writer.gravity)[:most])
    return [name for name in names if name in kept]


class _Writer:
    def __init__(self, comparison: Comparison) -> None:
        self.has_noise = self.has_other_rows = False
        self._comparison = comparison
        self._baselines = [
            (base, {one.metric: one for one in base.findings}) for base in gate_first(comparison)
        ]
        self._noise: Mapping[str, Noise] = comparison.noise or {}
        self._reasons: dict[str, str] = {}

    def names(self) -> list[str]:
        rules, metrics = self._comparison.directions, self._comparison.candidate.metrics
        return [*(name for name in rules if name in metrics), *sorted(metrics.keys() - set(rules))]

    def gravity(self, name: str) -> int:
        if name not in self._comparison.directions:
            return 2
        found = [findings[name].judgement for _, findings in self._baselines if name in findings]
        return 0 if "worse" in found or "undecided" in found else 1

    def row(self, name: str) -> Row:
        comparison = self._comparison
        first = self._baselines[0][1].get(name) if self._baselines else None
        value = number(first.candidate if first else comparison.candidate.metrics[name])
        cells = "".join(
            [self._cells(findings.get(name), base, value) for base, findings in self._baselines]
        )
        arrow = _ARROWS.get(comparison.directions.get(name, ""), "")
        tolerance = comparison.tolerances.get(name, "")
        return Row(
            markdown=f"| {text(name)}{arrow} | {value} |{cells} {tolerance} |",
            gravity=self.gravity(name),
        )

    def footnotes(self) -> Iterator[str]:
        for why, mark in self._reasons.items():
            if mark != _LAST_MARK:
                yield f"{mark} no interval: {brief(why, 200)}."
        if _LAST_MARK in self._reasons.values():
            yield f"{_LAST_MARK} no interval, for other reasons."

    def _cells(self, one: Finding | None, base: Baseline, value: str) -> str:
        """Write two cells: what was before, and the change."""
        if one is None:
            return " – | – |"
        before, after = number(one.baseline), number(one.candidate)
        if after != value:  # measured on other rows than the first baseline's
            self.has_other_rows = True
            before = f"{before} → {after}"
        shown = change_within(one.difference, one.interval)
        if not base.cannot_compare:
            shown += SIGNS[one.judgement]
        if is_noise(one.difference, self._noise.get(one.metric)):
            self.has_noise = True
            shown += " noise"
        if base.evidence and one.interval is None and one.difference is not None:
            shown += f" {self._mark(one.why_not or _UNKNOWN)}"
        return f" {before} | {shown} |"

    def _mark(self, why: str) -> str:
        known = len(self._reasons)
        return self._reasons.setdefault(why, _MARKS[known] if known < len(_MARKS) else _LAST_MARK)
