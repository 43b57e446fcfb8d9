"""The answer in one sentence: plain text, whose foreign strings nobody has escaped yet."""

from collections.abc import Sequence

from trainshed.comparison import Baseline, Comparison
from trainshed.finding import Finding
from trainshed.report import escaping
from trainshed.report.baselines import title
from trainshed.report.metric_table import is_noise
from trainshed.report.numbers import count, number

MOST_NAMED = 20
"""Metrics that a sentence names, and bounds that are listed."""
_LONGEST_REASON = 300
_WORDS = {
    "worse": "worse",
    "better": "better",
    "not-worse": "not worse",
}
_CHANGED = {
    "code": "the code",
    "data": "the data",
    "command": "the command",
    "params": "the parameters",
    "lock": "the lock file",
    "python": "Python",
}


def answer(comparison: Comparison) -> str:
    """Say in one sentence what the comparison found."""
    baseline = comparison.baseline(comparison.gate)
    why_not = _why_not(comparison, baseline)
    if why_not:
        return f"{comparison.model} cannot be compared: {why_not}"
    broken = _some(
        [
            f"{one.metric} is {number(one.value)}, {'under' if one.bound == 'min' else 'over'} "
            f"its {one.bound}imum of {number(one.limit)}"
            for one in comparison.broken
        ]
    )
    if baseline is None:
        met = broken or ["it keeps its thresholds, and there is nothing to compare it with yet"]
        return f"{comparison.model}: {'; '.join(met)}"
    if baseline.is_same_run:
        met = broken or ["nothing changed"]
        return f"{comparison.model} is the same run as {title(baseline)}: {'; '.join(met)}"
    found = _found(comparison, baseline)
    changed = what_changed(baseline.changed)
    return f"{comparison.model}: {'; '.join([*broken, *found, *([changed] if changed else [])])}"


def what_changed(ingredients: Sequence[str]) -> str:
    """Say which ingredients of two runs differ; nothing where that is not known."""
    names = [_CHANGED.get(one, one) for one in ingredients]
    if not names:
        return ""
    if len(names) == 1:
        return f"only {names[0]} changed"
    return f"{', '.join(names[:-1])} and {names[-1]} changed"


def names_of(names: Sequence[str]) -> str:
    """Join names; of many, the first ones and how many more."""
    return ", ".join(_some(list(names)))


def _why_not(comparison: Comparison, baseline: Baseline | None) -> str:
    if comparison.missing:
        return f"no {names_of(comparison.missing)}"
    if baseline is None:
        return ""
    if baseline.cannot_compare:
        return reason(baseline.cannot_compare)
    if not comparison.lacks_rows:
        return ""
    compared = baseline.evidence.rows.compared if baseline.evidence else 0
    rows = count(compared, "row") if compared else "no row"
    verb = "were" if compared > 1 else "was"
    return f"{rows} {verb} compared, required_rows is {comparison.policy.required_rows}"


def reason(why: str) -> str:
    """Return a reason as the end of a sentence."""
    line = escaping.one_line(why)
    shown = line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON].rstrip()}…"
    return shown.rstrip(".")


def _found(comparison: Comparison, baseline: Baseline) -> list[str]:
    """What is found against a baseline; what is undecided comes with how bad it may be."""
    judged = [one for one in baseline.findings if one.is_gating]
    groups = [
        f"{words} in {names_of(names)}"
        for judgement, words in _WORDS.items()
        if (names := [one.metric for one in judged if one.judgement == judgement])
    ]
    without = [one for one in judged if one.judgement == "no-interval"]
    for words, names in (
        ("new", [one.metric for one in without if one.difference is None]),
        ("without interval", [one.metric for one in without if one.difference is not None]),
    ):
        if names:
            groups.append(f"{words} in {names_of(names)}")
    within = _within_noise(comparison, judged)
    undecided = [_undecided(one, comparison) for one in judged if one.judgement == "undecided"]
    against = f"against {title(baseline)} it is"
    if not undecided:
        return [f"{against} {', '.join(groups) or 'not judged'}", *within]
    told = f"undecided: {names_of(undecided)}"
    first = [f"{against} {', '.join(groups)}", told] if groups else [f"{against} {told}"]
    return [*first, *within]


def _within_noise(comparison: Comparison, judged: Sequence[Finding]) -> list[str]:
    noise = comparison.noise or {}
    names = [one.metric for one in judged if is_noise(one.difference, noise.get(one.metric))]
    return [f"{names_of(names)} moved within noise"] if names else []


def _undecided(one: Finding, comparison: Comparison) -> str:
    low, high = one.interval or (0.0, 0.0)
    if comparison.directions.get(one.metric) == "minimize":
        loss = f"may have grown by up to {number(high)}"
    else:
        loss = f"may have lost up to {number(-low)}"
    return f"{one.metric} {loss} (tolerance {comparison.tolerances[one.metric]:g})"


def _some(parts: list[str]) -> list[str]:
    left = len(parts) - MOST_NAMED
    return parts if left <= 0 else [*parts[:MOST_NAMED], f"and {left} more"]
