"""Whatever a person can give wrongly is one error: what, where, what to do; and nothing is lost."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trainers
from trainers import DATA, GOOD, REPORT, Content, Repository

CONFIGURATION, PROGRAM, OUTSIDE = 2, 3, 4


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A mistake in a repository that was good, and the one error that it gives."""

    files: Mapping[str, Content] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)
    """What it changes in the model's configuration."""
    yaml: str | None = None
    arguments: tuple[str, ...] = ()
    exit_code: int
    error: str
    """All that is said of it; {commit} is the commit's first digits."""


def trainer(program: str, *, error: str, exit_code: int = PROGRAM, **keys: Any) -> Mistake:
    return Mistake(
        files={"code/train.sh": program + "\n"}, keys=keys, exit_code=exit_code, error=error
    )


def line(said: str) -> str:
    """Return a trainer that prints one line instead of its own, then all the others."""
    key = said.partition("=")[0]
    kept = [one for one in LINES if not one.startswith(f"{key}=")]
    return 'echo model >"$2"\n' + "".join(f"echo '{one}'\n" for one in [said, *kept])


LINES = ["dataset=data/train.csv", "metric.score=0.9", "artifact=models/tiny"]
MEND = (
    "  Mend the program. It ran in a checkout that holds only what `inputs:` names (code/) and "
    "the data: if it needs another file, add it there.\n"
)

MISTAKES = {}
