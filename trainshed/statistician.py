"""Ask the statistician: a process that has numpy, SciPy and scikit-learn, which we do not import.

It answers with facts (`trainshed.evidence`, `trainshed.data_evidence`), never with arrays. Its
environment is the running Python's where those libraries are in it, else one of its own
(requirements/statistics.txt). Errors of ours cross the border as themselves.
"""

import contextlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

from trainshed import crossing, decode
from trainshed.crossing import Crossing
from trainshed.data_evidence import DataDifference, Leakage
from trainshed.environment import Environment
from trainshed.errors import TrainshedError
from trainshed.evidence import Evidence, Noise
from trainshed.installation import Installation
from trainshed.question import (
    Comparing,
    Differing,
    Leaking,
    Profiling,
    Question,
    Repeating,
)
from trainshed.settings import FRAMEWORK, settings, users_environment

_LIBRARIES = ("numpy", "scipy", "sklearn")
_TAIL_LINES = 20

T = TypeVar("T")


class StatisticianEndedUnexpectedly(TrainshedError):
    """The process that computes statistics ended, or failed, for a reason that is none of ours."""


class Statistician:
    """One process, started at the first question; `close` it, or use it in a `with` statement.

    It ends by itself when the process that asks does, however that ends.
    """

    def __init__(self, *, tell: Callable[[str], None] | None = None) -> None:
        self._tell = tell or (lambda _: None)
        self._process: _Process | None = None
        self._asks = threading.Lock()

    def __enter__(self) -> "Statistician":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def compare(self, question: Comparing) -> Evidence:
        """Say what the predictions of two runs show.

        Raises:
            ProgramError: one cannot be read, or the two do not answer the same question.
        """
        return self._ask(question, Evidence)

    def differ(self, question: Differing) -> DataDifference:
        """Say what two tables differ in.

        Raises:
            TableCannotBeRead: one is no table, or has not the key.
        """
        return self._ask(question, DataDifference)

    def profile(self, question: Profiling) -> None:
        """Write what a table looks like.

        Raises:
            TableCannotBeRead: it is no table.
        """
        self._ask(question, type(None))

    def leakage(self, question: Leaking) -> Leakage:
        """Say which rows of a run's evaluation it was trained on."""
        return self._ask(question, Leakage)

    def noise(self, question: Repeating) -> dict[str, Noise]:
        """Say how much the seed alone moves each metric.

        Raises:
            OneSeedTellsNothing: a metric has fewer than two values.
        """
        return self._ask(question, dict[str, Noise])

    def close(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None

    def _ask(self, question: Question, kind: type[T]) -> T:
        with self._asks:
            if self._process is None:
                self._process = _Process.start(self._tell)
            try:
                reply = self._process.ask(question)
            except BaseException:  # Ctrl-C, say: its answer must not be taken for the next one's
                self.close()
                raise
        if reply.error is not None:
            raise crossing.arrived(reply.error)
        return decode.from_json(kind, reply.answer)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A line of the process: `answer` is JSON of the facts; `error` is one of ours."""

    answer: str = "null"
    error: Crossing | None = None


@dataclass(frozen=True, kw_only=True)
class _Process:
    popen: subprocess.Popen[bytes]
    stderr: IO[bytes]
    """A file: nobody reads it while the process works, and a pipe that nobody reads fills up."""

    @classmethod
    def start(cls, tell: Callable[[str], None]) -> "_Process":
        python, variables, without = _python(tell)
        stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the process has ended
        popen = subprocess.Popen(
            [python, "-m", "trainshed.statistics"],
            cwd=FRAMEWORK,  # a numpy.py in the folder where we happen to be is not numpy
            env=users_environment({**variables, "PYTHONPATH": str(FRAMEWORK)}, without=without),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        return cls(popen=popen, stderr=stderr)

    def ask(self, question: Question) -> Reply:
        """Return its reply.

        Raises:
            StatisticianEndedUnexpectedly: it ended instead.
        """
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        fields = {"kind": type(question).__name__, "fields": asdict(question)}
        line = b""
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.write(json.dumps(fields).encode() + b"\n")
            self.popen.stdin.flush()
            line = self.popen.stdout.readline()
        if not line.endswith(b"\n"):
            code = self.popen.wait()
            raise _ended(code, self.end())
        return decode.from_json(Reply, line)

    def end(self) -> str:
        """End it and return what it said on standard error. It holds nothing that could be lost."""
        if self.stderr.closed:
            return ""
        self.popen.kill()
        with contextlib.suppress(BrokenPipeError):  # of a question that it did not read
            self.popen.communicate()
        with self.stderr:
            self.stderr.seek(0)
            return self.stderr.read().decode(errors="replace")


def has_libraries() -> bool:
    """Tell whether the running Python can compute statistics itself."""
    return all(importlib.util.find_spec(name) is not None for name in _LIBRARIES)


def _python(tell: Callable[[str], None]) -> tuple[Path, Mapping[str, str], tuple[str, ...]]:
    """Return the Python that has them, and which variables it is started with and without."""
    if has_libraries():
        return Path(sys.executable), {}, ()
    made = Installation(settings().cache_folder).statistics(tell=tell)
    return made.python, made.variables(), Environment.without


def _ended(code: int, said: str) -> StatisticianEndedUnexpectedly:
    how = f"exit code {code}" if code >= 0 else f"signal {-code}"
    tail = "\n".join(said.strip().splitlines()[-_TAIL_LINES:])
    return StatisticianEndedUnexpectedly(
        f"The process that computes statistics ended without an answer ({how}):\n{tail}",
        fix="If the machine ran out of memory, compare fewer rows; else report it as a bug.",
    )
