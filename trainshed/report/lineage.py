"""What was compared, how a reader reads the report, and how it is made again."""

import re
from collections.abc import Iterator

from trainshed.comparison import Baseline, Comparison
from trainshed.config import MODEL_NAME
from trainshed.report.escaping import text
from trainshed.report.metric_table import Table
from trainshed.report.numbers import level, number
from trainshed.report.sentence import names_of

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_MEANINGS = {
    "better": "🟢 better",
    "not-worse": "⚪ not worse (within the tolerance)",
    "undecided": "🟡 undecided (the interval reaches beyond the tolerance)",
    "worse": "🔴 worse",
}

_OTHER_ROWS = (
    "Of two values in one cell the second is the candidate's: that comparison is on other rows."
)


def command(comparison: Comparison) -> str:
    """Return the commands that make the comparison again.

    They are pasted into a shell, so none is offered where a commit or the model has another name
    than we give.
    """
    parent = comparison.baseline("parent")
    commits = [comparison.candidate.commit, *([parent.side.commit] if parent else [])]
    is_ours = re.fullmatch(MODEL_NAME, comparison.model) is not None
    if not is_ours or not all(_COMMIT.fullmatch(one) for one in commits):
        return ""
    base = f" \\\n  --base {parent.side.commit}" if parent else ""
    return (
        f"git fetch origin {' '.join(dict.fromkeys(commits))}\n"
        f"scripts/compare.py --model {comparison.model} \\\n  --commit {commits[0]}{base}"
    )


def legend(comparison: Comparison, table: Table) -> list[str]:
    """Return the sentences that say how to read the table, of what is in it."""
    gate = comparison.baseline(comparison.gate)
    if gate is None:
        return []
    shown = {"better", "not-worse", "worse", *table.judgements}
    signs = ", ".join(words for one, words in _MEANINGS.items() if one in shown)
    return [
        f"↑ higher is better, ↓ lower is better; {signs}. Metrics without an arrow are shown only.",
        *([_OTHER_ROWS] if table.has_other_rows else []),
        *_intervals(gate),
        *_noise(comparison, gate, table),
    ]


def _intervals(gate: Baseline) -> Iterator[str]:
    """Say of what level the intervals are, and where they come from."""
    found = [one for one in gate.findings if one.interval is not None and one.level is not None]
    if not found:
        return
    usual = min(one.level or 0.0 for one in found)
    raised: dict[float, list[str]] = {}
    for one in found:
        if one.level is not None and level(one.level) != level(usual):
            raised.setdefault(one.level, []).append(one.metric)
    others = "".join(f", {level(one)} for {text(names_of(of))}" for one, of in raised.items())
    why = " (judged metrics share one error rate)" if raised or usual > 0.95 + 1e-9 else ""
    yield (
        f"[…] is a {level(usual)} interval of the change{others}{why}; its resamples are seeded by "
        "the two run ids, so the same runs give the same interval."
    )


def _noise(comparison: Comparison, gate: Baseline, table: Table) -> Iterator[str]:
    """Say how much the seed alone moves what is judged, or how to find that out."""
    noise = comparison.noise or {}
    known = [(name, noise[name]) for name in comparison.directions if name in noise]
    if known:
        limits = names_of([f"{name} by up to {number(one.limit)}" for name, one in known])
        seeds = max(one.seeds for _, one in known)
        marked = "; a change that is no larger is marked noise" if table.has_noise else ""
        yield f"Another seed alone moves {text(limits)} (95 % of cases, of {seeds} seeds){marked}."
    elif gate.evidence is not None:
        yield (
            "How much another seed alone moves a metric is not known; "
            "`scripts/train.py --repeat 5` finds it out."
        )
