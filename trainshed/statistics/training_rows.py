"""The ids of the rows that a run was trained on, as its trainer wrote them (`training_rows=`).

One id a line, or a CSV file with a column `row_id`.
"""

import csv
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO

import numpy as np

from trainshed.errors import ProgramError
from trainshed.statistics.columns import GrowingIds, Ids, NotAColumn

_COLUMN = "row_id"
_ROWS = 1 << 16  # of a chunk
MOST_ROWS = 50_000_000
"""Ids of 16 bytes then take 800 MB."""


class TrainingRowsCannotBeRead(ProgramError):
    """The file of `training_rows=` is not there, no text, or holds no row ids."""


def read(path: Path, *, source: str) -> Ids:
    """Return the ids, sorted, each once. An empty file names no row.

    Raises:
        TrainingRowsCannotBeRead: it holds no ids; says why.
    """
    growing = GrowingIds()
    rows = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = _ids(file)
            while some := list(islice(found, _ROWS)):
                rows += len(some)
                if rows > MOST_ROWS:
                    raise _unreadable(source, f"it has more than {MOST_ROWS:,} rows")
                growing.add(some)
    except OSError as error:
        raise _unreadable(source, error.strerror or str(error)) from None
    except NotAColumn as error:
        raise _unreadable(source, f"its id in row {error.row + 1:,} {error}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise _unreadable(source, str(error)) from None
    return np.unique(growing.finish()) if rows else np.array([], dtype=np.bytes_)


def _ids(file: IO[str]) -> Iterator[str]:
    first = file.readline()
    header = next(csv.reader([first]), [])
    if _COLUMN in header:
        at = header.index(_COLUMN)
        yield from (row[at] if at < len(row) else "" for row in csv.reader(file) if row)
    else:
        yield from filter(None, (line.rstrip("\r\n") for line in chain([first], file)))


def _unreadable(source: str, why: str) -> TrainingRowsCannotBeRead:
    return TrainingRowsCannotBeRead(
        f"{source} cannot be read as training rows: {why}.",
        fix="Write one row id a line, or a CSV file with a column row_id (docs/contract.md).",
    )
