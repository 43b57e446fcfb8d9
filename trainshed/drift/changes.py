"""Rows that were added, removed or changed between two tables that have a key.

Exact for keys; that a row changed is told by 63 bits of its content's digest. Both tables are read
once, in bounded memory.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from trainshed.data_evidence import Changes
from trainshed.drift import row_digests
from trainshed.drift.arrays import Array, Integers
from trainshed.drift.row_digests import Tagged
from trainshed.drift.table import Table


def between(
    before: Table, after: Table, *, key: Sequence[str], without: Collection[str] = ()
) -> Changes:
    """Compare two tables by key; apart from it, by the columns that both have.

    Args:
        key: columns whose cells together name a row.
        without: columns that do not count, such as the time of an export.
    """
    compared = sorted((set(before.header) & set(after.header)) - {*without, *key})

    def tagged() -> Iterator[Tagged]:
        for side, table in enumerate((before, after)):
            yield from _tagged(table, side, key=key, compared=compared)

    counts = np.zeros(5, np.int64)
    for tags, starts in row_digests.grouped(tagged()):
        counts += _counted(tags, starts)
    added, removed, changed, same, ambiguous = counts.tolist()
    return Changes(added=added, removed=removed, changed=changed, same=same, ambiguous=ambiguous)


def _tagged(
    table: Table, side: int, *, key: Sequence[str], compared: Sequence[str]
) -> Iterator[Tagged]:
    for row in table.rows([*key, *compared]):
        content = int.from_bytes(row_digests.of(row[len(key) :])[:8], "little")
        yield row_digests.of(row[: len(key)]), content >> 1 << 1 | side


def _counted(tags: Array, starts: Array) -> Integers:
    """Count groups of equal keys: added, removed, changed, same, ambiguous."""
    sizes = np.diff(np.append(starts, len(tags)))
    sides = (tags & np.uint64(1)).astype(np.int64)
    later = np.add.reduceat(sides, starts)
    pairs = starts[(sizes == 2) & (later == 1)]
    is_same = tags[pairs] >> np.uint64(1) == tags[pairs + 1] >> np.uint64(1)
    return np.array(
        [
            ((sizes == 1) & (later == 1)).sum(),
            ((sizes == 1) & (later == 0)).sum(),
            (~is_same).sum(),
            is_same.sum(),
            ((sizes > 2) | ((sizes == 2) & (later != 1))).sum(),
        ],
        np.int64,
    )
