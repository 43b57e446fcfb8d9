"""Render a comparison for people, from its JSON: never stored as prose."""

from trainshed.report.escaping import block, code, length, text
from trainshed.report.numbers import change, number
from trainshed.report.page import brief, failure, markdown, summary
from trainshed.report.sentence import answer

__all__ = [
    "answer",
    "block",
    "brief",
    "change",
    "code",
    "failure",
    "length",
    "markdown",
    "number",
    "summary",
    "text",
]
