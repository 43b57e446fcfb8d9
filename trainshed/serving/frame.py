"""Rows of JSON as the DataFrame that a model was trained on.

The one module that imports pandas and numpy: it is loaded only together with the default predictor.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from trainshed.serving.schema import Column, Row, Schema

# pandas 2 keeps text as objects, pandas 3 as str: take what reading a CSV file would have given.
_TEXT = pd.Series([""]).dtype
_MISSING = float("nan")


def of(rows: Sequence[Row], schema: Schema, *, trained_on: Sequence[str] | None) -> pd.DataFrame:
    """Return one line per row, columns as the model knows them, else as the schema lists them.

    The types come from the schema, not from the values, so that a row means the same alone and
    among others. A missing value is NaN.
    """
    if schema.columns is None:
        frame = pd.DataFrame(list(rows))
    else:
        frame = pd.DataFrame({column.name: _values(column, rows) for column in schema.columns})
    if trained_on is not None and set(trained_on) == set(frame.columns):
        return frame.reindex(columns=list(trained_on))
    return frame


def _values(column: Column, rows: Sequence[Row]) -> Any:
    """Arrays, not Series, where they will do: seventeen Series cost more than reading the rows."""
    values = [row[column.name] for row in rows]
    complete = None not in values
    if not complete:
        values = [_MISSING if value is None else value for value in values]
    match column.type:
        case "integer" if complete:
            return np.array(values, dtype="int64")
        case "integer" | "number":
            return np.array(values, dtype="float64")
        case "boolean" if complete:
            return np.array(values, dtype="bool")
        case "string":
            return pd.Series(values, dtype=_TEXT)
    return pd.Series(values, dtype="object")
