"""Golden rows: inputs with the outputs that training saw. Served answers must equal them.

Equal means the same class and `|actual - expected| <= ATOL + RTOL * |expected|` for numbers, one
pair of constants everywhere.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from trainshed.errors import ProgramError

RTOL = 1e-5
ATOL = 1e-5

_NOTHING = object()


class ExamplesCannotBeRead(ProgramError):
    """The file of examples that the trainer wrote is missing or malformed."""


@dataclass(frozen=True, kw_only=True)
class Example:
    input: Mapping[str, Any]
    output: Any


@dataclass(frozen=True, kw_only=True)
class Difference:
    row: int
    expected: Any
    actual: Any


def read(path: Path, *, limit: int | None = None) -> tuple[Example, ...]:
    """Read a file of JSON lines `{"input": {...}, "output": ...}`; blank lines do not count."""
    try:
        with path.open(encoding="utf-8") as lines:
            filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
            return tuple(_example(path, number, line) for number, line in islice(filled, limit))
    except (OSError, UnicodeDecodeError) as error:
        raise ExamplesCannotBeRead(
            f"{path}: cannot be read as text: {error}.",
            fix="Make the training program write the file that its `examples=` line names.",
        ) from None


def equal(expected: Any, actual: Any) -> bool:
    """Compare two JSON values. A bare expected output is compared with an answer's prediction."""
    if not isinstance(expected, Mapping) and isinstance(actual, Mapping) and "prediction" in actual:
        return _equal(expected, actual["prediction"])
    return _equal(expected, actual)


def differences(examples: Sequence[Example], answers: Sequence[Any]) -> tuple[Difference, ...]:
    """Compare row by row; an answer too few or too many is a difference, with None in its place."""
    return tuple(_differences(examples, answers))


def _differences(examples: Sequence[Example], answers: Sequence[Any]) -> Iterable[Difference]:
    outputs = (example.output for example in examples)
    for row, (expected, actual) in enumerate(zip_longest(outputs, answers, fillvalue=_NOTHING)):
        if not equal(expected, actual):
            yield Difference(row=row, expected=_shown(expected), actual=_shown(actual))


def _equal(expected: Any, actual: Any) -> bool:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and all(
            _equal(value, actual[key]) for key, value in expected.items()
        )
    if isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        return len(expected) == len(actual) and all(map(_equal, expected, actual))
    if _is_number(expected) and _is_number(actual):
        return _close(expected, actual)
    return type(expected) is type(actual) and bool(expected == actual)


def _close(expected: float, actual: float) -> bool:
    if expected == actual:
        return True
    if isinstance(expected, int) and isinstance(actual, int):
        return False  # two labels, or two counts
    return abs(actual - expected) <= ATOL + RTOL * abs(expected) < float("inf")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> Any:
    return None if value is _NOTHING else value


def _example(path: Path, number: int, line: str) -> Example:
    try:
        content = json.loads(line)
        return Example(input=dict(content["input"]), output=content["output"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ExamplesCannotBeRead(
            f"{path}, line {number}: is not an example.",
            fix='Write one JSON object a line: {"input": {"column": value, …}, "output": …}.',
        ) from None
