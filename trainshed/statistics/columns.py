"""Columns of a predictions file, kept small: few distinct texts become codes, others numbers.

A column takes 4 or 8 bytes a row, whatever its texts are. Each is filled piece by piece, from texts
of a CSV file or values of a Parquet file.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_VALUES = 1_000
"""Distinct texts of a column that is no number; a column with more is no label and no slice."""
LONGEST_ID = 128  # bytes: an array of ids is as wide as the longest of them
_LONGEST_SHOWN = 200

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
Rows = NDArray[np.intp]
Ids = NDArray[np.bytes_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Texts:
    """A column of few distinct texts: each row's text is `values[codes[row]]`."""

    codes: Codes
    values: tuple[str, ...]

    def take(self, rows: Rows) -> "Texts":
        return Texts(codes=self.codes[rows], values=self.values)

    @property
    def numbers(self) -> Floats | None:
        """Each row as a number; None when a text is none."""
        found = [number_of(value) for value in self.values]
        if not all(math.isfinite(number) for number in found):
            return None
        return np.array(found, dtype=np.float64)[self.codes]


@dataclass(frozen=True, kw_only=True, eq=False)
class Numbers:
    """A column of many distinct numbers; where it is a slice they may be NaN, for no value."""

    numbers: Floats

    def take(self, rows: Rows) -> "Numbers":
        return Numbers(numbers=self.numbers[rows])


Column = Texts | Numbers


class NotAColumn(ValueError):
    """A value does not fit; `row` counts from 0 at the first row, and the message says why."""

    def __init__(self, problem: str, *, row: int) -> None:
        super().__init__(problem)
        self.row = row


class Growing:
    """A column of labels or of a slice, as it is read."""

    def __init__(self) -> None:
        self._codes: list[Codes] = []
        self._table: dict[str, int] = {}
        self._numbers: list[Floats] | None = None
        self._rows = 0
        self.problem: NotAColumn | None = None
        """Why it is no column; what comes after that is not kept."""

    def add(self, values: Sequence[Any]) -> None:
        if self.problem is None:
            self._add([value if type(value) is str else _text(value) for value in values])
        self._rows += len(values)

    def finish(self) -> Column:
        if self._numbers is not None:
            return Numbers(numbers=np.concatenate(self._numbers))
        return Texts(codes=np.concatenate(self._codes), values=tuple(self._table))

    def _add(self, texts: list[str]) -> None:
        if self._numbers is None:
            for text in dict.fromkeys(texts):
                self._table.setdefault(text, len(self._table))
            codes = map(self._table.__getitem__, texts)
            self._codes.append(np.fromiter(codes, np.int32, len(texts)))
            if len(self._table) > MOST_VALUES:
                self._turn_to_numbers()
        else:
            numbers = np.fromiter(map(number_of, texts), np.float64, len(texts))
            self._check(numbers, texts)
            self._numbers.append(numbers)

    def _turn_to_numbers(self) -> None:
        values = list(self._table)
        numbers = np.array([number_of(text) for text in values])
        codes = np.concatenate(self._codes)
        self._check(numbers, values)
        self._numbers, self._codes, self._table = [numbers[codes]], [], {}

    def _check(self, numbers: Floats, texts: Sequence[str]) -> None:
        strange = np.flatnonzero(~np.isfinite(numbers)).tolist()
        empty = ("", "nan", "NaN")
        for place in strange:
            if texts[place] not in empty:
                problem = f"has more than {MOST_VALUES:,} different values, and {texts[place]!r} "
                self.problem = NotAColumn(f"{problem}is no number", row=self._rows + place)
                return


class GrowingScores:
    """A column of scores, as it is read: finite numbers, nothing else."""

    def __init__(self) -> None:
        self._parts: list[Floats] = []
        self._rows = 0

    def add(self, values: Sequence[Any]) -> None:
        """Raise NotAColumn at the first value that is not a finite number."""
        part = np.fromiter(map(number_of, values), np.float64, len(values))
        strange = np.flatnonzero(~np.isfinite(part))
        if strange.size:
            at = int(strange[0])
            raise NotAColumn(f"holds {values[at]!r}", row=self._rows + at)
        self._parts.append(part)
        self._rows += len(values)

    def finish(self) -> Floats:
        return np.concatenate(self._parts)


class GrowingIds:
    """The column of row ids, as it is read: UTF-8, as wide as the longest."""

    def __init__(self) -> None:
        self._parts: list[Ids] = []
        self._rows = 0

    def add(self, values: Sequence[Any]) -> None:
        """Raise NotAColumn at an id that is empty or too long."""
        encoded = [str(value).encode(errors="surrogateescape") for value in values]
        part = np.array(encoded, dtype=np.bytes_)
        if part.dtype.itemsize > LONGEST_ID:
            at = next(at for at, one in enumerate(encoded) if len(one) > LONGEST_ID)
            raise NotAColumn(f"is longer than {LONGEST_ID} bytes", row=self._rows + at)
        empty = np.flatnonzero(part == b"")
        if empty.size:
            raise NotAColumn("is empty", row=self._rows + int(empty[0]))
        self._parts.append(part)
        self._rows += len(values)

    def finish(self) -> Ids:
        return np.concatenate(self._parts)


def number_of(value: Any) -> float:
    """Return a value as a number; NaN when it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def shown(text: str) -> str:
    """Return a text of the data as facts keep it: cut, because a cell may be a book."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
