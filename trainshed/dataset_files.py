"""The files of a dataset as they lie on the disk: names and stamps, and what is refused by name.

A name is refused when it could not stand in a line of the manifest, or not on every system. An
empty subfolder is left out: git cannot hold one, so a checkout would not have it either.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainshed.errors import ConfigurationError, ConflictError, OutsideError, TrainshedError

Kind = Literal["file", "folder"]
Stamp = str
"""Size in bytes, mtime and ctime in ns, and inode: "7 1700000000000000000 1700000000000000000 42".

Text, since it is stored, compared and sent to workers fifty thousand at a time.
"""

_ODD = re.compile("[\n\r\\\\\ud800-\udfff]")  # bytes that are not UTF-8 arrive as lone surrogates


class DatasetIsMissing(ConfigurationError):
    """There is no file or folder at the path of the dataset."""


class DatasetHasASymlink(ConfigurationError):
    """The dataset is a symbolic link or holds one, and what it points at is not what is hashed."""


class DatasetHasASpecialFile(ConfigurationError):
    """The dataset is or holds a pipe, socket or device, which has no content to hash."""


class DatasetHasAnOddName(ConfigurationError):
    """A file's name has a line break, a backslash or broken UTF-8, or clashes with another."""


class DatasetCannotBeRead(OutsideError):
    """A file or folder of the dataset exists but the system refuses to read it."""


class DatasetChangedWhileRead(ConflictError):
    """A file of the dataset was written, added or removed while it was being hashed."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a folder held at one moment, by paths relative to it (parts joined by `/`)."""

    files: Mapping[str, Stamp]  # sorted by the bytes of the path
    folders: Mapping[str, Stamp]  # the folder itself is the empty path
    size: int  # bytes of all files


def stamp_of(facts: os.stat_result) -> Stamp:
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns} {facts.st_ino}"


def size_of(stamp: Stamp) -> int:
    return int(stamp.partition(" ")[0])


def changed_ns(stamp: Stamp) -> int:
    """Return when the file last changed: the later of mtime, which can be set, and ctime."""
    _, mtime_ns, ctime_ns, _ = stamp.split(" ")
    return max(int(mtime_ns), int(ctime_ns))


def look_at(dataset: Path) -> tuple[Kind, Stamp]:
    """Tell a file from a folder; anything else that may lie at the path is an error."""
    try:
        facts = dataset.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetIsMissing(
            f"There is no dataset at {shown(dataset)}.",
            fix="Check the path (`data:` in trainshed.yml), or fetch the data first.",
        ) from None
    except OSError as error:
        raise cannot_be_read(dataset, error) from error
    if stat.S_ISDIR(facts.st_mode):
        return "folder", stamp_of(facts)
    if not stat.S_ISREG(facts.st_mode):
        raise _refusal(dataset)
    return "file", stamp_of(facts)


def list_folder(folder: Path) -> Listing:
    """Look at every file below the folder, and refuse what cannot be hashed truly."""
    files: dict[str, Stamp] = {}
    folders: dict[str, Stamp] = {}
    try:
        _walk(folder, files, folders)
    except OSError as error:
        raise cannot_be_read(error.filename or folder, error) from error
    _refuse_odd_names(folder, files)
    # Strings sort by code point, which is the order of their UTF-8 bytes.
    return Listing(
        files=dict(sorted(files.items())), folders=folders, size=sum(map(size_of, files.values()))
    )


def refuse_change(path: str | Path, *, before: Stamp, after: os.stat_result) -> None:
    if before != stamp_of(after):
        raise _changed(path)


def refuse_changed_folders(folder: Path, listing: Listing) -> None:
    """Raise when a file was added to any of the folders, or removed, since they were listed."""
    for path, before in listing.folders.items():
        try:
            refuse_change(folder / path, before=before, after=(folder / path).lstat())
        except OSError as error:
            raise cannot_be_read(folder / path, error) from error


def cannot_be_read(path: str | Path, error: OSError) -> TrainshedError:
    """Return the error for a file or folder that was there and then could not be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _changed(path)
    return DatasetCannotBeRead(
        f"{shown(path)} cannot be read: {error.strerror}.",
        fix="Give yourself permission to read it, or mend the disk it lies on.",
    )


def shown(path: str | Path) -> str:
    """Return a path that can be printed: line breaks and broken bytes escaped."""
    text = str(path)
    return ascii(text) if _ODD.search(text) else text


def _walk(root: Path, files: dict[str, Stamp], folders: dict[str, Stamp]) -> None:
    waiting = [(str(root), "")]
    while waiting:
        where, prefix = waiting.pop()
        folders[prefix] = stamp_of(os.lstat(where))  # before: what is added from now on shows
        with os.scandir(where) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    files[prefix + entry.name] = stamp_of(entry.stat(follow_symlinks=False))
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, f"{prefix}{entry.name}/"))
                else:
                    raise _refusal(Path(entry.path))


def _refuse_odd_names(folder: Path, paths: Iterable[str]) -> None:
    together = "\0".join(paths)  # one look at all names is much faster than one at each
    if _ODD.search(together):
        odd = next(path for path in paths if _ODD.search(path))
        raise DatasetHasAnOddName(
            f"The dataset {shown(folder)} holds the name {odd!a}, with a line break, a backslash "
            "or bytes that are not UTF-8.",
            fix="Rename it: such a name cannot stand in a manifest, nor on every system.",
        )
    if not together.isascii():
        _refuse_clashes(folder, paths)


def _refuse_clashes(folder: Path, paths: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for path in _with_folders(paths):
        other = seen.setdefault(unicodedata.normalize("NFC", path), path)
        if other != path:
            raise DatasetHasAnOddName(
                f"The dataset {shown(folder)} holds two names that read the same but differ in "
                f"their Unicode form: {other!a} and {path!a}.",
                fix="Rename one of them: some systems cannot keep both.",
            )


def _with_folders(paths: Iterable[str]) -> Iterator[str]:
    """Yield every path and every folder on its way: of `a/b/c` these are `a`, `a/b`, `a/b/c`."""
    for path in paths:
        end = path.find("/")
        while end >= 0:
            yield path[:end]
            end = path.find("/", end + 1)
        yield path


def _refusal(path: Path) -> ConfigurationError:
    if path.is_symlink():
        return DatasetHasASymlink(
            f"{shown(path)} is a symbolic link (to {shown(path.readlink())}).",
            fix="Replace it by what it points at (`cp --dereference`; for DVC, "
            "`dvc config cache.type copy` and `dvc checkout --relink`).",
        )
    return DatasetHasASpecialFile(
        f"{shown(path)} is neither a file nor a folder but a pipe, a socket or a device.",
        fix="Move it out of the dataset, or write its content to a file.",
    )


def _changed(path: str | Path) -> DatasetChangedWhileRead:
    return DatasetChangedWhileRead(
        f"{shown(path)} changed while the dataset was being hashed.",
        fix="Wait until nothing writes to the dataset any more, then run it again.",
    )
