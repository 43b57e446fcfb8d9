"""Render a comparison for people, from its JSON: never stored as prose."""

import bisect
import re
from functools import cache
from typing import Any

from trainshed import templating
from trainshed.comparison import Baseline, Comparison

_SIGNS = {
    "better": " 🟢",
    "not-worse": " ⚪",
    "worse": " 🔴",
    "undecided": " 🟡",
    "no-interval": "",
    "not-judged": "",
}
_ARROWS = {"maximize": " ↑", "minimize": " ↓"}
_MOST_ROWS = 20
_MOST_NAMED = 20
"""Metrics that a sentence names, and bounds that are listed."""
_SHORTEST_ROW = 20
_NAMES = {"parent": "before", "live": "live"}
_VERDICTS = {"pass": "✅", "warn": "⚠️", "fail": "❌", "cannot-compare": "❌"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&$-])")
# What GitHub brings to life without any brackets: a mention, a reference, a link, an emoji's name.
_ALIVE = re.compile(r"(\\[@#]|:(?=\S)|www(?=\.)|GH\\-(?=\d))", re.IGNORECASE)


def markdown(comparison: Comparison, *, longest: int | None = None, rest: str = "") -> str:
    """Return the comparison as GitHub-flavoured Markdown: the answer first, then the table.

    Args:
        longest: most characters that it may have, as `length` counts them; None for no limit.
            Metrics that would go beyond it are left out, from the last, and their number is told.
        rest: Markdown of ours that says where all of it is, when metrics are left out.
    """
    rows = _rows(comparison)
    whole = _render(comparison, rows)
    if longest is None or length(whole) <= longest:
        return whole
    # No row is shorter than this, so the rest need not be rendered to know that it cannot fit.
    rows, known = _gravest_first(rows), len(rows)
    rows = rows[: longest // _SHORTEST_ROW]
    fits = bisect.bisect_right(
        range(len(rows) + 1),
        longest,
        key=lambda kept: length(_render(comparison, rows[:kept], known - kept, rest)),
    )
    kept = max(fits - 1, 0)
    return _render(comparison, rows[:kept], known - kept, rest)


def failure(model: str, problem: str, fix: str, *, heading: str = "failed") -> str:
    """Return why there is no comparison, as Markdown: the problem may quote a trainer's log."""
    first, _, further = problem.strip().partition("\n")
    rendered: str = _template("failure.md.j2").render(
        model=model, heading=heading, first=first, further=further, fix=fix
    )
    return rendered


def length(markdown: str) -> int:
    """Count characters as the strictest reader does, who counts an emoji as two (UTF-16)."""
    return len(markdown.encode("utf-16-le", "surrogatepass")) // 2


def _render(
    comparison: Comparison, rows: list[dict[str, Any]], left_out: int = 0, rest: str = ""
) -> str:
    shown = max(_MOST_ROWS, len(comparison.directions))  # what is judged is never folded away
    rendered: str = _template("comparison.md.j2").render(
        it=comparison,
        answer=answer(comparison),
        mark=_VERDICTS[comparison.verdict],
        rows=rows[:shown],
        further=rows[shown:],
        left_out=left_out,
        rest=rest,
        broken=comparison.broken[:_MOST_NAMED],
        baselines=_gate_first(comparison),
        gate=comparison.baseline(comparison.gate),
        names=_NAMES,
        title=_title,
    )
    return rendered


@cache
def _template(name: str) -> Any:
    environment = templating.environment(
        text=text,
        code=code,
        block=block,
        number=number,
        change=change,
        sign=_SIGNS.__getitem__,
    )
    return environment.get_template(name)


def answer(comparison: Comparison) -> str:
    """Say in one sentence what the comparison found."""
    if comparison.missing:
        return f"{comparison.model} cannot be compared: no {_list(comparison.missing)}"
    broken = _some(
        [
            f"{one.metric} is {number(one.value)}, {'under' if one.bound == 'min' else 'over'} "
            f"its {one.bound}imum of {number(one.limit)}"
            for one in comparison.broken
        ]
    )
    baseline = comparison.baseline(comparison.gate)
    if baseline is None:
        met = broken or ["it keeps its thresholds, and there is nothing to compare it with yet"]
        return f"{comparison.model}: {'; '.join(met)}"
    if baseline.is_same_run:
        met = broken or ["nothing changed"]
        return f"{comparison.model} is the same run as {_title(baseline)}: {'; '.join(met)}"
    judged = [one for one in baseline.findings if one.is_gating]
    groups = [
        f"{words} in {_list([one.metric for one in judged if one.judgement == judgement])}"
        for judgement, words in _WORDS.items()
        if any(one.judgement == judgement for one in judged)
    ]
    against = f"against {_title(baseline)} it is {', '.join(groups) or 'not judged'}"
    return f"{comparison.model}: {'; '.join([*broken, against])}"


_WORDS = {
    "worse": "worse",
    "undecided": "undecided",
    "better": "better",
    "not-worse": "not worse",
    "no-interval": "new",
}


def text(value: object) -> str:
    """Escape a foreign string for Markdown: it shows as it is, links nothing, mentions nobody."""
    one_line = " ".join(str(value).split())
    printable = "".join(one if one.isprintable() else "�" for one in one_line)
    return _ALIVE.sub("\\1\u200b", _SPECIAL.sub(r"\\\1", printable))  # a zero-width space


def code(value: str) -> str:
    """Show the first 12 digits of an id or a digest as code, whatever it holds."""
    return f"`{re.sub(r'[^0-9A-Za-z]', '?', value[:12])}`"


def block(foreign: str) -> str:
    """Show foreign lines as they are, in a block that none of them can end."""
    lines = [
        "".join(one if one.isprintable() else "�" for one in line.expandtabs())
        for line in foreign.splitlines()
    ]
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", foreign)), 3)
    return "\n".join([f"{fence}text", *lines, fence])


def number(value: float | None) -> str:
    """Write a number with four decimals, or four digits when it is very small or large."""
    if value is None:
        return "–"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.4g}"


