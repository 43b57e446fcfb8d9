"""What two predictions files of one run differ in. Values are compared as they are written."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from trainshed.errors import ProgramError
from trainshed.statistics import predictions_file

_Row = tuple[str, str, tuple[str, ...]]
"""Its id, its answer, its scores."""


class PredictionsHaveNoAnswers(ProgramError):
    """A predictions file lacks the column `row_id` or `y_pred`."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    rows: int
    """Rows that both answered."""
    only_first: int = 0
    only_second: int = 0
    """Rows that the other one has no answer for."""
    changed: int = 0
    """Rows with another `y_pred`."""
    rescored: int = 0
    """Rows with another score."""
    largest: float | None = None
    """The largest difference of two scores; None where no numbers differ."""
    columns: tuple[str, ...] = ()
    """Columns of scores that only one of them has."""

    @property
    def are_identical(self) -> bool:
        return not (
            self.only_first or self.only_second or self.changed or self.rescored or self.columns
        )


def differ(first: Path, second: Path) -> Answers:
    """Compare two predictions files, row by row id, wherever in its file a row stands.

    Raises:
        PredictionsCannotBeRead: one is no such file.
        PredictionsHaveNoAnswers: one lacks a column that is needed.
    """
    sources = ("The first training's predictions", "The second training's predictions")
    with (
        predictions_file.opened(first, source=sources[0]) as (one, left),
        predictions_file.opened(second, source=sources[1]) as (two, right),
    ):
        scores = [name for name in _scores(one) if name in two]
        compared = _Compared()
        for pair in zip_longest(
            _rows(one, left, scores, source=sources[0]),
            _rows(two, right, scores, source=sources[1]),
        ):
            compared.take(*pair)
        only_one = tuple(sorted(set(_scores(one)) ^ set(_scores(two))))
        return compared.answers(columns=only_one)


@dataclass
class _Compared:
    """Counts over pairs of rows. In files of one order no row is kept; others wait for theirs."""

    rows: int = 0
    changed: int = 0
    rescored: int = 0
    largest: float | None = None
    _seen: list[int] = field(default_factory=lambda: [0, 0])
    _waiting: tuple[dict[str, _Row], dict[str, _Row]] = field(default_factory=lambda: ({}, {}))

    def take(self, first: _Row | None, second: _Row | None) -> None:
        """Take the next row of each file; None: that one is at its end."""
        for side, row in enumerate((first, second)):
            self._seen[side] += row is not None
        if first is not None and second is not None and first[0] == second[0]:
            self._compare(first, second)
            return
        for side, row in enumerate((first, second)):
            if row is not None:
                self._wait(row, side)

    def answers(self, *, columns: tuple[str, ...]) -> Answers:
        return Answers(
            rows=self.rows,
            only_first=self._seen[0] - self.rows,
            only_second=self._seen[1] - self.rows,
            changed=self.changed,
            rescored=self.rescored,
            largest=self.largest,
            columns=columns,
        )

    def _wait(self, row: _Row, side: int) -> None:
        other = self._waiting[1 - side].pop(row[0], None)
        if other is None:
            self._waiting[side][row[0]] = row
        else:
            self._compare(row, other)

    def _compare(self, first: _Row, second: _Row) -> None:
        self.rows += 1
        self.changed += first[1] != second[1]
        if first[2] == second[2]:
            return
        self.rescored += 1
        known = [] if self.largest is None else [self.largest]
        self.largest = max([*known, *_differences(first[2], second[2])], default=None)


def _scores(header: Sequence[str]) -> list[str]:
    return [name for name in header if name == "y_score" or name.startswith("y_score.")]


def _rows(
    header: Sequence[str], chunks: Iterable[list[list[Any]]], scores: Sequence[str], *, source: str
) -> Iterator[_Row]:
    for name in ("row_id", "y_pred"):
        if name not in header:
            raise PredictionsHaveNoAnswers(
                f"{source} have no column {name}.",
                fix="Write a row of row_id, y_true and y_pred for each evaluation row.",
            )
    places = [header.index(name) for name in ("row_id", "y_pred", *scores)]
    for chunk in chunks:
        for row in zip(*(chunk[place] for place in places), strict=True):
            name, answer, *further = map(str, row)
            yield name, answer, tuple(further)


def _differences(first: Iterable[str], second: Iterable[str]) -> Iterator[float]:
    for one, other in zip(first, second, strict=True):
        try:
            difference = abs(float(one) - float(other))
        except ValueError:  # no numbers: that they differ is told, and no distance
            continue
        if one != other and math.isfinite(difference):
            yield difference
