"""Do things at once that wait for people's programs, and end them all when one must stop."""

import contextlib
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import psutil

from trainshed import signals

_POLITE_SECONDS = 5.0
_PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.1

T = TypeVar("T")


def run(calls: Sequence[Callable[[], T]], *, jobs: int) -> list[T]:
    """Make calls, `jobs` of them at once, and return their results in order.

    One that raises keeps no other from its end. Ctrl-C and SIGTERM end all: no further call is
    made, the programs of those that were (`trainshed.program`) are ended, and so each cleans up.

    Raises:
        Exception: that of the first call (in their order) that raised one.
    """
    waiting = deque(enumerate(calls))
    results: dict[int, T] = {}
    errors: dict[int, Exception] = {}

    def work(ended: threading.Event) -> None:
        try:
            while True:
                number, call = waiting.popleft()
                try:
                    results[number] = call()
                except Exception as error:  # raised below, when all have ended
                    errors[number] = error
        except IndexError:  # there is nothing left
            ended.set()

    # Not join(): interrupted, it takes a thread that runs for one that has ended (Python 3.11).
    ends = [threading.Event() for _ in range(jobs)]
    with signals.sigterm_as_interrupt():
        try:
            for ended in ends:
                threading.Thread(target=work, args=[ended], daemon=True).start()
            for ended in ends:
                ended.wait()
        except BaseException:
            waiting.clear()
            _end_programs(ends)
            raise
    if errors:
        raise errors[min(errors)]
    return [results[number] for number in range(len(calls))]


def one_at_a_time(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Return what threads may call at once: lines do not mix."""
    lock = threading.Lock()

    def told(line: str) -> None:
        with lock:
            tell(line)

    return told


def _end_programs(ends: Sequence[threading.Event]) -> None:
    """End people's programs until every thread has ended, first politely.

    One that is only about to be started is met the next time round. Git and installers are not
    ended: they lead no session, take moments, and Ctrl-C reaches them anyway.
    """
    started = time.monotonic()
    while not all(ended.wait(_POLL_SECONDS) for ended in ends):
        seconds = time.monotonic() - started
        if seconds > _PATIENCE_SECONDS:  # one waits for another process, say: it ends with us
            return
        for child in psutil.Process().children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getsid(child.pid) == child.pid:
                    number = signal.SIGTERM if seconds < _POLITE_SECONDS else signal.SIGKILL
                    os.killpg(child.pid, number)
