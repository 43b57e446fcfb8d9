"""Segments that a killed process left open: cut after their last whole row, and closed."""

import contextlib
import hashlib
import logging
import os
import time
from pathlib import Path

from trainshed.serving import log_record, log_segment
from trainshed.serving.log_segment import Closing

_CHUNK = 2**20
_LEFT_BEHIND = 3600.0  # seconds after which nobody can still be about to rename a hidden file

_log = logging.getLogger("trainshed.serving")


def recover(folder: Path) -> list[Path]:
    """Close what no living process has open, in a folder and those below it; return their paths.

    May be killed itself, and may run in several processes at once. What cannot be recovered now
    stays for the next time, and is told.
    """
    closed = []
    for segment in log_segment.segments(folder):
        if not segment.is_open:
            continue
        try:
            path = _recover(segment.path)
        except OSError as error:
            _log.warning("%s cannot be recovered now: %s", segment.path, error.strerror or error)
        else:
            closed += [path] if path is not None else []
    _remove_left_behind(folder, before=time.time() - _LEFT_BEHIND)
    return closed


def _recover(path: Path) -> Path | None:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None  # its writer, or another one that recovers, was faster
    try:
        if not log_segment.lock(file) or not _is_still(path, file):
            return None
        rows, size = _whole_part(file)
        if not rows:
            path.unlink()
            return None
        os.ftruncate(file, size)
        closing = Closing(
            segment=log_segment.final_path(path).name,
            rows=rows,
            bytes=size,
            sha256=_sha256(file),
            recovered=True,
        )
        os.fdatasync(file)
        log_segment.seal(path, closing, sync=True)
    finally:
        os.close(file)
    return log_segment.final_path(path)


def _whole_part(file: int) -> tuple[int, int]:
    """Return how many whole rows a file has, and where the last one ends.

    What a power cut spoilt before that row stays where it is: readers pass over it.
    """
    rows = at = end = 0
    for line in log_segment.lines(os.dup(file)):
        at += len(line)
        if log_record.is_whole(line):
            rows += 1
            end = at
    return rows, end


def _sha256(file: int) -> str:
    digest, at = hashlib.sha256(), 0
    while chunk := os.pread(file, _CHUNK, at):
        digest.update(chunk)
        at += len(chunk)
    return digest.hexdigest()


def _is_still(path: Path, file: int) -> bool:
    """Tell whether the name still means the file that was opened: it may have been closed since."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _remove_left_behind(folder: Path, *, before: float) -> None:
    """Remove files that were to get their names in the very moment of a kill: none has a row."""
    for path in log_segment.hidden(folder):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()
