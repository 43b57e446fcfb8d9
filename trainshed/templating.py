"""Render Markdown from templates/: one Jinja environment, whose filters escape foreign strings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

_TEMPLATES = Path(__file__).parent / "templates"


def environment(**filters: Callable[..., Any]) -> Any:
    """Return a Jinja environment for Markdown, with filters by name."""
    import jinja2  # noqa: PLC0415  # only who renders pays for it

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  # this is Markdown: filters escape every foreign string
    )
    made.filters.update(filters)
    return made
