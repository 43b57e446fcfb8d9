"""Rows that are there twice: within a table, and in both training and evaluation (leakage).

Two rows are the same when all their cells are, the columns left out aside; a key must be left out,
or every row is unique. Everything is exact, in one pass, in bounded memory.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain

import numpy as np

from trainshed.data_evidence import Duplicates, Leakage
from trainshed.drift import row_digests
from trainshed.drift.row_digests import Tagged
from trainshed.drift.table import Table, TableCannotBeRead
from trainshed.errors import ConfigurationError

LIMIT = 0.01
"""The share of evaluation rows above which leakage is an error. Where columns are few and coarse,
honest rows repeat too: then a project may set its own.
"""
SHOWN = 10

Row = tuple[str, ...]


class EvaluationWasTrainedOn(ConfigurationError):
    """Too many rows of the evaluation are also trained on, so metrics flatter the model."""


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


def require(found: Leakage, *, limit: float = LIMIT) -> None:
    """Check that evaluation is fair.

    Raises:
        EvaluationWasTrainedOn: more than that share of its rows is in training too.
    """
    if found.share > limit:
        examples = ", ".join(
            f"row {row} (trained on as row {other})" for row, other in found.examples[:3]
        )
        raise EvaluationWasTrainedOn(
            f"{found.rows:,} of {found.evaluated:,} evaluation rows ({found.share:.1%}) are also "
            f"trained on, such as {examples}.",
            fix="Split by content, so that equal rows are on one side, or drop the duplicates.",
        )


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
