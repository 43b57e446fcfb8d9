"""Run the user's training program: output passes through, time is limited, nothing survives."""

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trainshed import contract
from trainshed.errors import ProgramError

_GRACE_SECONDS = 5.0
_TAIL_LINES = 15


class TrainerFailed(ProgramError):
    """The training program ended with an error."""


class TrainerTookTooLong(ProgramError):
    """The training program ran into its time limit and was stopped."""


class TrainerIsMissing(ProgramError):
    """The training program cannot be started."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    report: contract.Report
    seconds: float
    """Wall time of the program's own process."""


def train(
    argv: Sequence[str],
    *,
    data: str,
    checkout: Path,
    variables: Mapping[str, str],
    log: Path,
    timeout: float,
    metrics: frozenset[str],
    hint: str,
    tell: Callable[[str], None],
) -> Trained:
    """Run a training program in a checkout and return what it reported.

    Its standard output is read for the contract; both streams are told line by line and kept in
    `log`. `variables` is its whole environment. The program and all of its process group are gone
    when this returns, however it returns.

    Raises:
        TrainerIsMissing, TrainerFailed, TrainerTookTooLong, TrainerBrokeTheContract
    """
    reader = contract.Reader(data=data)
    started = time.monotonic()
    with _sigterm_as_interrupt(), log.open("w", encoding="utf-8") as log_file:
        process = _start(argv, checkout=checkout, variables=variables)
        try:
            output = _Output(process, log_file=log_file, tell=tell, feed=reader.feed)
            code = output.wait(deadline=started + timeout)
        finally:
            _end_group(process)
        output.close()
    if output.failure is not None:
        raise output.failure
    if code is None:
        raise TrainerTookTooLong(
            f"`{shlex.join(argv)}` was stopped after its limit of {timeout:.0f} s. "
            f"Its last lines:\n{output.tail}",
            fix="Raise `timeout:` of the model in trainshed.yml, or make training faster.",
        )
    if code != 0:
        raise TrainerFailed(
            f"`{shlex.join(argv)}` {_ending(code)}. Its last lines:\n{output.tail}", fix=hint
        )
    seconds = time.monotonic() - started
    return Trained(report=reader.finish(required_metrics=metrics), seconds=seconds)


class _Output:
    """Both streams of a program, read by a thread each, so that neither can block it."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        log_file: IO[str],
        tell: Callable[[str], None],
        feed: Callable[[str], None],
    ) -> None:
        self.failure: Exception | None = None
        self._process = process
        self._log = log_file
        self._tell = tell
        self._feed = feed
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(process.stdout, True), daemon=True),
            threading.Thread(target=self._read, args=(process.stderr, False), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def tail(self) -> str:
        return "\n".join(f"  {line}" for line in self._lines) or "  (nothing)"

    def wait(self, *, deadline: float) -> int | None:
        """Return the exit code; None when the deadline or a failure came first."""
        while True:
            try:
                return self._process.wait(timeout=min(0.2, max(0.0, deadline - time.monotonic())))
            except subprocess.TimeoutExpired:
                if self._stop.is_set() or time.monotonic() >= deadline:
                    return None

    def close(self) -> None:
        """Wait for the last lines; a daemon that left the group may hold a stream open for ever."""
        deadline = time.monotonic() + _GRACE_SECONDS
        for thread in self._threads:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def _read(self, stream: IO[bytes], is_contract: bool) -> None:
        try:
            for raw in stream:
                self._take(raw.decode("utf-8", "replace").rstrip("\r\n"), is_contract)
        except Exception as error:  # a full disk, say: raised again where somebody waits for it
            self.failure = self.failure or error
            self._stop.set()

    def _take(self, line: str, is_contract: bool) -> None:
        with self._lock:
            self._lines.append(line)
            del self._lines[:-_TAIL_LINES]
            self._log.write(f"{line}\n")
            self._tell(line)
        if is_contract:
            self._feed(line)


def _start(
    argv: Sequence[str], *, checkout: Path, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd=checkout,
            env={"PYTHONUNBUFFERED": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that its children can be ended with it
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TrainerIsMissing(
            f"`{shlex.join(argv)}` cannot be started: {reason}.",
            fix="Check `train:` in trainshed.yml, and that the program is installed here.",
        ) from None


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM clean up as Ctrl-C does: the program would live on after who started it."""
    if threading.current_thread() is not threading.main_thread():  # only there is it allowed
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the program's whole process group: politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        try:
            process.wait(timeout=_GRACE_SECONDS if number == signal.SIGTERM else None)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by the signal {_signal(-code)}"
    return f"failed with exit code {code}"


def _signal(number: int) -> str:
    known = {one.value: one.name for one in signal.Signals}
    return known.get(number, str(number))  # real-time signals have no name
