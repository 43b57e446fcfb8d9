"""Run a person's own program: its output passes through, its time is limited, nothing survives."""

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trainshed import signals

_GRACE_SECONDS = 5.0
_TAIL_LINES = 15


class ProgramCannotBeStarted(Exception):
    """There is no such program, or it may not be run: whoever asked knows what it was for."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended."""

    argv: tuple[str, ...]
    code: int | None
    """Its exit code; None: it ran into its time limit and was stopped."""
    tail: str
    """Its last lines, indented."""
    seconds: float
    """Wall time of its own process."""

    @property
    def told(self) -> str:
        """What came of it, without a full stop."""
        argv = shlex.join(self.argv)
        if self.code is None:
            return f"`{argv}` was stopped after its limit of {self.seconds:.0f} s"
        return f"`{argv}` {_ending(self.code)}"


def run(
    argv: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str],
    timeout: float,
    tell: Callable[[str], None],
    log: IO[str] | None = None,
    feed: Callable[[str], None] = lambda _: None,
) -> Ended:
    """Run a program in a folder to its end, or to its limit of `timeout` seconds.

    Both streams are told line by line and written to `log`; what it prints to standard output is
    fed to `feed` as well. `variables` is its whole environment. The program and all of its process
    group are gone when this returns, however it returns.

    Raises:
        ProgramCannotBeStarted: says why.
        Exception: whatever `tell`, `log` or `feed` raised.
    """
    started = time.monotonic()
    with signals.sigterm_as_interrupt():
        process = _start(argv, folder=folder, variables=variables)
        try:
            output = _Output(process, log=log, tell=tell, feed=feed)
            code = output.wait(deadline=started + timeout)
        finally:
            _end_group(process)
        output.close()
    if output.failure is not None:
        raise output.failure
    seconds = timeout if code is None else time.monotonic() - started
    return Ended(argv=tuple(argv), code=code, tail=output.tail, seconds=seconds)


class _Output:
    """Both streams of a program, read by a thread each, so that neither can block it."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        log: IO[str] | None,
        tell: Callable[[str], None],
        feed: Callable[[str], None],
    ) -> None:
        self.failure: Exception | None = None
        self._process = process
        self._log = log
        self._tell = tell
        self._feed = feed
        self._lines: list[str] = []
        self._is_closed = False
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
        with self._lock:
            self._is_closed = True

    def _read(self, stream: IO[bytes], is_fed: bool) -> None:
        try:
            for raw in stream:
                self._take(raw.decode("utf-8", "replace").rstrip("\r\n"), is_fed)
        except Exception as error:  # a full disk, say: raised again where somebody waits for it
            self.failure = self.failure or error
            self._stop.set()

    def _take(self, line: str, is_fed: bool) -> None:
        with self._lock:
            if self._is_closed:
                return
            self._lines.append(line)
            del self._lines[:-_TAIL_LINES]
            if self._log is not None:
                self._log.write(f"{line}\n")
            self._tell(line)
        if is_fed:
            self._feed(line)


def _start(
    argv: Sequence[str], *, folder: Path, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd=folder,
            env={"PYTHONUNBUFFERED": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that its children can be ended with it
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ProgramCannotBeStarted(str(reason)) from None


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
