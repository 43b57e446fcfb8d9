"""A predictions file as columns, a chunk of rows at a time: CSV, or Parquet through pyarrow."""

import csv
import importlib.util
import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from trainshed.errors import ProgramError

Chunk = list[list[Any]]
"""One list for each column of the header, all of one length above 0."""

_ROWS = 16_384  # of a chunk: its texts stay within the processor's cache
_PARQUET = b"PAR1"


class PredictionsCannotBeRead(ProgramError):
    """The predictions file is not there, no CSV or Parquet, or a row has not the header's width."""


@contextmanager
def opened(path: Path, *, source: str) -> Iterator[tuple[list[str], Iterator[Chunk]]]:
    """Yield the header and the chunks of a file. What is Parquet is told by its first bytes."""
    try:
        with path.open("rb") as file:
            if file.peek(len(_PARQUET)).startswith(_PARQUET):
                yield _parquet(path, source)
            else:
                yield _csv(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), source)
    except OSError as error:
        raise _unreadable(source, error.strerror or str(error)) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise _unreadable(source, str(error)) from None


def _csv(text: Any, source: str) -> tuple[list[str], Iterator[Chunk]]:
    reader = csv.reader(text)
    header = next((row for row in reader if row), None)
    if header is None:
        raise _unreadable(source, "it is empty")

    def chunks() -> Iterator[Chunk]:
        while rows := list(islice(reader, _ROWS)):
            try:
                yield [list(column) for column in zip(*rows, strict=True)]
                continue
            except ValueError:
                rows = [row for row in rows if row]  # an empty line is no row
            _reject_ragged(rows, len(header), source)
            if rows:
                yield [list(column) for column in zip(*rows, strict=True)]

    return header, _of_width(chunks(), len(header), source)


def _of_width(chunks: Iterator[Chunk], width: int, source: str) -> Iterator[Chunk]:
    for chunk in chunks:
        if chunk and len(chunk) != width:
            raise _unreadable(source, f"its rows have {len(chunk)} values, its header {width}")
        if chunk:
            yield chunk


def _reject_ragged(rows: list[list[str]], width: int, source: str) -> None:
    for row in rows:
        if len(row) != width:
            start = ",".join(row)[:80]
            problem = f"a row has {len(row)} values and the header {width}: {start}"
            raise _unreadable(source, problem)


def _parquet(path: Path, source: str) -> tuple[list[str], Iterator[Chunk]]:
    if importlib.util.find_spec("pyarrow") is None:
        raise PredictionsCannotBeRead(
            f"{source} is a Parquet file, and pyarrow is not installed here.",
            fix="Install pyarrow beside Trainshed, or write the predictions as CSV.",
        )
    parquet = importlib.import_module("pyarrow.parquet")
    arrow = importlib.import_module("pyarrow")
    try:
        file = parquet.ParquetFile(path)
    except arrow.ArrowInvalid as error:
        raise _unreadable(source, str(error)) from None

    def chunks() -> Iterator[Chunk]:
        for batch in file.iter_batches(batch_size=_ROWS):
            if batch.num_rows:
                yield [column.to_pylist() for column in batch.columns]

    return list(file.schema_arrow.names), chunks()


def _unreadable(source: str, why: str) -> PredictionsCannotBeRead:
    return PredictionsCannotBeRead(
        f"{source} cannot be read as predictions: {why}.",
        fix="Write a CSV file in UTF-8: a header, then one row for each evaluation row.",
    )
