from collections.abc import Sequence
from pathlib import Path

import pytest
import repositories
from hypothesis import given
from hypothesis import strategies as st
from repositories import Repo

from trainshed import data_diff
from trainshed.data_diff import DataDiff, Files, NotATable, Rows
from trainshed.manifest import Data


def tables(folder: Path, before: str, after: str, *, suffix: str = ".csv") -> Rows:
    paths = [folder / f"{name}{suffix}" for name in ("before", "after")]
    for path, content in zip(paths, (before, after), strict=True):
        path.write_bytes(content.encode())
    return data_diff.compare_tables(*paths)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param("a,b\n1,2\n", "a,b\n1,2\n3,4\n", (1, 0, 1), id="a-row-more"),
        pytest.param("a,b\n1,2\n3,4\n", "a,b\n3,4\n", (0, 1, 1), id="a-row-less"),
        pytest.param("a,b\n1,2\n3,4\n", "a,b\n3,4\n1,2\n", (0, 0, 2), id="another-order"),
        pytest.param("a,b\n1,2\n", "a,b\n1,2\n1,2\n", (1, 0, 1), id="the-same-row-twice"),
        pytest.param("a,b\n1,2\n1,2\n", "a,b\n1,2\n", (0, 1, 1), id="once-less"),
        pytest.param("a,b\n1,2\n", "b,a\n2,1\n", (0, 0, 1), id="another-order-of-columns"),
        pytest.param("a,b\n1,2\n", "a;b\n1;2\n", (0, 0, 1), id="another-separator"),
        pytest.param("a,b\n1,2\n", "\ufeffa,b\r\n1,2\r\n", (0, 0, 1), id="written-by-a-sheet"),
        pytest.param('a,b\n1,"x\ny"\n', 'a,b\n1,"x\ny"\n\n', (0, 0, 1), id="a-break-in-a-cell"),
        pytest.param("a\n1\n", "a\n2\n", (1, 1, 0), id="one-column"),
        pytest.param("a,b\n1\n", "a,b\n1,\n", (1, 1, 0), id="a-missing-cell-is-not-an-empty-one"),
    ],
)
def test_rows_are_counted(
    tmp_path: Path, before: str, after: str, expected: tuple[int, int, int]
) -> None:
    found = tables(tmp_path, before, after)

    assert (found.added, found.removed, found.common) == expected
    assert (found.columns_added, found.columns_removed) == ((), ())


def test_where_columns_differ_rows_are_compared_by_the_common_ones(tmp_path: Path) -> None:
    found = tables(tmp_path, "id,age\n1,30\n2,40\n", "id,income\n2,7\n3,8\n")

    assert (found.columns_added, found.columns_removed) == (("income",), ("age",))
    assert (found.added, found.removed, found.common) == (1, 1, 1)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        pytest.param("a,b\n", "c,d\n", "no column in common", id="other-columns"),
        pytest.param("", "a\n1\n", "no header", id="empty"),
        pytest.param("a,a\n1,2\n", "a,a\n1,3\n", "two columns of one name", id="twice"),
        pytest.param("a\n1\n", f"a\n{'x' * 200_000}\n", "cannot be read", id="an-endless-cell"),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, before: str, after: str, why: str) -> None:
    with pytest.raises(NotATable, match=why):
        tables(tmp_path, before, after)


def test_only_csv_is_taken_for_a_table(tmp_path: Path) -> None:
    with pytest.raises(NotATable, match="only CSV"):
        tables(tmp_path, "a\n1\n", "a\n2\n", suffix=".parquet")
    assert tables(tmp_path, "a\tb\n1\t2\n", "a\tb\n", suffix=".TSV").removed == 1


def test_a_large_table_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_diff, "MOST_ROWS", 2)
    with pytest.raises(NotATable, match="more than 2 rows"):
        tables(tmp_path, "a\n1\n2\n3\n", "a\n1\n")
    assert tables(tmp_path, "a\n1\n2\n", "a\n1\n2\n3\n").after == 3

    monkeypatch.setattr(data_diff, "MOST_BYTES", 3)
    with pytest.raises(NotATable, match="larger than 0 MB"):
        tables(tmp_path, "a\n1\n", "a\n1\n2\n")


