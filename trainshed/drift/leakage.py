"""Rows that are there twice: within a table, and in both training and evaluation (leakage).

Two rows are the same when all their cells are, the columns left out aside; a key must be left out,
or every row is unique. Everything is exact, in one pass, in bounded memory.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from trainshed.data_evidence import Duplicates, Leakage
from trainshed.drift import row_digests, row_ids, table
from trainshed.drift.arrays import Array
from trainshed.drift.row_digests import Tagged
from trainshed.drift.table import Table, TableCannotBeRead
from trainshed.question import Leaking

SHOWN = 10

Row = tuple[str, ...]


def between(training: Table, evaluation: Table, *, without: Collection[str] = ()) -> Leakage:
    """Find leakage between two tables, by the columns that both have.

    Args:
        without: columns that do not count, such as the key.
    """
    shared = [name for name in training.header if name in set(evaluation.header)]
    names = _counting(shared, without, f"{training.source} and {evaluation.source} have")
    sides = (
        ((row, is_evaluation) for row in table.rows(names))
        for table, is_evaluation in ((training, False), (evaluation, True))
    )
    return _find(chain.from_iterable(sides))


def within(
    table: Table, is_evaluation: Callable[[Row], bool], *, without: Collection[str] = ()
) -> Leakage:
    """Find leakage within a table that training splits.

    Args:
        is_evaluation: says of a row, all its cells in the header's order, which side it is on.
        without: columns that do not count, such as the key.
    """
    places = table.places(_counting(table.header, without, f"{table.source} has"))
    rows = (
        (tuple([row[at] for at in places]), is_evaluation(row)) for row in table.rows(table.header)
    )
    return _find(rows, is_one_table=True)


def duplicates(table: Table, *, without: Collection[str] = ()) -> Duplicates:
    """Count the rows of a table, and its distinct ones."""
    names = _counting(table.header, without, f"{table.source} has")
    tagged = ((row_digests.of(row), 0) for row in table.rows(names))
    rows = distinct = 0
    for tags, starts in row_digests.grouped(tagged):
        rows += len(tags)
        distinct += len(starts)
    return Duplicates(rows=rows, distinct=distinct)


def of_run(question: Leaking) -> Leakage:
    """Find the rows that a run evaluated and was trained on, by their ids.

    Where the table is given, and its key of one column holds the ids, a row counts as well when its
    content is that of a row of training. Files are read a few times over; in memory are some bytes
    for each of their rows.

    Raises:
        TrainingRowsCannotBeRead, PredictionsCannotBeRead, PredictionsLackColumns: there are no ids.
        TableCannotBeRead: the table is none, or has not the key.
    """
    of = question.source
    trained = row_ids.Trained(Path(question.training_rows), source=f"The training rows of {of}")
    evaluated = row_ids.Evaluated(Path(question.predictions), source=f"The predictions of {of}")
    if question.data is None or len(question.key) != 1:
        sides = _by_id(trained, evaluated, ())
    else:
        found = table.look_at(Path(question.data))
        sides = _by_id(trained, evaluated, (row[0] for row in found.rows(question.key)))
        _add_by_content(sides, found, without=question.key)
    leaking = np.flatnonzero(sides.leaks)
    shown = leaking[:SHOWN].tolist()
    names = evaluated.named(set(shown))
    return Leakage(
        rows=len(leaking),
        evaluated=len(sides.leaks) - 1,
        examples=tuple((names[one], trained.named(int(sides.leaks[one]))) for one in shown),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sides:
    """Where rows stand, by their number (from 1); 0: nowhere."""

    leaks: Array
    """By row of the evaluation: an equal row of training."""
    trained: Array
    """By row of the table: itself among the rows of training."""
    evaluated: Array
    """By row of the table: itself among those of the evaluation."""


def _by_id(*sources: Iterable[str]) -> _Sides:
    """Match ids of training, of the evaluation and of the table."""
    counts = [0, 0, 0]

    def tagged() -> Iterator[Tagged]:
        for kind, ids in enumerate(sources):
            for number, row_id in enumerate(ids, 1):
                counts[kind] = number
                yield row_digests.of([row_ids.identity(row_id)]), number << 2 | kind

    parts = row_digests.grouped(tagged())
    first = next(parts, None)  # all rows have been read when it comes
    _, evaluated, stored = counts
    sides = _Sides(
        leaks=np.zeros(evaluated + 1, np.uint32),
        trained=np.zeros(stored + 1, np.uint32),
        evaluated=np.zeros(stored + 1, np.uint32),
    )
    for tags, starts in chain(() if first is None else (first,), parts):
        kinds, numbers = tags & 3, tags >> 2
        by_training = _first(numbers, kinds == 0, starts)
        sides.leaks[numbers[kinds == 1]] = by_training[kinds == 1]
        sides.trained[numbers[kinds == 2]] = by_training[kinds == 2]
        sides.evaluated[numbers[kinds == 2]] = _first(numbers, kinds == 1, starts)[kinds == 2]
    return sides


def _add_by_content(sides: _Sides, found: Table, *, without: Collection[str]) -> None:
    names = [name for name in found.header if name not in without]

    def tagged() -> Iterator[Tagged]:
        for number, row in enumerate(found.rows(names), 1):
            digest = row_digests.of(row)
            if trained := sides.trained.item(number):
                yield digest, trained << 1
            if evaluated := sides.evaluated.item(number):
                yield digest, evaluated << 1 | 1

    for tags, starts in row_digests.grouped(tagged() if names else ()):
        is_evaluated, numbers = (tags & 1).astype(bool), tags >> 1
        by_training = _first(numbers, ~is_evaluated, starts)[is_evaluated]
        leaking = numbers[is_evaluated]
        known = sides.leaks[leaking]
        sides.leaks[leaking] = np.where(known == 0, by_training, known)


def _first(numbers: Array, counts: Array, starts: Array) -> Array:
    """Return for each row the least number in its group that counts; 0 where none does."""
    none = np.iinfo(np.uint64).max
    least = np.minimum.reduceat(np.where(counts, numbers, none), starts)
    sizes = np.diff(np.append(starts, len(numbers)))
    return np.repeat(np.where(least == none, 0, least), sizes)


def _counting(names: Iterable[str], without: Collection[str], whose: str) -> list[str]:
    kept = [name for name in names if name not in without]
    if not kept:
        in_common = " in common" if whose.endswith("have") else ""
        raise TableCannotBeRead(
            f"{whose} no column{in_common} by which rows could be told apart.",
            fix="Leave fewer columns out, or give tables of the same columns.",
        )
    return kept


def _find(rows: Iterable[tuple[Row, bool]], *, is_one_table: bool = False) -> Leakage:
    leaked = evaluated = 0
    examples: list[tuple[int, int]] = []
    for tags, starts in row_digests.grouped(_tagged(rows, is_one_table=is_one_table)):
        sides, numbers = tags & 1, tags >> 1
        ends = np.append(starts[1:], len(tags))
        in_evaluation = np.add.reduceat(sides, starts)
        evaluated += int(in_evaluation.sum())
        is_leak = (in_evaluation > 0) & (in_evaluation < ends - starts)
        leaked += int(in_evaluation[is_leak].sum())
        for start, end in zip(starts[is_leak], ends[is_leak], strict=True):
            trained = int(numbers[start:end][sides[start:end] == 0].min())
            examples += ((int(row), trained) for row in numbers[start:end][sides[start:end] == 1])
            examples = sorted(examples)[:SHOWN]
    shown = tuple((str(row), str(trained)) for row, trained in examples)
    return Leakage(rows=leaked, evaluated=evaluated, examples=shown)


def _tagged(rows: Iterable[tuple[Row, bool]], *, is_one_table: bool) -> Iterator[Tagged]:
    counts = [0, 0]
    for row, is_evaluation in rows:
        counts[is_evaluation] += 1
        number = sum(counts) if is_one_table else counts[is_evaluation]
        yield row_digests.of(row), number << 1 | is_evaluation
