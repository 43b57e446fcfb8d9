"""What changed between the data of two releases: files of a folder, rows and columns of a table.

Read from git at the two commits, as training reads it. Data outside git is told by its digests
alone: nobody fetches gigabytes to write release notes.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from trainshed import checkout
from trainshed.data_evidence import Rows
from trainshed.manifest import Data
from trainshed.project import Project

MOST_BYTES = 256 << 20
"""Of one table; a larger one is told by its digests."""
MOST_ROWS = 1_000_000
"""Of the table before: one hash of each of its rows is kept in memory, some 100 bytes."""
_LONGEST_HEADER = 1 << 20  # characters
_SEPARATORS = {".csv": ",;\t|", ".tsv": "\t"}


@dataclass(frozen=True, kw_only=True)
class Files:
    """Two folders, file by file: paths relative to the folder, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    common: int
    """How many are the same."""


@dataclass(frozen=True, kw_only=True)
class DataDiff:
    before: Data
    after: Data
    rows: Rows | None = None
    files: Files | None = None
    why_not: str = ""
    """Why there is neither, in words that complete "only digests are told: …"."""

    @property
    def is_same(self) -> bool:
        return self.before.digest == self.after.digest


class NotATable(Exception):
    """A file cannot be compared row by row; the message says why."""


def between(project: Project, before: tuple[str, Data], after: tuple[str, Data]) -> DataDiff:
    """Tell how the data at one commit differs from that at another. Both must be in the clone.

    Args:
        project: whose repository holds the commits.
        before, after: commit and data, as two manifests say them.
    """
    told = DataDiff(before=before[1], after=after[1])
    if told.is_same:
        return told
    kinds = [_kind(project, commit, data.path) for commit, data in (before, after)]
    if None in kinds:
        return replace(told, why_not="the data is not in git")
    if kinds[0] != kinds[1]:
        return replace(told, why_not="one is a file and the other a folder")
    if kinds[0] == "tree":
        listings = [_listing(project, commit, data.path) for commit, data in (before, after)]
        return replace(told, files=compare_files(*listings))
    with ExitStack() as stack:
        paths = [stack.enter_context(_file(project, *one)) for one in (before, after)]
        try:
            return replace(told, rows=compare_tables(*paths))
        except NotATable as error:
            return replace(told, why_not=str(error))


def rows_of(project: Project, commit: str, data: Data) -> int | None:
    """Count the rows of a table in git; None where the data is no such table, or a large one."""
    if _kind(project, commit, data.path) != "blob":
        return None
    with _file(project, commit, data) as path:
        try:
            return sum(1 for _ in _Table(path).rows([]))
        except NotATable:
            return None


def compare_files(before: Mapping[str, str], after: Mapping[str, str]) -> Files:
    """Compare two folders, each a mapping of path to whatever names the content."""
    both = before.keys() & after.keys()
    changed = sorted(path for path in both if before[path] != after[path])
    return Files(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(changed),
        common=len(both) - len(changed),
    )


def compare_tables(before: Path, after: Path) -> Rows:
    """Compare two CSV files row by row, reading each once; memory is bounded by `MOST_ROWS`.

    Raises:
        NotATable: one is too large, or no CSV file with a header.
    """
    old, new = _Table(before), _Table(after)
    common = [name for name in old.header if name in set(new.header)]
    if not common:
        raise NotATable("they have no column in common")
    left: Counter[int] = Counter()
    for count, row in enumerate(old.rows(common)):
        if count >= MOST_ROWS:
            raise NotATable(f"a table has more than {MOST_ROWS:,} rows")
        left[row] += 1
    shared = added = 0
    for row in new.rows(common):
        if left.get(row):
            left[row] -= 1
            shared += 1
        else:
            added += 1
    return Rows(
        added=added,
        removed=left.total(),
        common=shared,
        columns_added=tuple(name for name in new.header if name not in set(old.header)),
        columns_removed=tuple(name for name in old.header if name not in set(new.header)),
    )


class _Table:
    """A CSV file that was looked at: its separator and header are known, its rows are not read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        separators = _SEPARATORS.get(path.suffix.lower())
        if separators is None:
            raise NotATable("only CSV files are compared row by row")
        if path.stat().st_size > MOST_BYTES:
            raise NotATable(f"a table is larger than {MOST_BYTES >> 20} MB")
        with self._open() as file:
            start = file.read(_LONGEST_HEADER)
        found = [_first_row(start, separator) for separator in separators]
        self.header = max(found, key=len)  # the first of equals: the comma
        self.separator = separators[found.index(self.header)]
        if not self.header:
            raise NotATable("a table has no header")
        if len(set(self.header)) < len(self.header):
            raise NotATable("a table has two columns of one name")

    def rows(self, columns: Sequence[str]) -> Iterator[int]:
        """Yield a hash of each row's cells in these columns. Equal within this process only."""
        places = [self.header.index(name) for name in columns]
        with self._open() as file:
            try:
                reader = csv.reader(file, delimiter=self.separator)
                next(row for row in reader if row)
                for row in reader:
                    if row:
                        yield hash(tuple([row[at] if at < len(row) else None for at in places]))
            except csv.Error as error:
                raise NotATable(f"a table cannot be read ({error})") from None

    def _open(self) -> TextIO:
        # What is not UTF-8 is still told apart, byte by byte.
        return self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _first_row(text: str, separator: str) -> list[str]:
    try:
        rows = csv.reader(text.splitlines(keepends=True), delimiter=separator)
        return next((row for row in rows if row), [])
    except csv.Error:
        return []


def _kind(project: Project, commit: str, path: str) -> str | None:
    """Tell a file (`blob`) from a folder (`tree`) at a commit; None when it is not there."""
    name = f"{project.prefix}{path}".rstrip("/")
    return next((one.kind for one in project.repository.entries(commit, [name])), None)


def _listing(project: Project, commit: str, path: str) -> dict[str, str]:
    """List a folder's files at a commit, each with the id of its content."""
    top = f"{project.prefix}{path}".rstrip("/")
    entries = project.repository.entries(commit, [f"{top}/"], recurse=True)
    return {one.path.removeprefix(f"{top}/"): one.oid for one in entries if one.kind == "blob"}


@contextmanager
def _file(project: Project, commit: str, data: Data) -> Iterator[Path]:
    with checkout.of(project, commit, only=[data.path]) as folder:
        yield folder / data.path
