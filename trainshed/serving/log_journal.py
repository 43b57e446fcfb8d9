"""The segments of one process, one after the other: begun, synced and closed as the policy says.

Everything here blocks, and belongs to one thread.
"""

import errno
import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from trainshed.serving import log_segment
from trainshed.serving.log_policy import Policy
from trainshed.serving.log_segment import OpenSegment

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PATIENCE = 5.0  # seconds until a segment that could not be closed is tried again

_log = logging.getLogger("trainshed.serving")


class Journal:
    def __init__(self, folder: Path, policy: Policy, *, clock: Callable[[], float]) -> None:
        self.closed = 0
        """How many segments were closed."""
        self._folder = folder
        self._policy = policy
        self._clock = clock
        self._writer = secrets.token_hex(4)
        self._number = 0
        self._segment: OpenSegment | None = None
        self._due = float("inf")
        self._syncer = Syncer(policy.sync_seconds) if policy.sync == "interval" else None

    def begin(self) -> OpenSegment:
        """Open a segment; raises OSError."""
        self._segment = log_segment.create(
            self._folder,
            writer=self._writer,
            number=self._number,
            at=self._clock(),
            sync=self._policy.sync != "off",
        )
        self._number += 1
        return self._segment

    def append(self, lines: bytes, *, rows: int) -> None:
        """Write lines; they are as safe as the policy says when this returns.

        On an OSError none of them counts as written.
        """
        if self._segment is not None and not self._segment.is_there:
            self._let_go(self._segment)
        segment = self._segment or self.begin()
        if not segment.rows:
            self._due = time.monotonic() + self._policy.segment_seconds
        try:
            segment.append(lines, rows=rows, sync=self._policy.sync == "always")
        except OSError:
            if not segment.is_sound:
                self._let_go(segment)
            raise
        if self._syncer is not None:
            self._syncer.ask(segment)
        if segment.bytes >= self._policy.segment_bytes:
            self._due = min(self._due, time.monotonic())

    def seconds_left(self) -> float | None:
        """Return in how many seconds the segment has to be closed; None: it has no row yet."""
        if self._segment is None or not self._segment.rows:
            return None
        return max(0.0, self._due - time.monotonic())

    def rotate(self) -> None:
        """Close the segment if it is large or old enough; the next row begins another one."""
        if self.seconds_left() == 0:
            self._close()

    def close(self) -> None:
        self._close()
        if self._segment is not None:
            self._let_go(self._segment)  # the next start tries again
        if self._syncer is not None:
            self._syncer.end()

    def _close(self) -> None:
        segment = self._segment
        if segment is None:
            return
        if self._syncer is not None:
            self._syncer.forget()
        try:
            has_rows = segment.rows > 0
            segment.close(sync=self._policy.sync != "off")
        except OSError as error:
            _log.warning("%s cannot be closed now: %s", segment.path, error.strerror or error)
            self._due = time.monotonic() + _PATIENCE
            if error.errno not in FULL:
                self._let_go(segment)
        else:
            self._segment = None
            self.closed += has_rows

    def _let_go(self, segment: OpenSegment) -> None:
        if self._syncer is not None:
            self._syncer.forget()
        segment.let_go()
        self._segment = None


class Syncer:
    """Brings a segment to the disk every so often, beside the thread that goes on writing it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._segment: OpenSegment | None = None
        self._syncing = threading.Lock()
        self._asked = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inference-log-sync", daemon=True)
        self._thread.start()

    def ask(self, segment: OpenSegment) -> None:
        """Have what was appended by now on the disk after the interval."""
        self._segment = segment
        if not self._asked.is_set():
            self._asked.set()

    def forget(self) -> None:
        """Leave the segment alone: wait for a sync that goes on, and begin none."""
        with self._syncing:
            self._segment = None

    def end(self) -> None:
        self._ended.set()
        self._asked.set()
        self._thread.join()

    def _run(self) -> None:
        while self._asked.wait() and not self._ended.wait(self._seconds):
            self._asked.clear()
            with self._syncing:
                if self._segment is not None:
                    self._sync(self._segment)

    def _sync(self, segment: OpenSegment) -> None:
        try:
            segment.sync()
        except OSError as error:
            _log.error(
                "%s: rows that were answered may not outlast a power cut: %s",
                segment.path,
                error.strerror or error,
            )