def change(value: float | None) -> str:
    if value is None:
        return "–"
    if value == 0:
        return "±0"
    return f"{'+' if value > 0 else '−'}{number(abs(value))}"


def _gate_first(comparison: Comparison) -> list[Baseline]:
    """What decides stands beside the metric's name."""
    return sorted(comparison.baselines, key=lambda one: one.name != comparison.gate)


def _title(baseline: Baseline) -> str:
    if baseline.name == "live":
        return baseline.side.release or "the live release"
    return "the state before this change"


def _rows(comparison: Comparison) -> list[dict[str, Any]]:
    """One row per metric: the candidate's value, and its finding against each baseline."""
    baselines = _gate_first(comparison)
    by_baseline = [{one.metric: one for one in base.findings} for base in baselines]
    rules = list(comparison.directions)
    metrics = comparison.candidate.metrics
    names = [*(name for name in rules if name in metrics), *sorted(metrics.keys() - set(rules))]
    return [
        {
            "name": name,
            "value": metrics[name],
            "arrow": _ARROWS.get(comparison.directions.get(name, ""), ""),
            "tolerance": comparison.tolerances.get(name, ""),
            "findings": [found.get(name) for found in by_baseline],
        }
        for name in names
    ]


def _gravest_first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put what is judged before the rest, and what is worse before what is not."""

    def gravity(row: dict[str, Any]) -> int:
        findings = [one for one in row["findings"] if one is not None and one.is_gating]
        if any(one.judgement in {"worse", "undecided"} for one in findings):
            return 0
        return 1 if row["arrow"] else 2

    return sorted(rows, key=gravity)


def _some(parts: list[str]) -> list[str]:
    left = len(parts) - _MOST_NAMED
    return parts if left <= 0 else [*parts[:_MOST_NAMED], f"and {left} more"]


def _list(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(_some(list(names)))
