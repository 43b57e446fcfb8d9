import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainshed.drift import changes, data
from trainshed.drift import table as tables
from trainshed.drift.changes import Changes
from trainshed.drift.table import TableCannotBeRead

TABLE = st.dictionaries(st.integers(0, 9).map(str), st.sampled_from("abc"), max_size=10)


def write(path: Path, rows: Sequence[Sequence[object]], header: str = "id,x") -> Path:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(before=TABLE, after=TABLE)
def test_rows_are_compared_by_their_key(
    tmp_path: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    found = changes.between(
        tables.look_at(write(tmp_path / "before.csv", list(before.items()))),
        tables.look_at(write(tmp_path / "after.csv", [*reversed(after.items())])),
        key=["id"],
    )

    both = before.keys() & after.keys()
    same = sum(before[key] == after[key] for key in both)
    assert found == Changes(
        added=len(after.keys() - both),
        removed=len(before.keys() - both),
        changed=len(both) - same,
        same=same,
        ambiguous=0,
    )


def test_a_key_that_is_there_twice_is_counted_apart(tmp_path: Path) -> None:
    found = changes.between(
        tables.look_at(write(tmp_path / "a.csv", [[1, "a"], [1, "a"], [2, "b"], [3, "c"]])),
        tables.look_at(write(tmp_path / "b.csv", [[1, "a"], [2, "b"], [4, "d"], [4, "d"]])),
        key=["id"],
    )

    assert found == Changes(added=0, removed=1, changed=0, same=1, ambiguous=2)


def test_columns_left_out_or_of_one_table_alone_change_no_row(tmp_path: Path) -> None:
    one = tables.look_at(write(tmp_path / "a.csv", [[1, "a", "monday", 5]], "id,x,exported,old"))
    other = tables.look_at(write(tmp_path / "b.csv", [["a", "friday", 7, 1]], "x,exported,new,id"))

    assert changes.between(one, other, key=["id"], without=["exported"]).same == 1
    assert changes.between(one, other, key=["id"]).changed == 1
    with pytest.raises(TableCannotBeRead, match="has no column number; it has: id, x"):
        changes.between(one, other, key=["number"])


def test_all_of_two_tables_is_told(tmp_path: Path) -> None:
    before = write(tmp_path / "a.csv", [[at, "no" if at % 4 else "yes"] for at in range(100)])
    after = write(tmp_path / "b.csv", [[at, "no" if at % 2 else "yes"] for at in range(50, 150)])
    found = data.between(before, after, target="x", key=["id"])

    assert found.rows is not None
    assert (found.rows.added, found.rows.removed) == (63, 63)
    assert found.changes == Changes(added=50, removed=50, changed=13, same=37, ambiguous=0)
    assert [one.name for one in found.columns.drifted] == ["x"]
    assert found.columns.balance is not None
    assert [(one.name, one.before) for one in found.columns.balance.shares] == [
        ("no", 0.75), ("yes", 0.25),
    ]  # fmt: skip
    assert [one.distinct for one in found.duplicates] == [2, 2]


def test_of_folders_rows_are_not_compared_by_content(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name / "a.csv", [[1, "a"], [2, "b"]])
    found = data.between(tmp_path / "one", tmp_path / "two")

    assert (found.rows, found.changes) == (None, None)
    assert found.why_not == "only CSV files are compared row by row"
    assert found.columns.rows == (2, 2)


def test_a_private_column_is_told_without_its_values(tmp_path: Path) -> None:
    before = write(tmp_path / "a.csv", [[at, "secret-1"] for at in range(50)])
    after = write(tmp_path / "b.csv", [[at, "secret-2"] for at in range(50)])
    found = data.between(before, after, target="x", key=["id"], private=["x"])

    assert "secret" not in repr(found)
    assert [one.name for one in found.columns.drifted] == ["x"]
