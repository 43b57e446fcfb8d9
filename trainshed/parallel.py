"""Do several things at once that wait for other programs, and end them all when one must stop."""

import ctypes
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

_GRACE_SECONDS = 20.0

T = TypeVar("T")


def run(calls: Sequence[Callable[[], T]], *, jobs: int) -> list[T]:
    """Make calls, `jobs` of them at once, and return their results in order.

    One that raises keeps no other from its end. Ctrl-C and SIGTERM end all: each call is left as
    Ctrl-C leaves one that is made alone, with its clean-up done.

    Raises:
        Exception: that of the first call (in their order) that raised one.
    """
    waiting = deque(enumerate(calls))
    results: dict[int, T] = {}
    errors: dict[int, Exception] = {}

    def work() -> None:
        while waiting:
            try:
                number, call = waiting.popleft()
            except IndexError:  # another thread took it meanwhile
                return
            try:
                results[number] = call()
            except Exception as error:  # raised below, when all have ended
                errors[number] = error
            except SystemExit:  # what `_interrupt` raised
                return

    threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
    with _sigterm_as_interrupt():
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:
            waiting.clear()
            _interrupt(threads)
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


def _interrupt(threads: Sequence[threading.Thread]) -> None:
    """Raise in threads what Ctrl-C raises in the main one, and wait while they clean up.

    It is SystemExit, which nobody takes for a failure and a thread ends with silently.
    """
    for thread in threads:
        if thread.ident is not None and thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
            )
    deadline = time.monotonic() + _GRACE_SECONDS
    for thread in threads:
        if thread.ident is not None:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM clean up as Ctrl-C does. Only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
