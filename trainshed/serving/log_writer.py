"""The inference log's writer: answers wait until their rows are written, many with one write.

Groups form by themselves: while one is written, the next one gathers. Each worker process has a
writer of its own; several may share a folder, for each names its own segments.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from trainshed.errors import OutsideError
from trainshed.serving import log_recovery
from trainshed.serving.log_journal import FULL, Journal
from trainshed.serving.log_policy import Identity, Policy
from trainshed.serving.log_record import Answered, Encoder

_log = logging.getLogger("trainshed.serving")


class LogIsNotWritten(OutsideError):
    """A row cannot be written to the inference log, so its prediction may not be answered."""


@dataclass(kw_only=True, slots=True)
class Counts:
    """Since the start of this writer; of rows where nothing else is said."""

    written: int = 0
    dropped: int = 0
    """Answered without a row in the log, as `drop_and_count` allows."""
    rejected: int = 0
    """Not answered, for they could not be written."""
    sampled_out: int = 0
    bytes: int = 0
    groups: int = 0
    """How many writes they took."""
    segments: int = 0
    """How many were closed."""
    recovered: int = 0
    """How many segments of killed processes were closed for them."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    lines: bytes
    rows: int
    future: asyncio.Future[None]


class LogWriter:
    """For one event loop at a time. `close` it at the end; after a kill the next start recovers."""

    def __init__(
        self,
        folder: Path,
        policy: Policy,
        identity: Identity,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin a segment in `folder/<release, or "unreleased">`, and recover all below `folder`.

        Raises:
            LogIsNotWritten: the folder cannot be written.
        """
        self.counts = Counts()
        self.folder = folder / (identity.release or "unreleased")
        self.is_failing = False
        """Whether the last group could not be written."""
        self._policy = policy
        self._clock = clock
        self._encoder = Encoder(identity, policy)
        self._journal = Journal(self.folder, policy, clock=clock)
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._queued = 0  # bytes
        self._is_closed = False
        self._begin()
        self._threads = [
            threading.Thread(
                target=self._recover, args=(folder,), name="log-recovery", daemon=True
            ),
            threading.Thread(target=self._run, name="inference-log", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    async def write(self, answered: Answered) -> None:
        """Return when the rows of a request are written, or need not be.

        Raises:
            LogIsNotWritten: they cannot be, and `on_full` is `reject`.
            ValueError: they have no form in JSON.
        """
        rows = len(answered.predictions)
        if not rows:
            return
        if not self._policy.samples(answered.request_id):
            self.counts.sampled_out += rows
            return
        lines = self._encoder.lines(answered, at=self._clock())
        if self._is_closed:
            raise self._failure("it was closed")
        if self._queued and self._queued + len(lines) > self._policy.queue_bytes:
            self._refuse(rows)
            return
        future = asyncio.get_running_loop().create_future()
        self._queued += len(lines)
        self._queue.put(_Waiting(lines, rows, future))
        await future

    def close(self) -> None:
        """Write what waits, close the segment, and end. May be called again."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _begin(self) -> None:
        try:
            self._journal.begin()
        except OSError as error:
            if self._policy.on_full == "reject" or error.errno not in FULL:
                self._journal.close()
                raise self._failure(error) from None
            self._tell(error)

    def _refuse(self, rows: int) -> None:
        if self._policy.on_full == "reject":
            self.counts.rejected += rows
            raise self._failure("too many rows wait for it")
        self.counts.dropped += rows

    def _recover(self, folder: Path) -> None:
        self.counts.recovered = len(log_recovery.recover(folder))

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            if group:
                self._write(group)
            self._journal.rotate()
            self.counts.segments = self._journal.closed
        self._journal.close()
        self.counts.segments = self._journal.closed

    def _next_group(self) -> list[_Waiting] | None:
        """Return all that waits: nothing when a segment's time is up, None at the end."""
        try:
            one = self._queue.get(timeout=self._journal.seconds_left())
        except Empty:
            return []
        group: list[_Waiting] = []
        try:
            while one is not None:
                group.append(one)
                one = self._queue.get_nowait()
        except Empty:
            return group
        if group:
            self._queue.put(None)  # the end comes after them
        return group or None

    def _write(self, group: list[_Waiting]) -> None:
        lines = b"".join([waiting.lines for waiting in group])
        rows = sum([waiting.rows for waiting in group])
        failure: Exception | None = None
        try:
            self._journal.append(lines, rows=rows)
        except Exception as error:  # whatever it is, those who wait must be told
            failure = error
        self._tell(failure)
        if failure is None:
            self.counts.written += rows
            self.counts.bytes += len(lines)
            self.counts.groups += 1
        for loop in {waiting.future.get_loop() for waiting in group}:
            part = [waiting for waiting in group if waiting.future.get_loop() is loop]
            try:
                loop.call_soon_threadsafe(self._settle, part, failure)
            except RuntimeError:  # this loop has ended, and nobody waits there any more
                self._queued -= sum([len(waiting.lines) for waiting in part])

    def _settle(self, group: list[_Waiting], failure: Exception | None) -> None:
        """Let answers go, or refuse them; runs in the event loop."""
        self._queued -= sum([len(waiting.lines) for waiting in group])
        rows = sum([waiting.rows for waiting in group])
        is_refused = failure is not None and self._policy.on_full == "reject"
        if is_refused:
            self.counts.rejected += rows
        elif failure is not None:
            self.counts.dropped += rows
        for waiting in group:
            if waiting.future.done():  # its caller has left
                continue
            if is_refused:
                waiting.future.set_exception(self._failure(failure))
            else:
                waiting.future.set_result(None)

    def _tell(self, failure: Exception | None) -> None:
        """Say it once when the log begins to fail, and once when it is written again."""
        if failure is not None and not self.is_failing:
            becomes = "refused" if self._policy.on_full == "reject" else "given without a row in it"
            _log.error("%s Until then answers are %s.", self._failure(failure), becomes)
        elif failure is None and self.is_failing:
            _log.warning(
                "The inference log %s is written again. In all, %d rows were dropped and %d "
                "refused.",
                self.folder,
                self.counts.dropped,
                self.counts.rejected,
            )
        self.is_failing = failure is not None

    def _failure(self, reason: object) -> LogIsNotWritten:
        if isinstance(reason, OSError):
            reason = reason.strerror or reason
        return LogIsNotWritten(
            f"The inference log {self.folder} cannot be written: {reason}.",
            fix="Free some space, or make the folder writable for the server's user.",
        )
