"""The notes of a release, from what the origin says: the answer first, then what changed and why.

Made of the manifest, the one before, and git alone, so that any later run writes the same notes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trainshed import report, templating, version
from trainshed.comparison import Comparison
from trainshed.data_diff import DataDiff
from trainshed.manifest import Manifest

MOST_CHARACTERS = 125_000
"""GitHub refuses a longer body."""
MARKER = "<!-- trainshed:release -->"
"""Begins the notes, which are Markdown: how a draft of our own is told from a person's."""
_MOST_NAMES = 10
_CUT = "\n\n(These notes were cut: they were too long. `manifest.json` has everything.)\n"


@dataclass(frozen=True, kw_only=True)
class Notes:
    """All that the notes tell."""

    manifest: Manifest
    before: Manifest | None
    """The release that it was compared with; None for a first one."""
    comparison: Comparison
    data: DataDiff | None
    """None where there is nothing to compare with."""
    skipped: Sequence[tuple[str, str]] = field(default=())
    """Commit and subject of each commit that was never released itself, newest first."""
    predictions: str = ""
    """Whether the predictions equal those of the pull request, in one sentence."""
    repository: str = ""
    """Its page, so that commits can be linked; empty where there is none."""


def markdown(notes: Notes) -> str:
    """Return the notes as GitHub-flavoured Markdown, short enough for GitHub."""
    whole = _render(notes)
    if len(whole) <= MOST_CHARACTERS:
        return whole
    short = _render(replace(notes, comparison=_judged(notes.comparison)))
    if len(short) <= MOST_CHARACTERS:
        return short
    kept = short[: MOST_CHARACTERS - len(_CUT)]
    return kept[: kept.rfind("\n")] + _CUT


def headline(notes: Notes) -> str:
    """Say in one sentence what kind of change the release is."""
    before, now = notes.before, notes.manifest
    if before is None:
        return f"the first release of {now.model}"
    return {
        version.Change.MAJOR: "the input schema changed: who calls it must change too",
        version.Change.MINOR: f"new data since {before.tag}",
        version.Change.PATCH: f"the same data as {before.tag}; only code or parameters changed",
    }[version.change(before=before, schema=now.schema, dataset=now.dataset.digest)]


def environment() -> Any:
    """Return a Jinja environment for Markdown: every foreign string goes through `text`."""
    return templating.environment(
        text=report.text,
        code=report.code,
        number=report.number,
        names=names,
        count=count,
        exact=exact,
    )


def names(values: Sequence[str]) -> str:
    """Join names, escaped; many are cut short."""
    shown = [report.text(one) for one in values[:_MOST_NAMES]]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def exact(value: str) -> str:
    """Show an image's name, a digest or a tag as code that can be copied, whatever it holds."""
    return f"`{re.sub(r'[^0-9A-Za-z_.:/@+!-]', '?', value)}`"


def count(number: int, word: str) -> str:
    """Write `1 row`, `2,000 rows`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _render(notes: Notes) -> str:
    rendered: str = (
        environment()
        .get_template("release-notes.md.j2")
        .render(
            it=notes,
            marker=MARKER,
            headline=headline(notes),
            comparison=report.markdown(notes.comparison).strip("\n"),
        )
    )
    return rendered


def _judged(comparison: Comparison) -> Comparison:
    """Leave out the metrics that decide nothing."""

    def kept(metrics: Any) -> dict[str, float]:
        return {name: metrics[name] for name in comparison.directions if name in metrics}

    candidate = replace(comparison.candidate, metrics=kept(comparison.candidate.metrics))
    baselines = tuple(
        replace(
            one,
            side=replace(one.side, metrics=kept(one.side.metrics)),
            findings=tuple(finding for finding in one.findings if finding.is_gating),
        )
        for one in comparison.baselines
    )
    return replace(comparison, candidate=candidate, baselines=baselines)
