"""The run in a release's image, taken out of it: the image is pulled, and never started.

What an image holds is data: plain files only, none outside the folder that they are taken to, and
bounded in number and size.
"""

import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from docker.errors import NotFound

from trainshed import dataset, engine, image, paths, private_columns, registry, run
from trainshed.engine import Client
from trainshed.errors import ReleaseStateError, TrainshedError
from trainshed.run import File, Run

MOST_BYTES = 8 << 30
MOST_FILES = 100_000
_CHUNK = 1 << 20


class ImageHoldsNoRun(ReleaseStateError):
    """A release's image holds no run, or files that are not what the run's record says."""


def take(
    client: Client,
    reference: str,
    folder: Path,
    *,
    tell: Callable[[str], None],
    most_bytes: int = MOST_BYTES,
) -> Run:
    """Put the run of an image into an empty folder; return it as it lies there.

    Columns marked private are not in it: its predictions have then a digest of their own.

    Raises:
        ImageHoldsNoRun, ImageIsGone, RegistryFailed, EngineIsNotThere, EngineRefused
    """
    found = registry.pull(client, reference, tell=tell)
    with engine.told(f"looking into {reference}"):
        made = client.containers.create(found.id, ["nothing"])
    try:
        with engine.told(f"reading the run in {reference}"):
            extract(_archive(made), folder, most_bytes=most_bytes)
    finally:
        with engine.told("removing a container"):
            made.remove(force=True, v=True)
    return read(folder)


def extract(archive: Iterator[bytes], folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
    """Write the plain files of a tar, which lie in one folder there, into a folder.

    Raises:
        ImageHoldsNoRun: it holds anything but files and folders, leads outside, or is too large.
    """
    try:
        stream: Any = _Stream(archive, most_bytes)  # tarfile asks for more than it uses
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_CHUNK) as opened:
            for number, member in enumerate(opened):
                if number >= MOST_FILES:
                    raise _refused(f"holds more than {MOST_FILES:,} files")
                _write(opened, member, folder)
    except tarfile.TarError as error:
        raise _refused(f"cannot be read ({error})") from None


def read(folder: Path) -> Run:
    """Read a run that was taken out of an image, and check every file of it.

    Raises:
        ImageHoldsNoRun: a file is missing or another one.
    """
    try:
        found = _as_it_lies(record(folder), folder)
        for file in found.files:
            _require(file, folder)
    except OSError as error:
        raise _refused(f"cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise _refused(f"cannot be read ({str(error).splitlines()[0]})") from None
    return found


def record(folder: Path) -> Run:
    """Return the run's record as its trainer made it, whether all of it lies there or not."""
    return run.from_json((folder / "run.json").read_bytes())


def _as_it_lies(made: Run, folder: Path) -> Run:
    path = folder / private_columns.NAME
    if not path.is_file():
        return made
    removed = private_columns.from_json(path.read_bytes())
    predictions = None
    if made.predictions is not None and removed.predictions is not None:
        place = made.predictions.path
        size = (folder / place).stat().st_size
        predictions = File(path=place, digest=removed.predictions, size=size)
    gone = removed.left_out
    return replace(
        made,
        predictions=predictions,
        training_rows=None if "training_rows" in gone else made.training_rows,
        profile=None if "profile" in gone else made.profile,
    )


def _require(file: File, folder: Path) -> None:
    problem = paths.problem_with(file.path)
    if problem is not None:
        raise _refused(f"names a file whose path {problem}")
    with suppress(TrainshedError):
        if dataset.digest(folder / file.path).sha256 == file.digest:
            return
    raise _refused(f"has no {file.path}, or another one than its record says")


def _archive(made: Any) -> Iterator[bytes]:
    try:
        stream, _ = made.get_archive(f"/{image.RUN_FOLDER}")
    except NotFound:
        raise _refused("is not there") from None
    archive: Iterator[bytes] = stream
    return archive


class _Stream:
    """Pieces of a tar as a file that is read forwards, and only so far."""

    def __init__(self, pieces: Iterator[bytes], most_bytes: int) -> None:
        self._pieces = pieces
        self._left = most_bytes
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._left -= len(piece)
            if self._left < 0:
                raise _refused("is larger than any that is taken out of an image")
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _write(opened: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a file; the tar's first folder is the one that it was asked for."""
    if paths.problem_with(member.name) is not None:
        raise _refused(f"holds a path that leads elsewhere: {member.name[:100]!r}")
    if member.isdir():
        return
    inside = PurePosixPath(*PurePosixPath(member.name).parts[1:])
    source = opened.extractfile(member) if member.isreg() and not member.issparse() else None
    if source is None or not inside.parts:
        raise _refused(f"holds something that is no plain file: {member.name[:100]!r}")
    target = folder / inside
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            shutil.copyfileobj(source, file, _CHUNK)
    except (FileExistsError, NotADirectoryError):
        raise _refused(f"holds two files in one place: {member.name[:100]!r}") from None


def _refused(what: str) -> ImageHoldsNoRun:
    return ImageHoldsNoRun(
        f"The run in a release's image {what}.",
        fix="Look at what can go live again: scripts/deploy.py verify. An image that is not what "
        "its manifest says should be restored in the registry, or its release be reverted.",
    )
