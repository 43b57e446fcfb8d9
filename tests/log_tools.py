"""DuckDB and fsspec, in an environment of their own: what reads and ships the inference log."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trainshed import environment
from trainshed.environment import EnvironmentCannotBeBuilt
from trainshed.settings import FRAMEWORK, settings

_LOCK = Path(__file__).with_name("log_tools.txt")


def run(program: str, *arguments: str | Path) -> Any:
    """Run Python there, and return what it printed as JSON; skip, loudly, where it is not there."""
    try:
        made = environment.ensure([_LOCK], root=settings().environments, name="log-tools")
    except EnvironmentCannotBeBuilt as error:
        pytest.skip(f"no DuckDB or fsspec here: THE LOG IS NOT READ BY OTHERS ({error.problem})")
    finished = subprocess.run(
        [made.python, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(FRAMEWORK)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)
