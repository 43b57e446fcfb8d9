"""Tell a person what is going on: steps with their durations, on standard error.

On a terminal a running step shows a spinner and its time; elsewhere each step is one line. In a
workflow what a step tells is folded into a group. It may hold anything that a stranger's program
printed, so GitHub is told to take none of it for a command.
"""

import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

from trainshed import github
from trainshed.settings import settings

_SIGNS_OF_A_COMMAND = ("::", "##[")
"""The runner looks for one at the start of a line, blanks aside; for the other anywhere in it."""


@dataclass
class Step:
    title: str
    seconds: float = 0.0
    result: str = ""
    """A few words about how it went, shown after the title."""
    is_done: bool = False


@dataclass
class Progress:
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    steps: list[Step] = field(default_factory=list)
    is_verbose: bool = False
    in_actions: bool = field(default_factory=lambda: settings().in_github_actions)
    _outermost: Step | None = None
    _token: str | None = None
    """What ends the group that is open: a secret, or the lines inside could end it themselves."""
    _spinner: Any = None
    """rich's live display, while one is shown: lines must go above it."""

    def tell(self, line: str) -> None:
        """Print one line, indented under the running step."""
        self._print(f"    {line}")

    def detail(self, line: str) -> None:
        """Print one line for who asked for every detail."""
        if self.is_verbose:
            self.tell(line)

    def quiet(self, line: str) -> None:
        """Swallow a line: for programs whose output a log file keeps."""

    def folded(self, line: str) -> None:
        """Print a line where a reader can fold it away, in a workflow; else a log file keeps it."""
        if self.in_actions:
            self.tell(line)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step while it runs, and how long it took; a failed one is shown as such."""
        step = Step(title)
        self.steps.append(step)
        started = time.monotonic()
        mark = "✗"
        try:
            with self._as_outermost(step), self._spinning(title):
                yield step
            step.is_done = True
            mark = "✓"
        finally:
            step.seconds = time.monotonic() - started
            result = f": {step.result}" if step.result else ""
            self._print(f"  {mark} {title}{result}  ({step.seconds:.2f} s)")

    def _print(self, line: str) -> None:
        if self.in_actions:
            self._print_in_actions(line)
        elif self._spinner is None:
            self._write(line)
        else:
            self._spinner.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _write(self, line: str) -> None:
        print(line, file=self.stream, flush=True)

    def _print_in_actions(self, line: str) -> None:
        """Print a line as text, whatever it holds: in the running step's group, if one runs."""
        if self._outermost is not None and self._token is None:
            self._write(github.command("group", self._outermost.title))
            self._token = self._stop_commands()
        if self._token is not None or not any(sign in line for sign in _SIGNS_OF_A_COMMAND):
            self._write(line)
            return
        token = self._stop_commands()
        self._write(line)
        self._write(f"::{token}::")

    def _stop_commands(self) -> str:
        """Have GitHub take no line for a command until the token that is returned comes."""
        token = secrets.token_hex(16)
        self._write(github.command("stop-commands", token))
        return token

    @contextmanager
    def _as_outermost(self, step: Step) -> Iterator[None]:
        """Let a step have a group, opened by its first line: groups cannot lie in one another."""
        if self._outermost is not None:
            yield
            return
        self._outermost = step
        try:
            yield
        finally:
            self._outermost = None
            if self._token is not None:
                self._write(f"::{self._token}::")
                self._write("::endgroup::")
                self._token = None

    @contextmanager
    def _spinning(self, title: str) -> Iterator[None]:
        """Show a spinner with the time that has passed; an inner step leaves the outer one's."""
        if self.in_actions or not self.stream.isatty() or self._spinner is not None:
            yield
            return
        from rich.console import Console  # noqa: PLC0415  # only a terminal needs it
        from rich.progress import (  # noqa: PLC0415
            Progress as Display,
        )
        from rich.progress import (  # noqa: PLC0415
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Display(*columns, console=Console(file=self.stream), transient=True) as display:
            display.add_task(title)
            self._spinner = display
            try:
                yield
            finally:
                self._spinner = None
