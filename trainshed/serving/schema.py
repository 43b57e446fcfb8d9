"""The columns that a caller must send, and what is wrong with rows that lack them."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from trainshed.errors import ProgramError

Type = Literal["string", "integer", "number", "boolean", "any"]
Row = Mapping[str, Any]

_SHOWN = 80  # characters of a wrong value that are sent back


class SchemaCannotBeRead(ProgramError):
    """The schema that the trainer wrote is missing or malformed."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One value that cannot be used. Without a column it is the row as a whole."""

    row: int
    column: str | None
    expected: str
    got: str

    def __str__(self) -> str:
        where = f"row {self.row}" + (f", column {self.column!r}" if self.column else "")
        return f"{where}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    type: Type
    nullable: bool = False

    @property
    def expected(self) -> str:
        kind = "a JSON value" if self.type == "any" else self.type
        return f"{kind} or null" if self.nullable else kind


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Columns in the order in which the model was trained; None when nobody has told them."""

    columns: tuple[Column, ...] | None

    def validate(self, rows: Sequence[Row]) -> tuple[Problem, ...]:
        """Return every problem, row by row. Without columns only NaN and Infinity are refused."""
        if self.columns is None:
            return tuple(
                Problem(row=index, column=name, expected="a finite number", got=shown(value))
                for index, row in enumerate(rows)
                for name, value in row.items()
                if not _is_finite(value)
            )
        known = {column.name for column in self.columns}
        return tuple(
            problem
            for index, row in enumerate(rows)
            for problem in _problems(index, row, self.columns, known)
        )


UNKNOWN = Schema(columns=None)


def read(path: Path) -> Schema:
    """Read `{"columns": [{"name": …, "type": …, "nullable"?: …}]}`; other keys are not ours."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Schema(columns=tuple(_column(entry) for entry in content["columns"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SchemaCannotBeRead(
            f"{path}: is not a schema: {type(error).__name__}: {error}.",
            fix='Write {"columns": [{"name": "age", "type": "integer", "nullable": false}, …]}; '
            "a type is string, integer, number or boolean.",
        ) from None


def derived_from(inputs: Sequence[Row]) -> Schema:
    """Guess a schema from example inputs, as loosely as a handful of rows can tell.

    A number may be any number, every column may be null, mixed columns take anything. Inputs that
    do not all have the same columns tell nothing.
    """
    if not inputs or any(row.keys() != inputs[0].keys() for row in inputs):
        return UNKNOWN
    return Schema(
        columns=tuple(
            Column(name=name, type=_common_type([row[name] for row in inputs]), nullable=True)
            for name in inputs[0]
        )
    )


def shown(value: Any) -> str:
    """Return a value as a person may read it in an error: its kind, and the value cut short."""
    match value:
        case None:
            return "null"
        case float() if not math.isfinite(value):
            return str(value)
    text = json.dumps(value, ensure_ascii=False)
    return f"{_kind(value)} {text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}"


def _problems(
    index: int, row: Row, columns: Iterable[Column], known: set[str]
) -> Iterable[Problem]:
    for column in columns:
        if column.name not in row:
            got = "nothing: the column is missing"
        elif not _fits(column, row[column.name]):
            got = shown(row[column.name])
        else:
            continue
        yield Problem(row=index, column=column.name, expected=column.expected, got=got)
    for name, value in row.items():
        if name not in known:
            yield Problem(row=index, column=name, expected="no such column", got=shown(value))


def _fits(column: Column, value: Any) -> bool:
    if value is None:
        return column.nullable
    match column.type:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return _is_number(value)
        case "integer":
            return _is_number(value) and float(value).is_integer() and abs(value) < 2**63
        case "any":
            return _is_finite(value)


def _is_number(value: Any) -> bool:
    """Integers beyond 64 bits are refused: no table of numbers can hold them."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_finite(value: Any) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_is_finite, value))
        case dict():
            return all(map(_is_finite, value.values()))
    return True


def _common_type(values: Iterable[Any]) -> Type:
    kinds = {_kind(value) for value in values if value is not None}
    if kinds and kinds <= {"integer", "number"}:
        return "number"
    if kinds in ({"string"}, {"boolean"}):
        return cast("Type", kinds.pop())
    return "any"


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
    return "object" if isinstance(value, dict) else "array"


def _column(entry: Mapping[str, Any]) -> Column:
    if entry["type"] not in get_args(Type)[:-1]:
        raise ValueError(f"column {entry['name']!r} has the unknown type {entry['type']!r}")
    return Column(
        name=str(entry["name"]), type=entry["type"], nullable=bool(entry.get("nullable", False))
    )
