from pathlib import Path

import pytest

from trainshed.statistics import training_rows
from trainshed.statistics.training_rows import TrainingRowsCannotBeRead


def read(folder: Path, content: str | bytes) -> list[str]:
    path = folder / "rows.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [one.decode() for one in training_rows.read(path, source="rows.csv")]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param("b\na\nb\n", ["a", "b"], id="one-id-a-line"),
        pytest.param("row_id\nb\na\n", ["a", "b"], id="with-a-header"),
        pytest.param('n,row_id\r\n1,"b,c"\r\n2,a\r\n', ["a", "b,c"], id="csv"),
        pytest.param("\ufeffrow_id\na\n\n", ["a"], id="byte-order-mark-and-empty-line"),
        pytest.param("b,c\n", ["b,c"], id="an-id-with-a-comma"),
        pytest.param("é\n", ["é"], id="utf-8"),
        pytest.param("", [], id="empty"),
        pytest.param("row_id\n", [], id="header-only"),
    ],
)
def test_ids_are_read_sorted_and_once(content: str, found: list[str], tmp_path: Path) -> None:
    assert read(tmp_path, content) == found


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("n,row_id\n1,a\n2\n", "its id in row 2 is empty", id="ragged"),
        pytest.param("a\n" + "b" * 129, "row 2 is longer than 128 bytes", id="long"),
        pytest.param(b"a\n\xff\n", "can't decode", id="not-utf-8"),
    ],
)
def test_what_is_no_list_of_ids_is_told(content: str | bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingRowsCannotBeRead, match=problem):
        read(tmp_path, content)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingRowsCannotBeRead, match="No such file"):
        training_rows.read(tmp_path / "none.csv", source="none.csv")
