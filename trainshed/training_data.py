"""The data of a model at a commit: what it is, and putting it into a checkout.

Tracked data lies in the commit and is hashed once per git object id. Data outside git comes by the
user's `fetch:` command, and must have the digest that trainshed.yml commits to.
"""

import csv
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from trainshed import checkout, config, dataset, program
from trainshed.digest_cache import DigestCache
from trainshed.errors import ConfigurationError, ProgramError, TrainshedError
from trainshed.project import Project
from trainshed.run import Dataset
from trainshed.settings import fetch_credentials, settings

_LONGEST_HEADER = 1 << 20  # characters


class TargetIsMissing(ConfigurationError):
    """The data has no column of the name that `target:` gives."""


class FetchFailed(ProgramError):
    """The `fetch:` command failed, or did not bring the file it should."""


class DatasetHasAnotherDigest(ConfigurationError):
    """Fetched data is not the data that trainshed.yml commits to."""


class OtherDataHasNoPlace(ConfigurationError):
    """A cross run puts data where the commit of its code has a file in the way."""


def describe(project: Project, digests: DigestCache, commit: str, chosen: config.Model) -> Dataset:
    """Return the dataset of a model at a commit; fetched data is what its committed digest says."""
    path = chosen.data.path
    if chosen.data.sha256 is not None:
        return Dataset(path=path, digest=chosen.data.sha256)
    checkout.require(project, commit, [path])
    key = _identity(project, commit, path)
    known = digests.blob(key)
    if known is None:  # hashed as checked out: a filter such as LFS decides what training reads
        with checkout.of(project, commit, only=[path]) as folder:
            known = _digest(folder, path)
        digests.remember_blob(key, known)
    return Dataset(path=path, digest=known)


def _identity(project: Project, commit: str, path: str) -> str:
    """Name tracked data and what decides how it is checked out: its attributes go by its path."""
    full = PurePosixPath(f"{project.prefix}{path}")
    attributes = [str(parent / ".gitattributes") for parent in full.parents]
    entries = project.repository.entries(commit, [str(full), *attributes])
    return " ".join([*(entry.oid for entry in entries), str(full)])


def _digest(folder: Path, path: str) -> str:
    """Hash the data in a checkout; an error names it as trainshed.yml does, wherever that lay."""
    try:
        return dataset.digest(folder / path).sha256
    except TrainshedError as error:
        raise type(error)(error.problem.replace(f"{folder}/", ""), fix=error.fix) from None


def provide(
    folder: Path,
    chosen: config.Model,
    *,
    expected: Dataset,
    variables: Mapping[str, str],
    tell: Callable[[str], None],
    output: Callable[[str], None],
) -> None:
    """Fetch the data into a checkout when it is not tracked, and check it before it is used.

    The command gets `variables`, the trainer's own, and with them the credentials that were given
    for it alone; its lines go to `output`. It has as much time as training has.
    """
    if chosen.data.fetch is None:
        return
    path = folder / chosen.data.path
    path.parent.mkdir(parents=True, exist_ok=True)
    tell(f"fetching {chosen.data.path}")
    _fetch(folder, chosen, variables={**variables, **fetch_credentials()}, output=output)
    if not path.exists():
        raise FetchFailed(
            f"The `fetch:` command ended well but brought no {chosen.data.path}.",
            fix="Make it write there: it runs in the checkout's folder.",
        )
    found = _digest(folder, chosen.data.path)
    if found != expected.digest:
        raise DatasetHasAnotherDigest(
            f"{chosen.data.path} has the digest {found}, trainshed.yml says {expected.digest}.",
            fix="If the new data is meant, commit its digest as `sha256:`; else restore the data.",
        )


def _fetch(
    folder: Path,
    chosen: config.Model,
    *,
    variables: Mapping[str, str],
    output: Callable[[str], None],
) -> None:
    argv = [part.replace("{data}", chosen.data.path) for part in chosen.data.fetch or ()]
    what = f"The `fetch:` command of {chosen.data.path}"
    try:
        ended = program.run(
            argv, folder=folder, variables=variables, timeout=chosen.timeout, tell=output
        )
    except program.ProgramCannotBeStarted as error:
        raise FetchFailed(
            f"{what} failed: the program {argv[0]} cannot be started: {error}.",
            fix="Install it, or name it by a path; it is looked for as `train:` is.",
        ) from None
    if ended.code is None:
        raise FetchFailed(
            f"{what} took too long: {ended.told}. Its last lines:\n{ended.tail}",
            fix="Raise `timeout:` of the model in trainshed.yml: fetching has as much time as "
            "training has.",
        )
    if ended.code != 0:
        raise FetchFailed(
            f"{what} failed: {ended.told}. Its last lines:\n{ended.tail}", fix=_fix_of_a_fetch()
        )


def _fix_of_a_fetch() -> str:
    fix = "Run it by hand in a clean clone; it may lack a credential or a file of `inputs:`."
    if settings().in_github_actions:
        fix += (
            " A pull request from a fork gets no credentials on GitHub: there, a maintainer must "
            "run it, from a branch of this repository."
        )
    return fix


def put(folder: Path, path: str, other: Path) -> None:
    """Move data of another checkout into this one, in the place of what lies there."""
    place = folder / path
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OtherDataHasNoPlace(
            f"The folder of {path} cannot be made beside the older code: {error.strerror}.",
            fix="Keep the data where the older code has no file in its way, or compare without a "
            "cross run.",
        ) from None
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    other.rename(place)


def require_target(folder: Path, chosen: config.Model) -> None:
    """Check that CSV data has the target column, before an hour of training finds out."""
    path = folder / chosen.data.path
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    headers = [header for file in files if file.suffix.lower() == ".csv" for header in _read(file)]
    if chosen.target is None or not headers or any(chosen.target in one for one in headers):
        return
    columns = ", ".join(max(headers, key=len)[:20])
    if "\0" in columns or "\ufffd" in columns:  # not UTF-8: only the trainer knows how to read it
        return
    raise TargetIsMissing(
        f"{chosen.data.path} has no column {chosen.target}; it has: {columns or 'none'}.",
        fix="Correct `target:` in trainshed.yml, or the data.",
    )


def _read(table: Path) -> Iterator[list[str]]:
    """Yield the names of a table's columns, once for each way in which they may be separated."""
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        start = file.read(_LONGEST_HEADER)
    for delimiter in ",;\t|":
        rows = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
        with suppress(csv.Error):  # a field that goes on and on: it is no table
            yield next((row for row in rows if row), [])
