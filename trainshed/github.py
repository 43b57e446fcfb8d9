"""The files and log commands through which a step talks to GitHub Actions."""

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from trainshed.settings import settings


def set_outputs(outputs: Mapping[str, str]) -> None:
    """Set step outputs. Outside Actions this prints them as `name=value` lines instead."""
    for name, value in outputs.items():
        set_output(name, value)


def set_output(name: str, value: str) -> None:
    """Set a step output. Outside Actions this prints it instead."""
    path = settings().github_output
    if path is None:
        print(f"{name}={value}", flush=True)
        return
    _append(path, _block(name, value))


def set_variable(name: str, value: str) -> None:
    """Set an environment variable for the steps after this one. Outside Actions it is printed."""
    path = settings().github_environment_file
    if path is None:
        print(f"{name}={value}", flush=True)
        return
    _append(path, _block(name, value))


def add_path(folder: Path) -> None:
    """Put a folder before the others on PATH, for the steps after this one."""
    path = settings().github_path_file
    if path is not None:
        _append(path, f"{folder}\n")


def append_summary(markdown: str) -> None:
    """Add Markdown to the job's summary page. Outside Actions this prints it to stderr instead."""
    path = settings().github_step_summary
    if path is None:
        print(markdown, file=sys.stderr, flush=True)
        return
    _append(path, markdown)


def command(name: str, message: str) -> str:
    """Return a workflow command, such as an `error` annotation, as one log line."""
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{name}::{escaped}"


def _block(name: str, value: str) -> str:
    delimiter = secrets.token_hex(16)  # random, so that no value can end the block early
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
