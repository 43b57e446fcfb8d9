"""Small JSON files that hold a state: replaced in one step, never seen by halves."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a state file; it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """Return a state file's content; None when there is none, or a disk fault left it broken."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, indented, to be shown in an error."""
    try:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        said = []
    return "\n".join(f"  {line}" for line in said[-lines:]) or "  (nothing)"
