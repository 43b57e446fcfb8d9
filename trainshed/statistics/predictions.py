"""The predictions file of a run: one row for each evaluation row, read and checked.

`row_id`, `y_true`, `y_pred`; `y_score`, or `y_score.<class>` for each class; any further column is
a slice. Rows are kept sorted by their id, so their order in the file never matters. 1,000,000 rows
of seven columns are read in some 3 s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainshed.errors import ProgramError
from trainshed.statistics import predictions_file
from trainshed.statistics.columns import (
    Column,
    Floats,
    Growing,
    GrowingIds,
    GrowingScores,
    Ids,
    NotAColumn,
    Numbers,
    Rows,
)

MOST_ROWS = 2_000_000
"""Memory stays under 1 GB up to here, and 10,000 resamples of them still end."""
NEEDED = ("row_id", "y_true", "y_pred")
_SCORE = "y_score"


class PredictionsLackColumns(ProgramError):
    """The predictions file has no `row_id`, `y_true` or `y_pred`, or two columns of one name."""


class PredictionsAreEmpty(ProgramError):
    """The predictions file has a header and no rows."""


class PredictionsAreTooMany(ProgramError):
    """The predictions file has more rows than are compared."""


class RowIdIsNotUnique(ProgramError):
    """Two rows of the predictions have the same `row_id`, or one has none."""


class ScoreIsNotANumber(ProgramError):
    """A score of the predictions is empty, NaN, infinite or no number at all."""


class LabelIsNotALabel(ProgramError):
    """`y_true` or `y_pred` holds nothing, or neither few classes nor numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What a run answered for each evaluation row. Every column has the same order: by row id."""

    source: str
    """How messages name the file."""
    row_id: Ids
    truth: Column
    answer: Column
    score: Floats | None
    """`y_score`: of the positive class."""
    class_scores: Mapping[str, Floats]
    """`y_score.<class>`: of each class."""
    slices: Mapping[str, Column]
    no_slices: Mapping[str, str]
    """Further columns that are none, each with its reason."""

    def __len__(self) -> int:
        return len(self.row_id)

    def take(self, rows: Rows) -> "Predictions":
        return Predictions(
            source=self.source,
            row_id=self.row_id[rows],
            truth=self.truth.take(rows),
            answer=self.answer.take(rows),
            score=None if self.score is None else self.score[rows],
            class_scores={name: one[rows] for name, one in self.class_scores.items()},
            slices={name: one.take(rows) for name, one in self.slices.items()},
            no_slices=self.no_slices,
        )


def read(path: Path, *, source: str | None = None) -> Predictions:
    """Read a predictions file, CSV or (where pyarrow is installed) Parquet.

    Raises:
        PredictionsCannotBeRead, PredictionsLackColumns, PredictionsAreEmpty,
        PredictionsAreTooMany, RowIdIsNotUnique, ScoreIsNotANumber, LabelIsNotALabel.
    """
    reading = _Reading(source or path.name)
    with predictions_file.opened(path, source=reading.source) as (header, chunks):
        reading.begin(header)
        for chunk in chunks:
            reading.add(chunk)
    return reading.finish()


class _Reading:
    """A file as it is read, chunk by chunk: a chunk is a list of columns."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._rows = 0
        self._header: list[str] = []
        self._ids = GrowingIds()
        self._columns: dict[str, Growing] = {}
        self._scores: dict[str, GrowingScores] = {}

    def begin(self, header: list[str]) -> None:
        self._header = header
        lacking = [name for name in NEEDED if name not in header]
        if lacking:
            raise PredictionsLackColumns(
                f"{self.source} has no column {', '.join(lacking)}. It has: {', '.join(header)}.",
                fix="Write row_id, y_true and y_pred for every evaluation row (docs/contract.md).",
            )
        for name in dict.fromkeys(header):
            if _is_score(name):
                self._scores[name] = GrowingScores()
            elif name != "row_id":
                self._columns[name] = Growing()

    def add(self, chunk: list[list[object]]) -> None:
        self._reject_too_many(len(chunk[0]))
        by_name: dict[str, list[object]] = {}
        for name, values in zip(self._header, chunk, strict=True):
            if by_name.setdefault(name, values) != values:
                raise PredictionsLackColumns(
                    f"{self.source} has two columns named {name!r} that differ.",
                    fix="Give each its own name.",
                )
        ids = by_name.pop("row_id")
        try:
            self._ids.add(ids)
        except NotAColumn as error:
            raise RowIdIsNotUnique(
                f"{self.source}: the row_id of row {error.row + 1:,} {error}.",
                fix="Give every row a short name of its own, from the data's key columns.",
            ) from None
        for name, values in by_name.items():
            if name in self._scores:
                self._add_scores(name, values, ids)
            else:
                self._columns[name].add(values)
        self._rows += len(ids)

    def finish(self) -> Predictions:
        if not self._rows:
            raise PredictionsAreEmpty(
                f"{self.source} has a header and no rows.",
                fix="Write one row for each evaluation row, or no predictions= line at all.",
            )
        row_id = self._ids.finish()
        order = np.argsort(row_id, kind="stable")
        row_id = row_id[order]
        self._reject_duplicates(row_id, order)
        truth, answer = (self._label(name).take(order) for name in ("y_true", "y_pred"))
        scores = {name: one.finish()[order] for name, one in self._scores.items()}
        others = {name: one for name, one in self._columns.items() if name not in NEEDED}
        return Predictions(
            source=self.source,
            row_id=row_id,
            truth=truth,
            answer=answer,
            score=scores.pop(_SCORE, None),
            class_scores={name.removeprefix(f"{_SCORE}."): one for name, one in scores.items()},
            slices={
                name: one.finish().take(order)
                for name, one in others.items()
                if one.problem is None
            },
            no_slices={name: str(one.problem) for name, one in others.items() if one.problem},
        )

    def _add_scores(self, name: str, values: list[object], ids: list[object]) -> None:
        try:
            self._scores[name].add(values)
        except NotAColumn as error:
            at = error.row
            raise ScoreIsNotANumber(
                f"{self.source}: {name} {error} in row {at + 1:,} (row_id {ids[at - self._rows]}).",
                fix="A score is a finite number: look at what the model returns for that row.",
            ) from None

    def _label(self, name: str) -> Column:
        growing = self._columns[name]
        problem = growing.problem
        if problem is None:
            column = growing.finish()
            strange = _without_label(column)
            if strange is None:
                return column
            problem = NotAColumn("holds nothing", row=strange)
        raise LabelIsNotALabel(
            f"{self.source}: {name} {problem} (row {problem.row + 1:,}).",
            fix="Write a class for every row (at most 1,000 of them), or a number.",
        )

    def _reject_too_many(self, coming: int) -> None:
        if self._rows + coming > MOST_ROWS:
            raise PredictionsAreTooMany(
                f"{self.source} has more than {MOST_ROWS:,} rows.",
                fix="Write predictions of a fixed sample of the evaluation rows, chosen by row_id.",
            )

    def _reject_duplicates(self, row_id: Ids, order: Rows) -> None:
        same = np.flatnonzero(row_id[1:] == row_id[:-1])
        if same.size:
            first, second = int(order[same[0]]) + 1, int(order[same[0] + 1]) + 1
            raise RowIdIsNotUnique(
                f"{self.source}: rows {first:,} and {second:,} both have the row_id "
                f"{text_of(row_id[same[0]])!r} ({same.size:,} such pairs).",
                fix="Name rows by the data's key columns, or by content and occurrence number.",
            )


def text_of(row_id: bytes) -> str:
    return row_id.decode(errors="surrogateescape")


def _is_score(name: str) -> bool:
    return name == _SCORE or name.startswith(f"{_SCORE}.")


def _without_label(column: Column) -> int | None:
    """Return the first row whose label is empty or NaN."""
    if isinstance(column, Numbers):
        found = np.flatnonzero(np.isnan(column.numbers))
    else:
        empty = [at for at, text in enumerate(column.values) if text.strip() in {"", "nan", "NaN"}]
        found = np.flatnonzero(np.isin(column.codes, empty))
    return int(found[0]) if found.size else None
