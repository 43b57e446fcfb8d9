"""What a caller asked for: rows out of a body, and the name of the request."""

import json
import re
import uuid
from collections.abc import Iterable
from typing import Any

from trainshed.serving.schema import Problem, Row, Schema, shown

_SHAPE = 'Send {"rows": [{"column": value, …}, …]}.'
_SANE_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class RequestIsRefused(Exception):
    """The caller must change the request. It becomes an HTTP answer, never an exit code."""

    def __init__(self, status: int, message: str, *, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.problems = problems


def rows_of(body: bytes, schema: Schema) -> list[Row]:
    """Return the rows of a prediction request, or refuse it and say which value is wrong."""
    try:
        rows = _listed_rows(body)
        problems = _not_objects(rows) or schema.validate(rows)
    except RecursionError:
        raise RequestIsRefused(400, f"The body is nested too deeply. {_SHAPE}") from None
    if problems:
        raise RequestIsRefused(422, _summary(problems), problems=problems)
    return rows


def id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the caller's `x-request-id` when it is short and visible ASCII, else a new one."""
    given = dict(headers).get(b"x-request-id", b"")
    return given.decode("ascii") if _SANE_ID.fullmatch(given) else uuid.uuid4().hex


def _listed_rows(body: bytes) -> list[Any]:
    try:
        content = json.loads(body)
    except ValueError as error:
        raise RequestIsRefused(400, f"The body is not JSON ({error}). {_SHAPE}") from None
    rows = content.get("rows") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise RequestIsRefused(422, f"The body has no list of rows. {_SHAPE}")
    unknown = sorted(content.keys() - {"rows"})
    if unknown:
        raise RequestIsRefused(422, f"The body has unknown keys: {', '.join(unknown)}. {_SHAPE}")
    return rows


def _not_objects(rows: list[Any]) -> tuple[Problem, ...]:
    return tuple(
        Problem(row=index, column=None, expected="an object", got=shown(row))
        for index, row in enumerate(rows)
        if not isinstance(row, dict)
    )


def _summary(problems: tuple[Problem, ...]) -> str:
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}."
