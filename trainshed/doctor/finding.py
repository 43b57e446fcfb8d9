"""What the doctor says: one sentence about one thing, and what to change where it is not right."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from trainshed.github_api import printable

Level = Literal["ok", "warning", "problem", "cannot-tell"]
_SIGNS: dict[Level, str] = {"ok": "✓", "warning": "!", "problem": "✗", "cannot-tell": "?"}
_WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Finding:
    topic: str
    level: Level
    says: str
    change: str | None = None
    """What to do about it: where to click, or a command."""


@dataclass(frozen=True)
class Topic:
    """Makes findings of one topic."""

    name: str

    def ok(self, says: str) -> Finding:
        return Finding(topic=self.name, level="ok", says=says)

    def warning(self, says: str, change: str) -> Finding:
        return Finding(topic=self.name, level="warning", says=says, change=change)

    def problem(self, says: str, change: str) -> Finding:
        return Finding(topic=self.name, level="problem", says=says, change=change)

    def cannot_tell(self, says: str, why: str) -> Finding:
        return Finding(topic=self.name, level="cannot-tell", says=says, change=why)


def has_problem(findings: Sequence[Finding]) -> bool:
    return any(finding.level == "problem" for finding in findings)


def text(findings: Sequence[Finding]) -> str:
    """Return the report for a terminal. Names from GitHub are shown, never obeyed by it."""
    lines: list[str] = []
    topics = dict.fromkeys(finding.topic for finding in findings)
    for topic in topics:
        lines.append(topic)
        for finding in findings:
            if finding.topic == topic:
                lines += _lines(finding)
    return "\n".join([*lines, "", _summary(findings), ""])


def as_json(findings: Sequence[Finding]) -> str:
    return (
        json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False) + "\n"
    )


def _lines(finding: Finding) -> list[str]:
    lines = _wrapped(finding.says, first=f"  {_SIGNS[finding.level]} ", rest="    ")
    for line in (finding.change or "").splitlines():
        is_command = line.startswith("gh ")  # to be copied: never broken
        lines += [f"      {printable(line)}"] if is_command else _wrapped(line, "      ", "      ")
    return lines


def _wrapped(words: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        printable(words), _WIDTH, initial_indent=first, subsequent_indent=rest,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _summary(findings: Sequence[Finding]) -> str:
    counts = {level: sum(one.level == level for one in findings) for level in _SIGNS}
    parts = [f"{_SIGNS[level]} {count} {level}" for level, count in counts.items() if count]
    return "   ".join(parts) or "Nothing was checked."
