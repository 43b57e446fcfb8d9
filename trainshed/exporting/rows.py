"""Rows of a data file as a caller would send them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trainshed.errors import ConfigurationError
from trainshed.serving.schema import Column, Row, Schema

_READERS = {".csv": pd.read_csv, ".parquet": pd.read_parquet}


class DataCannotBeRead(ConfigurationError):
    """The data is no CSV or Parquet file, or lacks columns that the model's schema names."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    fitting: list[Row]
    others: int
    """Rows that the server would refuse, so nobody gets an answer to them."""


def read(path: Path, schema: Schema) -> Rows:
    """Read a file, or all CSV and Parquet files of a folder; other columns are left out.

    Raises:
        DataCannotBeRead: there is none, or one that does not hold the schema's columns.
    """
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    tables = [_table(file) for file in files if file.suffix in _READERS or file == path]
    if not tables:
        raise _cannot(path, "holds no CSV or Parquet file")
    columns = schema.columns or ()
    missing = [one.name for one in columns if any(one.name not in table for table in tables)]
    if missing:
        raise _cannot(path, f"has no column {missing[0]!r}, which the schema names")
    rows = [row for table in tables for row in _rows(table, columns)]
    bad = {problem.row for problem in schema.validate(rows)}
    fitting = [row for index, row in enumerate(rows) if index not in bad]
    return Rows(fitting=fitting, others=len(bad))


def _table(path: Path) -> pd.DataFrame:
    try:
        return _READERS[path.suffix](path)
    except KeyError:
        raise _cannot(path, "is neither CSV nor Parquet") from None
    except (OSError, ValueError, ImportError) as error:  # pandas' own errors are ValueErrors
        raise _cannot(path, f"cannot be read: {error}") from None


def _rows(table: pd.DataFrame, columns: Sequence[Column]) -> list[Row]:
    values = [_values(table[column.name], column) for column in columns]
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _values(series: Any, column: Column) -> list[Any]:
    listed: list[Any] = series.astype(object).where(series.notna(), None).tolist()
    if column.type != "string":
        return listed
    return [value if value is None else str(value) for value in listed]


def _cannot(path: Path, why: str) -> DataCannotBeRead:
    return DataCannotBeRead(
        f"{path}: {why}.",
        fix="Pass the data that the model was trained or evaluated on, to --data.",
    )
