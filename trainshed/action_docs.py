"""The tables of inputs and outputs in the actions' READMEs, made from each action.yml."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_START = "<!-- Made by scripts/generate.py from action.yml: change it there. -->"
_END = "<!-- The end of what is made. -->"
_MADE = re.compile(rf"{re.escape(_START)}.*?{re.escape(_END)}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Action:
    """What an action.yml says to whoever uses the action."""

    name: str
    """Its folder's."""
    description: str
    inputs: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]


def documents(root: Path) -> dict[str, str]:
    """Return the README of each action below `root` and their index, by path, as they should be.

    What stands before and after the tables is kept as it is. An action without a README gets one of
    its description and its tables.
    """
    actions = [_read(path) for path in sorted((root / "actions").glob("*/action.yml"))]
    if not actions:
        return {}
    texts = {f"actions/{one.name}/README.md": (one.description, tables(one)) for one in actions}
    texts["actions/README.md"] = ("", index(actions))
    return {
        path: with_tables(_text(root / path) or f"# {Path(path).parent.name}\n{intro}\n", made)
        for path, (intro, made) in texts.items()
    }


def with_tables(text: str, made: str) -> str:
    """Return a page with its tables replaced; they go to its end when it has none."""
    block = f"{_START}\n{made}{_END}"
    if _MADE.search(text):
        return _MADE.sub(lambda _: block, text, count=1)
    return f"{text.rstrip()}\n\n{block}\n"


def tables(action: Action) -> str:
    """Return the tables of an action's inputs and outputs, in Markdown."""
    inputs = _table(
        ("input", "what it is", "default", "required"),
        (
            (f"`{name}`", one["description"], _default(one), "yes" if one.get("required") else "")
            for name, one in action.inputs.items()
        ),
    )
    outputs = _table(
        ("output", "what it is"),
        ((f"`{name}`", one["description"]) for name, one in action.outputs.items()),
    )
    return f"## Inputs\n{inputs}\n## Outputs\n{outputs}"


def index(actions: Iterable[Action]) -> str:
    """Return the table of all actions, in Markdown, as their folder's README needs it."""
    rows = ((f"[`{one.name}`]({one.name}/README.md)", one.description) for one in actions)
    return _table(("action", "what it does"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(map(_cell, line))} |" for line in (head, *rows)]
    lines.insert(1, "|---" * len(head) + "|")
    return "".join(f"{line}\n" for line in lines)


def _cell(text: str) -> str:
    """A line break or a bar would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _default(one: Mapping[str, Any]) -> str:
    value = str(one.get("default", ""))
    return f"`{value}`" if value else ""


def _read(path: Path) -> Action:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Action(
        name=path.parent.name,
        description=content["description"],
        inputs=content.get("inputs") or {},
        outputs=content.get("outputs") or {},
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
