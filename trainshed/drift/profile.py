"""The profile of a table: what its columns held, in bounded space, made in one pass.

Profiles merge exactly: in whatever order and grouping parts are merged, the profile is, to the last
bit of its JSON, the one that a single pass over all rows makes. So ten servers may each keep their
own. How exact a profile is itself, `trainshed.drift.numbers` and `trainshed.drift.texts` say.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainshed.drift import column, table
from trainshed.drift.column import Column, Limits
from trainshed.drift.table import Chunk, Table, TableCannotBeRead
from trainshed.errors import ConfigurationError

_BUCKETS = 2_048
_CATEGORIES = 1_000
_FEWEST = 64
_ALL = 1 << 18
"""Buckets of all columns together: past 128 columns, each has fewer."""


class ProfilesHaveOtherColumns(ConfigurationError):
    """Two profiles cannot be merged: they are of tables with different columns."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    rows: int
    columns: Mapping[str, Column]
    """Sorted by name: the order of a table's columns does not count."""


def of(
    path: Path,
    *,
    private: Collection[str] = (),
    without: Collection[str] = (),
    source: str | None = None,
) -> Profile:
    """Profile a CSV file, or all of a folder.

    Args:
        private: columns of which no value may be kept: they are profiled by hashes alone.
        without: columns that are left out, such as a key.
        source: how errors name it.

    Raises:
        TableCannotBeRead: it is no table, or not one throughout.
    """
    found = table.look_at(path, source=source)
    return of_chunks(found, found.chunks(), private=private, without=without)


def of_chunks(
    found: Table, chunks: Iterable[Chunk], *, private: Collection[str], without: Collection[str]
) -> Profile:
    """Profile some of a table's chunks."""
    limits = limits_of(len(found.header))
    kept = sorted((name, at) for at, name in enumerate(found.header) if name not in without)
    if not kept:
        raise TableCannotBeRead(
            f"{found.source} has no column that could be profiled.",
            fix="Leave fewer columns out, or give a table with more.",
        )
    columns = {name: column.of((), limits, is_private=name in private) for name, _ in kept}
    rows = 0
    for chunk in chunks:
        rows += len(chunk[0])
        for name, at in kept:
            so_far = columns[name]
            level = so_far.numbers.level
            more = column.of(chunk[at], limits, is_private=name in private, level=level)
            columns[name] = column.merge(so_far, more)
    return Profile(rows=rows, columns=columns)


def merge(first: Profile, second: Profile) -> Profile:
    """Return the profile of both tables together.

    Raises:
        ProfilesHaveOtherColumns: one has a column that the other has not.
    """
    if first.columns.keys() != second.columns.keys():
        odd = ", ".join(sorted(first.columns.keys() ^ second.columns.keys())[:5])
        raise ProfilesHaveOtherColumns(
            f"Two profiles cannot be merged: only one of them has {odd}.",
            fix="Merge profiles of tables with the same columns; compare the others instead.",
        )
    return Profile(
        rows=first.rows + second.rows,
        columns={
            name: column.merge(one, second.columns[name]) for name, one in first.columns.items()
        },
    )


def limits_of(columns: int) -> Limits:
    """Return how large each column's profile may grow in a table of so many columns."""
    share = _ALL // max(columns, 1)
    return Limits(
        buckets=max(_FEWEST, min(_BUCKETS, share)),
        categories=max(_FEWEST, min(_CATEGORIES, share)),
    )
