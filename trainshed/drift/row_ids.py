"""Row ids, one after the other: of the rows that a run answered, and of those it was trained on."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from trainshed.statistics import predictions_file, training_rows
from trainshed.statistics.columns import Ids
from trainshed.statistics.predictions import PredictionsLackColumns

_COLUMN = "row_id"
_SOME = 1 << 14
_OF_CONTENT = re.compile(r"([0-9a-f]{16,})-[0-9]+")


def identity(row_id: str) -> str:
    """Return what two ids of the same row have in common.

    In ids made of content (its hash, then the number of the occurrence) that is the hash: two
    copies of a row are the same row, for whoever asks whether a model has seen it.
    """
    match = _OF_CONTENT.fullmatch(row_id)
    return f"{match[1]}-" if match else row_id


class Evaluated:
    """The ids of a predictions file, in its order, read anew each time."""

    def __init__(self, path: Path, *, source: str) -> None:
        self._path = path
        self._source = source

    def __iter__(self) -> Iterator[str]:
        with predictions_file.opened(self._path, source=self._source) as (header, chunks):
            if _COLUMN not in header:
                raise PredictionsLackColumns(
                    f"{self._source} lack the column {_COLUMN}; they have: {', '.join(header)}.",
                    fix="Write row_id, y_true and y_pred for every evaluation row.",
                )
            at = header.index(_COLUMN)
            for chunk in chunks:
                yield from map(str, chunk[at])

    def named(self, numbers: Collection[int]) -> Mapping[int, str]:
        """Return the ids of some rows, by their numbers (from 1)."""
        return {number: row_id for number, row_id in enumerate(self, 1) if number in numbers}


class Trained:
    """The ids of a file of training rows: each once, in their own order."""

    def __init__(self, path: Path, *, source: str) -> None:
        self._ids: Ids = training_rows.read(path, source=source)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self._ids), _SOME):
            yield from (_text(one) for one in self._ids[start : start + _SOME].tolist())

    def named(self, number: int) -> str:
        """Return the id of a row, by its number (from 1)."""
        return _text(self._ids[number - 1])


def _text(row_id: bytes) -> str:
    return row_id.decode(errors="surrogateescape")
