"""A table to be read once from front to back: a CSV or TSV file, or a folder of them.

Text is UTF-8; a byte that is not is read as the four characters `\\xff`, so it is still told apart.
An empty line is no row. A row that has not the header's width is an error: no guess is made of
which of its cells is missing.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from trainshed.errors import ConfigurationError

Chunk = list[tuple[str, ...]]
"""A tuple of cells for each column of the header, all of one length above 0."""

_SEPARATORS = {".csv": ",;\t|", ".tsv": "\t"}
_LONGEST_HEADER = 1 << 20  # characters
_CELLS = 1 << 22  # of a chunk at most, so that wide tables take no more memory than long ones
_ROWS = 4_096  # more would leave the processor's cache


class TableCannotBeRead(ConfigurationError):
    """The data is no CSV table: no header, rows of another width, or not text in UTF-8."""


@dataclass(frozen=True, kw_only=True)
class _File:
    path: Path
    separator: str
    header: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    source: str
    """How errors name it."""
    header: tuple[str, ...]
    files: tuple[_File, ...]
    """Of the same columns; their order may differ."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield the columns of some thousand rows at a time, in the order of the header.

        Raises:
            TableCannotBeRead: a row has not the header's width, or a cell has no end.
        """
        size = max(1, min(_ROWS, _CELLS // len(self.header)))
        for file in self.files:
            rows = _rows(file, self.source)
            places = [file.header.index(name) for name in self.header]
            in_order = places == list(range(len(places)))
            while some := list(islice(rows, size)):
                columns = _columns(some, file)
                if columns:
                    yield columns if in_order else [columns[place] for place in places]

    def rows(self, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield the cells of some columns, row by row."""
        places = self.places(names)
        for chunk in self.chunks():
            yield from zip(*(chunk[place] for place in places), strict=True)

    def places(self, names: Sequence[str]) -> list[int]:
        """Return where in the header columns stand; an unknown name is an error."""
        for name in names:
            if name not in self.header:
                raise TableCannotBeRead(
                    f"{self.source} has no column {name}; it has: {', '.join(self.header[:20])}.",
                    fix="Correct the name of the column, or the data.",
                )
        return [self.header.index(name) for name in names]


def look_at(path: Path, *, source: str | None = None) -> Table:
    """Find the header and the separator of a table, and in a folder every table.

    Raises:
        TableCannotBeRead: there is no table, or tables of one folder have different columns.
    """
    source = source or str(path)
    with _told(source):
        if not path.is_dir():
            file = _look_at_file(path, source)
            return Table(source=source, header=file.header, files=(file,))
        found = sorted(one for one in path.rglob("*") if one.suffix.lower() in _SEPARATORS)
        files = [_look_at_file(one, f"{source}/{one.relative_to(path)}") for one in found]
    if not files:
        raise _unreadable(source, "it holds no CSV file")
    for one in files:
        if set(one.header) != set(files[0].header):
            other = ", ".join(sorted(set(one.header) ^ set(files[0].header))[:5])
            raise _unreadable(
                source, f"{one.path.name} and {files[0].path.name} differ in their columns: {other}"
            )
    return Table(source=source, header=files[0].header, files=tuple(files))


def _look_at_file(path: Path, source: str) -> _File:
    separators = _SEPARATORS.get(path.suffix.lower())
    if separators is None:
        raise _unreadable(source, "only CSV and TSV files are read")
    with _open(path) as text:
        start = text.read(_LONGEST_HEADER)
    headers = [_first_row(start, one) for one in separators]
    header = max(headers, key=len)  # the first of equals: the comma
    if not any(name.strip() for name in header):
        raise _unreadable(source, "it is empty" if not start.strip() else "it has no header")
    if any("\0" in name for name in header):
        raise _unreadable(source, "it is not text in UTF-8")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise _unreadable(source, f"it has two columns of the name {twice[:80]}")
    if all(_is_number(name) for name in header):
        raise _unreadable(source, "it has no header: its first row holds numbers alone")
    return _File(path=path, separator=separators[headers.index(header)], header=tuple(header))


def _rows(file: _File, source: str) -> Iterator[list[str]]:
    with _told(source), _open(file.path) as text:
        reader = csv.reader(text, delimiter=file.separator)
        next(row for row in reader if row)
        yield from reader


def _columns(rows: list[list[str]], file: _File) -> Chunk:
    with suppress(ValueError):
        columns = list(zip(*rows, strict=True))
        if len(columns) == len(file.header):
            return columns
    rows = [row for row in rows if row]
    width = len(file.header)
    for row in rows:
        if len(row) != width:
            start = file.separator.join(row)[:80]
            raise _unreadable(
                str(file.path), f"a row has {len(row)} cells and the header {width}: {start}"
            )
    return list(zip(*rows, strict=True))


def _first_row(text: str, separator: str) -> list[str]:
    with suppress(csv.Error):
        return next((row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
                     if row), [])  # fmt: skip
    return []


def _is_number(text: str) -> bool:
    with suppress(ValueError):
        float(text)
        return True
    return False


def _open(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", errors="backslashreplace", newline="")


@contextmanager
def _told(source: str) -> Iterator[None]:
    """Turn what reading raises into our error."""
    try:
        yield
    except OSError as error:
        raise _unreadable(source, error.strerror or str(error)) from None
    except csv.Error as error:
        raise _unreadable(source, str(error)) from None


def _unreadable(source: str, why: str) -> TableCannotBeRead:
    return TableCannotBeRead(
        f"{source} cannot be read as a table: {why}.",
        fix="Give a CSV file in UTF-8: a header of distinct names, then rows of the same width.",
    )
