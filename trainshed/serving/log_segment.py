"""A segment: one file of the inference log, written by one process from its beginning to its end.

`NAME.jsonl.open` while it is written, and locked, so that others can tell whether its writer lives;
`NAME.jsonl` once it is closed, with `NAME.json` beside it, which says what it holds. Names sort by
the time at which they were opened.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_OPEN = ".open"
_STEM = r"\d{8}T\d{9}Z-[0-9a-f]{8}-\d{6,}"
_NAME = re.compile(rf"{_STEM}\.jsonl(\.open)?")
_HIDDEN = re.compile(rf"\.{_STEM}\.json(l\.open)?")
_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class Closing:
    """What `NAME.json` says of a closed segment."""

    segment: str
    rows: int
    bytes: int
    sha256: str
    recovered: bool
    """It was closed for a process that ended without doing so."""
    schema: int = 1


@dataclass(frozen=True, kw_only=True)
class Segment:
    path: Path
    """Where it was when it was looked for."""
    closing: Closing | None
    """None while it is open."""

    @property
    def is_open(self) -> bool:
        return self.path.name.endswith(_OPEN)

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(_OPEN)


class OpenSegment:
    """A segment that is being written. One thread appends; another one may sync meanwhile."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self.rows = 0
        self.bytes = 0
        self.is_sound = True
        """False: it ends in what could neither be written whole nor taken back."""
        self._file = file
        self._sha256 = hashlib.sha256()

    @property
    def is_there(self) -> bool:
        """Whether it still has a name: somebody may have removed the folder."""
        return os.fstat(self._file).st_nlink > 0

    def append(self, lines: bytes, *, rows: int, sync: bool) -> None:
        """Write whole lines, down to the disk itself if asked; on an OSError none is left there."""
        try:
            with memoryview(lines) as rest:
                written = 0
                while written < len(lines):
                    written += os.write(self._file, rest[written:])
            if sync:
                self.sync()
        except OSError:
            self._take_back()
            raise
        self.bytes += len(lines)
        self.rows += rows
        self._sha256.update(lines)

    def sync(self) -> None:
        """Wait until all that was appended before is on the disk itself."""
        os.fdatasync(self._file)

    def close(self, *, sync: bool) -> None:
        """Give it its final name; one without rows is removed. On an OSError it is still open."""
        if not self.rows:
            self.path.unlink()
        else:
            if sync:
                self.sync()
            closing = Closing(
                segment=final_path(self.path).name,
                rows=self.rows,
                bytes=self.bytes,
                sha256=self._sha256.hexdigest(),
                recovered=False,
            )
            seal(self.path, closing, sync=sync)
        self.let_go()

    def let_go(self) -> None:
        """Leave it as it is, for the next start to recover."""
        with contextlib.suppress(OSError):
            os.close(self._file)

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._file, self.bytes)
        except OSError:
            self.is_sound = False


def create(folder: Path, *, writer: str, number: int, at: float, sync: bool) -> OpenSegment:
    """Open a new segment.

    Args:
        folder: where it goes; made when it is not there.
        writer: eight hexadecimal digits that no other process has.
        number: how many this process opened before.
        at: seconds since 1970.
        sync: whether a power cut may not make the empty file vanish.
    """
    folder.mkdir(parents=True, exist_ok=True)
    time = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
    path = folder / f"{time}Z-{writer}-{number:06d}.jsonl{_OPEN}"
    # Made under another name: who recovers could else lock it before we do.
    hidden = path.with_name(f".{path.name}")
    file = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        lock(file)
        hidden.rename(path)
        if sync:
            sync_folder(folder)
            sync_folder(folder.parent)  # the folder may be new itself
    except OSError:
        os.close(file)
        hidden.unlink(missing_ok=True)
        raise
    return OpenSegment(path, file)


def lock(file: int) -> bool:
    """Lock a segment as long as this process lives; False when another process has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def seal(path: Path, closing: Closing, *, sync: bool) -> None:
    """Say what an open segment holds, then give it its final name in one step."""
    about = final_path(path).with_suffix(".json")
    text = json.dumps(asdict(closing), indent=2) + "\n"
    hidden = about.with_name(f".{about.name}")
    try:
        with hidden.open("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        hidden.rename(about)
    except OSError:
        hidden.unlink(missing_ok=True)
        raise
    path.rename(final_path(path))
    if sync:
        sync_folder(path.parent)


def segments(folder: Path) -> list[Segment]:
    """Return every segment in a folder and those below it, in the order of their opening."""
    found: dict[Path, Path] = {}
    for path in sorted(_files(folder, _NAME)):
        found.setdefault(final_path(path), path)  # closed in this moment: it may have both names
    ordered = sorted(found.values(), key=lambda path: (path.name, path))
    return [Segment(path=path, closing=_closing(path)) for path in ordered]


def hidden(folder: Path) -> list[Path]:
    """Return what waits to get its final name, and may wait forever."""
    return list(_files(folder, _HIDDEN))


def open_file(segment: Segment) -> int:
    """Open a segment to read, wherever it is by now."""
    flags = os.O_RDONLY | os.O_CLOEXEC
    try:
        return os.open(segment.path, flags)
    except FileNotFoundError:
        return os.open(final_path(segment.path), flags)


def damage(segment: Segment) -> str | None:
    """Tell in what a closed segment differs from what was written down when it was closed."""
    if segment.closing is None:
        return None if segment.is_open else "nothing says what it should hold"
    with os.fdopen(open_file(segment), "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    if size != segment.closing.bytes:
        return f"it has {size} bytes, and was closed with {segment.closing.bytes}"
    if digest != segment.closing.sha256:
        return f"its sha256 is {digest}, and was {segment.closing.sha256}"
    return None


def final_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(_OPEN))


def sync_folder(folder: Path) -> None:
    """Make names in a folder outlast a power cut."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def lines(file: int) -> Iterator[bytes]:
    """Yield the lines of a file as they are, its last one even if it is cut short; close it."""
    with os.fdopen(file, "rb", buffering=_CHUNK) as content:
        yield from content


def _files(folder: Path, name: re.Pattern[str]) -> Iterator[Path]:
    """Yield files below a folder; unlike a glob it goes on when a folder vanishes meanwhile."""
    for inner, _, files in os.walk(folder):
        yield from (Path(inner, file) for file in files if name.fullmatch(file))


def _closing(path: Path) -> Closing | None:
    if path.name.endswith(_OPEN):
        return None
    try:
        content: dict[str, Any] = json.loads(path.with_suffix(".json").read_bytes())
        return Closing(**content)
    except (OSError, ValueError, TypeError):
        return None
