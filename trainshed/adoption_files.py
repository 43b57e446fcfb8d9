"""Compare the files that adopting needs with those that are there, and write all or nothing."""

import difflib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainshed import signals
from trainshed.errors import ConfigurationError, OutsideError

Kind = Literal["new", "same", "extended", "different"]


class FilesWouldBeOverwritten(ConfigurationError):
    """Files differ from what init would write, and may have been changed by hand."""


class PlaceIsTaken(ConfigurationError):
    """A folder, a link or something else lies where init would write a file."""


class FilesCannotBeWritten(OutsideError):
    """The disk did not take the files; what was there before is there again."""


@dataclass(frozen=True, kw_only=True)
class Change:
    path: str
    before: str | None
    after: str

    @property
    def kind(self) -> Kind:
        if self.before is None:
            return "new"
        if self.before == self.after:
            return "same"
        is_longer = self.before and self.after.startswith(self.before.rstrip("\r\n"))
        return "extended" if is_longer else "different"

    @property
    def diff(self) -> str:
        """Show the change as git would."""
        old = "/dev/null" if self.before is None else f"a/{self.path}"
        lines = difflib.unified_diff(
            (self.before or "").splitlines(), self.after.splitlines(), old, f"b/{self.path}",
            lineterm="",
        )  # fmt: skip
        return "".join(f"{line}\n" for line in lines)


def compare(root: Path, wanted: Mapping[str, str]) -> tuple[Change, ...]:
    """Return what each file would become.

    Raises:
        PlaceIsTaken: no file can be written there.
    """
    return tuple(
        Change(path=path, before=_read(root, path), after=after) for path, after in wanted.items()
    )


def shown(changes: Sequence[Change]) -> str:
    """Return the whole diff, then a line for each file that is right already."""
    same = [f"{one.path}: is there already, the same\n" for one in changes if one.kind == "same"]
    return "".join([*(one.diff for one in changes), *same])


def require_no_loss(changes: Sequence[Change]) -> None:
    """Refuse to change a file that somebody else may have written; one line more is no loss."""
    lost = [one.path for one in changes if one.kind == "different"]
    if lost:
        raise FilesWouldBeOverwritten(
            f"Nothing was written: {', '.join(lost)} {'is' if len(lost) == 1 else 'are'} there and "
            "would change as shown above.",
            fix="Look at the diff, then pass --force to write all of it; git keeps what is "
            "committed.",
        )


def write(root: Path, changes: Sequence[Change], *, state: Path) -> None:
    """Write the changes: all of them, or nothing.

    Each is written aside, in the state folder, before the first takes its place by a rename; when
    one cannot, those before it are taken back. A process that is killed outright between two
    renames leaves whole files only, and the last file of all is the one that makes the others
    count; the same command again finishes it.

    Raises:
        FilesCannotBeWritten
    """
    todo = [one for one in changes if one.kind != "same"]
    for left in state.glob("init-*"):  # of one that was killed
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix="init-", dir=state))
    done: list[Change] = []
    try:
        staged = [_stage(aside / str(number), root, one) for number, one in enumerate(todo)]
        with signals.sigterm_as_interrupt():
            for one, file in zip(todo, staged, strict=True):
                done.append(one)
                (root / one.path).parent.mkdir(parents=True, exist_ok=True)
                file.replace(root / one.path)
    except BaseException as error:
        _undo(root, done)
        if not isinstance(error, OSError):
            raise
        raise FilesCannotBeWritten(
            f"{error.filename or root} cannot be written: {error.strerror}. Nothing was changed.",
            fix="Mend that, then run the same command again.",
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _read(root: Path, path: str) -> str | None:
    place = root / path
    for parent in (place, *place.parents):
        if parent == root:
            break
        if parent.is_symlink() or (parent.exists() and parent.is_dir() is (parent == place)):
            raise PlaceIsTaken(
                f"{parent.relative_to(root)} is no {'file' if parent == place else 'folder'} of "
                f"its own, so {path} cannot be written.",
                fix="Remove or rename it, then run the same command again.",
            )
    try:
        return place.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None


def _stage(file: Path, root: Path, change: Change) -> Path:
    with file.open("wb") as stream:
        stream.write(change.after.encode("utf-8", "surrogateescape"))
        stream.flush()
        os.fsync(stream.fileno())
    there = root / change.path
    file.chmod(there.stat().st_mode & 0o777 if change.before is not None else 0o644)
    return file


def _undo(root: Path, done: Sequence[Change]) -> None:
    for one in done:
        if one.before is None:
            with suppress(FileNotFoundError, NotADirectoryError):  # it did not come to be
                (root / one.path).unlink()
        else:
            (root / one.path).write_bytes(one.before.encode("utf-8", "surrogateescape"))