def test_bytes_that_are_not_utf8_are_told_apart(tmp_path: Path) -> None:
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    before.write_bytes(b"a\n\xe4\n\xf6\n")
    after.write_bytes(b"a\n\xe4\n\xfc\n")

    found = data_diff.compare_tables(before, after)

    assert (found.added, found.removed, found.common) == (1, 1, 1)


CELLS = st.lists(st.sampled_from("abc"), min_size=0, max_size=8)


@given(CELLS, CELLS)
def test_rows_add_up(
    tmp_path_factory: pytest.TempPathFactory, before: Sequence[str], after: Sequence[str]
) -> None:
    folder = tmp_path_factory.mktemp("tables")

    found = tables(folder, "x\n" + "\n".join(before), "x\n" + "\n".join(after))
    back = tables(folder, "x\n" + "\n".join(after), "x\n" + "\n".join(before))

    assert (found.before, found.after) == (len(before), len(after))
    assert (found.added, found.removed) == (back.removed, back.added)
    assert (found.added == found.removed == 0) == (sorted(before) == sorted(after))


def test_files_are_named() -> None:
    found = data_diff.compare_files(
        {"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "changed", "d": "4"}
    )

    assert found == Files(added=("d",), removed=("a",), changed=("c",), common=1)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return repositories.make(tmp_path, repositories.project_files())


def diff(repo: Repo, path: str, before: str, after: str, *, to: str | None = None) -> DataDiff:
    return data_diff.between(
        repo.project,
        (before, Data(path=path, digest="a1" * 32)),
        (after, Data(path=to or path, digest="b2" * 32)),
    )


def test_a_table_is_read_at_both_commits(repo: Repo) -> None:
    before = repo.git("rev-parse", "HEAD")
    after = repo.commit({"data/churn.csv": "a,b\n1,2\n5,6\n"})
    repo.commit({"data/churn.csv": "z\n"})

    assert diff(repo, "data/churn.csv", before, after).rows == Rows(added=1, removed=0, common=1)
    assert repo.repository.changed_files() == []
    assert list((repo.project.state / "checkouts").iterdir()) == []


def test_another_path_is_compared_too(repo: Repo) -> None:
    commit = repo.commit({"data/v2.csv": "a,b\n3,4\n"})

    found = diff(repo, "data/churn.csv", commit, commit, to="data/v2.csv")

    assert found.rows == Rows(added=1, removed=1, common=0)


def test_a_folder_is_compared_file_by_file(repo: Repo) -> None:
    before = repo.commit({"images/a/1.png": "1", "images/2.png": "2", "images/3.png": "3"})
    after = repo.commit({"images/a/1.png": "one", "images/3.png": None, "images/4.png": "4"})

    found = diff(repo, "images/", before, after).files

    assert found == Files(added=("4.png",), removed=("3.png",), changed=("a/1.png",), common=1)


def test_equal_digests_are_the_same_data(repo: Repo) -> None:
    data = Data(path="nowhere.csv", digest="a1" * 32)
    commit = repo.git("rev-parse", "HEAD")

    found = data_diff.between(repo.project, (commit, data), (commit, data))

    assert found.is_same
    assert (found.rows, found.files, found.why_not) == (None, None, "")


def test_data_outside_git_is_told_by_its_digests(repo: Repo) -> None:
    commit = repo.git("rev-parse", "HEAD")

    assert diff(repo, "data/big.parquet", commit, commit).why_not == "the data is not in git"


def test_a_file_that_became_a_folder_is_said(repo: Repo) -> None:
    before = repo.git("rev-parse", "HEAD")
    after = repo.commit({"data/churn.csv": None, "data/churn/a.csv": "a\n"})

    found = diff(repo, "data/churn.csv", before, after, to="data/churn/")

    assert found.why_not == "one is a file and the other a folder"


def test_rows_of_a_table_are_counted(repo: Repo) -> None:
    commit = repo.commit({"data/churn.csv": "a,b\n1,2\n\n1,2\n", "data/notes.txt": "a\n"})

    def rows(path: str) -> int | None:
        return data_diff.rows_of(repo.project, commit, Data(path=path, digest="a1" * 32))

    assert rows("data/churn.csv") == 2
    assert [rows(path) for path in ("data/", "data/notes.txt", "data/fetched.csv")] == [None] * 3
