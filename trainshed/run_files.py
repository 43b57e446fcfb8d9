"""The files of a run: what a trainer wrote and named, copied out of the checkout it ran in."""

import shutil
from pathlib import Path, PurePosixPath

from trainshed import contract, dataset, paths
from trainshed.errors import ConfigurationError, ProgramError
from trainshed.run import File


class FileIsMissing(ProgramError):
    """The trainer named a file that is not there, is empty of content, or lies outside."""


class FileCannotBeKept(ProgramError):
    """The trainer named a file or folder that is or holds a link, a pipe or an odd name."""


class OutputHasNoPlace(ConfigurationError):
    """Something in the commit lies where the folder of the trainer's output should be."""


def make_place(folder: Path, out: str) -> None:
    """Make the folder that the trainer's output goes to: not every program does."""
    try:
        (folder / out).parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputHasNoPlace(
            f"The folder of {out} cannot be made in the checkout: {error.strerror}.",
            fix="Change `out:` in trainshed.yml, or remove from git what lies in its way.",
        ) from None


def keep(folder: Path, key: contract.FileKey, path: str, files: Path) -> File:
    """Copy a file (or folder) that the trainer named into the run's folder."""
    source = (folder / path).resolve()
    if not paths.is_inside(source, folder):
        raise FileIsMissing(
            f"The trainer's `{key}={path}` lies outside the checkout (a symlink leads there).",
            fix="Write the file itself beside the path that is passed as {out}.",
        )
    if not source.exists():
        raise FileIsMissing(
            f"The trainer printed `{key}={path}`, but made no such file.",
            fix="Write the file before printing the line; relative paths start at the checkout.",
        )
    try:
        digest = dataset.digest(source)
    except dataset.DatasetIsEmpty:
        raise FileIsMissing(
            f"The trainer printed `{key}={path}`, but it has no content.",
            fix="Write the file, and close it, before printing the line.",
        ) from None
    except ConfigurationError as error:
        raise FileCannotBeKept(
            f"The trainer's `{key}={path}` cannot be kept: "
            f"{error.problem.replace(f'{folder.resolve()}/', '')}",
            fix="Write plain files: no links, no pipes, no odd names.",
        ) from None
    name = f"{key}/{PurePosixPath(path).name}"
    _copy(source, files / name)
    return File(path=name, digest=digest.sha256, size=digest.size)


def _copy(source: Path, target: Path) -> None:
    for path in [source] if source.is_file() else source.rglob("*"):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
