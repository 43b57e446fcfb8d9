"""All that two tables on the disk differ in: rows, columns, distributions, duplicates, balance."""

from collections.abc import Collection, Sequence
from pathlib import Path

from trainshed import data_diff
from trainshed.data_diff import NotATable
from trainshed.data_evidence import DataDifference, Rows
from trainshed.drift import changes, difference, leakage, profile, table


def between(
    before: Path,
    after: Path,
    *,
    target: str | None = None,
    key: Sequence[str] = (),
    private: Collection[str] = (),
) -> DataDifference:
    """Compare two tables: CSV files, or folders of them. Each is read a few times over.

    Args:
        target: the column to predict.
        key: columns that name a row: they cannot drift.
        private: columns of which no value may be told.

    Raises:
        TableCannotBeRead: one is no table, or has not the key.
    """
    tables = table.look_at(before), table.look_at(after)
    rows, why_not = _rows(before, after)
    return DataDifference(
        rows=rows,
        why_not=why_not,
        changes=changes.between(*tables, key=key) if key else None,
        columns=difference.between(
            profile.of(before, private=private, without=key),
            profile.of(after, private=private, without=key),
            target=target,
        ),
        duplicates=(
            leakage.duplicates(tables[0], without=key),
            leakage.duplicates(tables[1], without=key),
        ),
    )


def _rows(before: Path, after: Path) -> tuple[Rows | None, str]:
    try:
        return data_diff.compare_tables(before, after), ""
    except NotATable as error:
        return None, str(error)
