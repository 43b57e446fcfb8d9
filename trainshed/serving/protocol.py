"""What the protocols share: a request becomes checked rows, and answers become bytes.

Each protocol is a module of pure functions. `call` reads a request and gives a `Call`, or raises
RequestIsRefused; `refusal` writes that in the protocol's own shape. All of them check rows by the
release's schema, so that a wrong value is named in the same words whichever way it came.
"""

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec

from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import Problem, Row, Schema, shown

JSON = "application/json"

P = ParamSpec("P")

Headers = Iterable[tuple[bytes, bytes]]
"""As ASGI gives them: names in lower case."""


@dataclass(frozen=True, kw_only=True)
class Response:
    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a request asks for."""

    rows: list[Row]
    render: Callable[[Sequence[Any]], Response]
    """Writes one answer per row. Refuses when the model has not got what was asked for."""
    id: str | None = None
    """What the body itself calls the request, as it was sent."""


def shallow(read: Callable[P, Call]) -> Callable[P, Call]:
    """Refuse what is nested more deeply than it can be read, checked or shown."""

    @functools.wraps(read)
    def refusing(*args: P.args, **kwargs: P.kwargs) -> Call:
        try:
            return read(*args, **kwargs)
        except RecursionError:
            raise RequestIsRefused(400, "The body is nested too deeply.") from None

    return refusing


def header(headers: Headers, name: bytes) -> str:
    return dict(headers).get(name, b"").decode("latin-1").strip()


def media_type(value: str) -> tuple[str, dict[str, str]]:
    """Return `text/csv; header=absent` as `("text/csv", {"header": "absent"})`."""
    kind, *parameters = value.lower().split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return kind.strip(), {name.strip(): given.strip().strip('"') for name, _, given in pairs}


def parsed(body: bytes, *, shape: str) -> Any:
    """Return a body's JSON. NaN is null: clients that hold a table of numbers send gaps so."""
    try:
        return json.loads(body, parse_constant=_constant)
    except ValueError as error:
        raise RequestIsRefused(400, f"The body is not JSON ({error}). {shape}") from None


def checked(rows: Sequence[Any], schema: Schema) -> list[Row]:
    """Return the rows, or refuse them and say which value is wrong, as `/predict` does."""
    refuse(_not_objects(rows) or schema.validate(rows))
    return list(rows)


def refuse(problems: Sequence[Problem]) -> None:
    """Raise RequestIsRefused when there is a problem."""
    if problems:
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        raise RequestIsRefused(422, f"{problems[0]}{more}.", problems=tuple(problems))


def named(lists: Iterable[Any], names: Sequence[str]) -> list[Row]:
    """Give the values of each row their columns' names, or refuse rows of another length."""
    rows: list[Row] = []
    problems = []
    for index, given in enumerate(lists):
        values = given if isinstance(given, list) else [given]
        if len(values) == len(names):
            rows.append(dict(zip(names, values, strict=True)))
            continue
        expected, got = f"{len(names)} values", str(len(values))
        problems.append(Problem(row=index, column=None, expected=expected, got=got))
    refuse(problems)
    return rows


def names_of(schema: Schema) -> list[str]:
    """Return the columns' names, in the order that values without names are in."""
    if schema.columns is None:
        raise RequestIsRefused(
            422, "The columns of this release are not known, so values need their names."
        )
    return [column.name for column in schema.columns]


def distinct(names: Any, *, where: str) -> list[str]:
    """Return the names of columns as they were given, or refuse what names no columns."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RequestIsRefused(422, f"{where} should be a list of names.")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise RequestIsRefused(422, f"{where} has these names twice: {', '.join(twice)}.")
    return names


def transposed(columns: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Return columns as rows, or refuse columns of different lengths."""
    sizes = {name: len(values) for name, values in columns.items()}
    if len(set(sizes.values())) > 1:
        most, least = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
        raise RequestIsRefused(
            422,
            f"Columns have different lengths: {most!r} has {sizes[most]} values, {least!r} has "
            f"{sizes[least]}.",
        )
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, values, strict=True)) for values in rows]


def prediction_of(answer: Any) -> Any:
    """Return what was predicted, without its scores."""
    if isinstance(answer, Mapping) and "prediction" in answer:
        return answer["prediction"]
    return answer


def json_response(
    content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    return Response(status=status, body=body, headers=headers or {})


def _not_objects(rows: Sequence[Any]) -> tuple[Problem, ...]:
    return tuple(
        Problem(row=index, column=None, expected="an object", got=shown(row))
        for index, row in enumerate(rows)
        if not isinstance(row, dict)
    )


def _constant(name: str) -> float | None:
    return None if name == "NaN" else float(name)
