"""Tell a person what is going on: steps with their durations, on standard error.

On a terminal a running step shows a spinner and its time; elsewhere each step is one line.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO


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

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step while it runs, and how long it took; a failed one is shown as such."""
        step = Step(title)
        self.steps.append(step)
        started = time.monotonic()
        mark = "✗"
        try:
            with self._spinning(title):
                yield step
            step.is_done = True
            mark = "✓"
        finally:
            step.seconds = time.monotonic() - started
            result = f": {step.result}" if step.result else ""
            self._print(f"  {mark} {title}{result}  ({step.seconds:.2f} s)")

    def _print(self, line: str) -> None:
        if self._spinner is None:
            print(line, file=self.stream, flush=True)
        else:
            self._spinner.console.print(line, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def _spinning(self, title: str) -> Iterator[None]:
        """Show a spinner with the time that has passed; an inner step leaves the outer one's."""
        if not self.stream.isatty() or self._spinner is not None:
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
