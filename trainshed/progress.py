"""Tell a person what is going on: steps with their durations, on standard error.

On a terminal a running step shows a spinner and its time; elsewhere each step is one line.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO


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

    def tell(self, line: str) -> None:
        """Print one line, indented under the running step."""
        print(f"    {line}", file=self.stream, flush=True)

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
            with self._spinner(title):
                yield step
            step.is_done = True
            mark = "✓"
        finally:
            step.seconds = time.monotonic() - started
            result = f": {step.result}" if step.result else ""
            line = f"  {mark} {title}{result}  ({step.seconds:.2f} s)"
            print(line, file=self.stream, flush=True)

    @contextmanager
    def _spinner(self, title: str) -> Iterator[None]:
        if not self.stream.isatty():
            yield
            return
        from rich.console import Console  # noqa: PLC0415  # only a terminal needs it

        with Console(file=self.stream).status(f"{title} …", spinner="dots"):
            yield
