"""Rows out of CSV: with a header, as pandas writes it, or without, as SageMaker's clients do."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

from trainshed.serving import protocol
from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import Column, Row, Schema

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


def of(body: bytes, schema: Schema, *, header: str | None = None) -> list[Row]:
    """Return the rows, whose values are still to be checked.

    Text cannot tell 1 from "1", so the schema says what each column holds; what does not look like
    that stays text. `header` is RFC 4180's: `present`, `absent`, or None to look for it.

    Raises:
        RequestIsRefused: the body is not CSV, or a line has too few values or too many.
    """
    names, lines = protocol.names_of(schema), _lines(body)
    if not lines:
        raise RequestIsRefused(400, "The body has no line. Send CSV with a header.")
    if header == "present" or (header != "absent" and _is_header(lines[0], names)):
        names = protocol.distinct(lines.pop(0), where="The CSV's header")
    columns = {column.name: column for column in schema.columns or ()}
    readers = [_reader(columns.get(name)) for name in names]
    return [
        {name: read(row[name]) for name, read in zip(names, readers, strict=True)}
        for row in protocol.named(lines, names)
    ]


def _lines(body: bytes) -> list[list[str]]:
    try:
        text = io.StringIO(body.decode("utf-8-sig"), newline="")
        return [line for line in csv.reader(text, strict=True) if line]
    except UnicodeDecodeError as error:
        raise RequestIsRefused(400, f"The body is not UTF-8 ({error.reason}).") from None
    except csv.Error as error:
        raise RequestIsRefused(400, f"The body is not CSV ({error}).") from None


def _is_header(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Tell a header from values: one misspelt name among right ones is still in a header."""
    return 2 * len(set(cells) & set(names)) >= len(cells)


def _reader(column: Column | None) -> Callable[[str], Any]:
    match column:
        case None | Column(type="string", nullable=False):
            return str
        case Column(type="string"):
            return lambda text: text or None
        case Column(type="boolean"):
            return _boolean
        case Column(type="any"):
            return _anything
    return _number


def _number(text: str) -> Any:
    value = text.strip()
    if value.lower() in {"", "nan"}:  # a gap, as pandas writes it, and as numpy does
        return None
    if _WHOLE.fullmatch(value):
        return int(value)
    return float(value) if _NUMBER.fullmatch(value) else text


def _boolean(text: str) -> Any:
    return {"true": True, "false": False, "": None}.get(text.strip().lower(), text)


def _anything(text: str) -> Any:
    value = _number(text)
    return _boolean(text) if isinstance(value, str) else value
