"""The data of a model at a commit: what it is, and putting it into a checkout.

Tracked data lies in the commit and is hashed once per git object id. Data outside git comes by the
user's `fetch:` command, and must have the digest that trainshed.yml commits to.
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from trainshed import checkout, cmd, config, dataset
from trainshed.digest_cache import DigestCache
from trainshed.errors import ConfigurationError, ProgramError
from trainshed.project import Project
from trainshed.run import Dataset


class TargetIsMissing(ConfigurationError):
    """The data has no column of the name that `target:` gives."""


class FetchFailed(ProgramError):
    """The `fetch:` command failed, or did not bring the file it should."""


class DatasetHasAnotherDigest(ConfigurationError):
    """Fetched data is not the data that trainshed.yml commits to."""


def describe(project: Project, digests: DigestCache, commit: str, chosen: config.Model) -> Dataset:
    """Return the dataset of a model at a commit; fetched data is what its committed digest says."""
    path = chosen.data.path
    if chosen.data.sha256 is not None:
        return Dataset(path=path, digest=chosen.data.sha256)
    checkout.require(project, commit, [path])
    entry = project.repository.entries(commit, [f"{project.prefix}{path}"])[0]
    known = digests.blob(entry.oid)
    if known is None:  # hashed as checked out: a filter such as LFS decides what training reads
        with checkout.of(project, commit, only=[path]) as folder:
            known = dataset.digest(folder / path).sha256
        digests.remember_blob(entry.oid, known)
    return Dataset(path=path, digest=known)


def provide(
    folder: Path,
    chosen: config.Model,
    *,
    expected: Dataset,
    variables: Mapping[str, str],
    tell: Callable[[str], None],
) -> None:
    """Fetch the data into a checkout when it is not tracked, and check it before it is used."""
    if chosen.data.fetch is None:
        return
    path = folder / chosen.data.path
    path.parent.mkdir(parents=True, exist_ok=True)
    tell(f"fetching {chosen.data.path}")
    try:
        cmd.run(
            [part.replace("{data}", chosen.data.path) for part in chosen.data.fetch],
            cwd=folder,
            env=variables,
        )
    except (cmd.CommandFailed, cmd.ProgramIsMissing) as error:
        raise FetchFailed(
            f"The `fetch:` command of {chosen.data.path} failed: {error.problem}",
            fix="Run it by hand in a clean clone; it may lack a credential or a file of `inputs:`.",
        ) from None
    if not path.exists():
        raise FetchFailed(
            f"The `fetch:` command ended well but brought no {chosen.data.path}.",
            fix="Make it write there: it runs in the checkout's folder.",
        )
    found = dataset.digest(path).sha256
    if found != expected.digest:
        raise DatasetHasAnotherDigest(
            f"{chosen.data.path} has the digest {found}, trainshed.yml says {expected.digest}.",
            fix="If the new data is meant, commit its digest as `sha256:`; else restore the data.",
        )


def require_target(folder: Path, chosen: config.Model) -> None:
    """Check that CSV data has the target column, before an hour of training finds out."""
    path = folder / chosen.data.path
    tables = sorted(path.rglob("*.csv")) if path.is_dir() else [path]
    headers = {table: _header(table) for table in tables if table.suffix.lower() == ".csv"}
    if chosen.target is None or not headers:
        return
    if not any(chosen.target in header for header in headers.values()):
        columns = ", ".join(next(iter(headers.values()))[:20])
        raise TargetIsMissing(
            f"{chosen.data.path} has no column {chosen.target}; it has: {columns}.",
            fix="Correct `target:` in trainshed.yml, or the data.",
        )


def _header(table: Path) -> list[str]:
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return next(csv.reader(file), [])
