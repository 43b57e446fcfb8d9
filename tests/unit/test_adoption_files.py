import stat
from pathlib import Path

import pytest

from trainshed import adoption_files
from trainshed.adoption_files import (
    Change,
    FilesCannotBeWritten,
    FilesWouldBeOverwritten,
    PlaceIsTaken,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "root/b").mkdir(parents=True)
    (tmp_path / "root/b/there").write_bytes(b"one\n")
    return tmp_path / "root"


def write(root: Path, wanted: dict[str, str]) -> None:
    changes = adoption_files.compare(root, wanted)
    adoption_files.write(root, changes, state=root.parent / "state")


def files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, "a\n", "new"), ("a\n", "a\n", "same"), ("a\n", "a\nb\n", "extended"),
        ("a", "a\nb\n", "extended"), ("", "a\n", "different"), ("a\n", "b\n", "different"),
        ("a\nb\n", "a\n", "different"),
    ],
)  # fmt: skip
def test_a_change_is_of_one_kind(before: str | None, after: str, kind: str) -> None:
    assert Change(path="x", before=before, after=after).kind == kind


def test_a_file_that_differs_is_refused_by_name_and_one_line_more_is_not(root: Path) -> None:
    adoption_files.require_no_loss(adoption_files.compare(root, {"b/there": "one\ntwo\n"}))
    with pytest.raises(FilesWouldBeOverwritten, match="b/there is there"):
        adoption_files.require_no_loss(adoption_files.compare(root, {"b/there": "two\n"}))


def test_files_are_written_with_their_folders_and_nothing_is_left_aside(root: Path) -> None:
    (root / "b/there").chmod(0o755)
    (root.parent / "state/init-killed").mkdir()
    write(root, {"a/b/new": "1\n", "b/there": "two\n"})

    assert files(root) == {"a/b/new": "1\n", "b/there": "two\n"}
    assert stat.S_IMODE((root / "b/there").stat().st_mode) == 0o755
    assert list((root.parent / "state").iterdir()) == []


def test_when_one_file_cannot_be_written_all_are_as_before(root: Path) -> None:
    changes = adoption_files.compare(root, {"b/there": "two\n", "new": "1\n", "c/d": "2\n"})
    (root / "c").write_text("in the way")

    with pytest.raises(FilesCannotBeWritten, match="Nothing was changed"):
        adoption_files.write(root, changes, state=root.parent / "state")

    assert files(root) == {"b/there": "one\n", "c": "in the way"}
    assert list((root.parent / "state").iterdir()) == []


@pytest.mark.parametrize("path", ["b", "b/there/x"])
def test_a_place_that_is_taken_is_told(root: Path, path: str) -> None:
    with pytest.raises(PlaceIsTaken):
        adoption_files.compare(root, {path: "1\n"})


def test_nothing_is_written_through_a_link(root: Path) -> None:
    (root / ".github").symlink_to(root.parent)
    with pytest.raises(PlaceIsTaken, match=r"\.github is no folder"):
        adoption_files.compare(root, {".github/workflows/a.yml": "1\n"})
