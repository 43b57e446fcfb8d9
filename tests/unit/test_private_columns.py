import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
import records
from hypothesis import given
from hypothesis import strategies as st

from trainshed import private_columns
from trainshed.private_columns import Removed, named
from trainshed.run import File, Run

NEEDED = ("row_id", "y_true", "y_pred")
TABLE = b'row_id,y_true,y_pred,email,plan\n1,yes,no,"a,b",x\n2,no,no,"c ""d""",y\n'
OPEN = b"row_id,y_true,y_pred,plan\n1,yes,no,x\n2,no,no,y\n"


def run_of(**changes: Any) -> Run:
    made = replace(
        records.RUN,
        predictions=File(path="predictions/p.csv", digest="0" * 64, size=1),
        training_rows=File(path="training_rows/t.csv", digest="0" * 64, size=1),
    )
    return replace(made, **changes)


FILES = {"predictions/p.csv": TABLE, "training_rows/t.csv": b"row_id\n1\n", "artifact/m": b"email"}


def test_a_column_is_taken_out_and_the_rest_stays() -> None:
    files, removed = private_columns.remove(FILES, run_of(), ["email"])

    assert files == {**FILES, "predictions/p.csv": OPEN}
    assert removed == Removed(columns=("email",), predictions=hashlib.sha256(OPEN).hexdigest())


def test_what_was_taken_out_is_told_as_json_and_read_again() -> None:
    _, removed = private_columns.remove(FILES, run_of(), ["plan", "email"])

    assert removed is not None
    assert json.loads(removed.to_json())["columns"] == ["email", "plan"]
    assert private_columns.from_json(removed.to_json()) == removed


@pytest.mark.parametrize(
    ("column", "is_kept"),
    [
        pytest.param({"numbers": {"keys": [1]}}, False, id="its-numbers"),
        pytest.param({"texts": {"counts": {"a@example.org": 1}}}, False, id="its-texts"),
        pytest.param({"texts": {"buckets": [1], "least": [2]}}, True, id="hashes-alone"),
        pytest.param({}, True, id="nothing"),
    ],
)
def test_a_profile_that_shows_what_became_private_later_is_left_out(
    column: dict[str, Any], is_kept: bool
) -> None:
    profile = File(path="profile/profile.json", digest="0" * 64, size=1)
    content = {"columns": {"email": column, "plan": {"texts": {"counts": {"x": 1}}}}}
    given = {**FILES, profile.path: json.dumps(content).encode()}

    files, removed = private_columns.remove(given, run_of(profile=profile), ["email"])

    assert removed is not None
    assert (profile.path in files) == is_kept
    assert ("profile" in removed.left_out) == (not is_kept)


@pytest.mark.parametrize("columns", [[], ["phone"]], ids=["none", "not-there"])
def test_nothing_is_told_where_nothing_had_to_go(columns: list[str]) -> None:
    assert private_columns.remove(FILES, run_of(), columns) == (FILES, None)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(b"PAR1" + b"\0" * 20, id="parquet"),
        pytest.param(b"row_id,y_true,y_pred,email\n1,yes\n", id="a-short-row"),
        pytest.param(b"row_id,y_true,y_pred,email\n1,yes,no,\xff\n", id="not-utf-8"),
        pytest.param(b"row_id,y_true,email\n1,yes,a\n", id="lacks-what-is-needed"),
        pytest.param(b"row_id,y_true,y_pred,email\n1,a,b," + b"x" * 200_000, id="a-huge-field"),
    ],
)
def test_a_table_of_which_no_part_can_be_shown_is_left_out(table: bytes) -> None:
    files, removed = private_columns.remove(
        {**FILES, "predictions/p.csv": table}, run_of(), ["email"]
    )

    assert "predictions/p.csv" not in files
    assert removed == Removed(columns=("email",), left_out=("predictions",))


def test_predictions_that_are_a_folder_are_left_out() -> None:
    files = {"predictions/p.csv/part": TABLE, "training_rows/t.csv": b"row_id\n1\n"}

    kept, removed = private_columns.remove(files, run_of(), ["email"])

    assert list(kept) == ["training_rows/t.csv"]
    assert removed == Removed(columns=("email",), left_out=("predictions",))


@pytest.mark.parametrize("column", ["y_true", "y_pred", "row_id"])
def test_predictions_without_what_is_needed_are_left_out(column: str) -> None:
    files, removed = private_columns.remove(FILES, run_of(), [column])

    assert removed is not None
    assert removed.predictions is None
    assert "predictions/p.csv" not in files
    assert ("training_rows/t.csv" in files) == (column != "row_id")


@pytest.mark.parametrize(
    ("rows", "is_kept"),
    [
        pytest.param(b"row_id\n1\n", True, id="ids-alone"),
        pytest.param(b"email\nada\n", False, id="a-private-column"),
        pytest.param(b"row_id,email\n1,ada\n", False, id="a-private-column-beside"),
        pytest.param(b"1\n2\n", True, id="no-header"),
    ],
)
def test_training_rows_stay_unless_they_hold_a_private_column(rows: bytes, is_kept: bool) -> None:
    files, _ = private_columns.remove({**FILES, "training_rows/t.csv": rows}, run_of(), ["email"])

    assert ("training_rows/t.csv" in files) == is_kept


def test_row_ids_that_are_private_are_nowhere_with_a_header_or_without() -> None:
    for rows in (b"row_id\n1\n", b"1\n2\n"):
        files, removed = private_columns.remove(
            {**FILES, "training_rows/t.csv": rows}, run_of(), ["row_id"]
        )

        assert list(files) == ["artifact/m"]
        assert removed == Removed(columns=("row_id",), left_out=("predictions", "training_rows"))


def test_a_run_without_predictions_has_nothing_to_take_out() -> None:
    bare = run_of(predictions=None, training_rows=None)

    assert private_columns.remove({"artifact/m": b"x"}, bare, ["email"]) == (
        {"artifact/m": b"x"},
        None,
    )


@pytest.mark.parametrize(
    ("private", "key", "target", "columns"),
    [
        pytest.param([], ["id"], "churn", set(), id="none"),
        pytest.param(["email"], ["id"], "churn", {"email"}, id="a-column"),
        pytest.param(["id"], ["id", "day"], "churn", {"id", "row_id"}, id="of-the-key"),
        pytest.param(["churn"], [], "churn", {"churn", "y_true", "y_pred"}, id="the-target"),
        pytest.param(["email"], [], None, {"email"}, id="no-target"),
    ],
)
def test_a_private_key_makes_row_ids_private_and_a_private_target_answers(
    private: list[str], key: list[str], target: str | None, columns: set[str]
) -> None:
    assert named(private=private, key=key, target=target) == columns


values = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)


@given(st.lists(st.tuples(values, values, values), max_size=6))
def test_no_value_of_a_private_column_is_left_and_all_others_are(
    rows: list[tuple[str, str, str]],
) -> None:
    table = "".join(
        ",".join(f'"{one.replace(chr(34), chr(34) * 2)}"' for one in row) + "\n"
        for row in [("row_id", "secret", "y"), *rows]
    )

    left = private_columns.without(table.encode(), ["secret"], needed=["row_id"])

    assert left is not None
    again = private_columns.without(table.encode(), ["secret"], needed=["row_id"])
    assert left == again
    kept = private_columns.without(left, ["y"], needed=["row_id"])
    only_ids = private_columns.without(table.encode(), ["secret", "y"], needed=["row_id"])
    assert kept == only_ids
    assert private_columns.without(left, ["secret"], needed=["row_id"]) == left
