from pathlib import Path

import pytest

from trainshed import paths


@pytest.mark.parametrize(
    "path", ["a", "a/b", "a/", "./a", ".hidden", "a b", "..a", "a..b", "-a", "~", "a\\b", "é"]
)
def test_a_path_inside_the_checkout_has_no_problem(path: str) -> None:
    assert paths.problem_with(path) is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "is empty or holds a line break"),
        ("a\nb", "is empty or holds a line break"),
        ("a\0b", "is empty or holds a line break"),
        ("/etc/passwd", "is absolute"),
        ("//a", "is absolute"),
        ("../a", "leads upwards with `..`"),
        ("a/../../b", "leads upwards with `..`"),
        ("a/..", "leads upwards with `..`"),
        (".", "is the whole folder"),
        ("./", "is the whole folder"),
    ],
)
def test_a_path_that_is_not_inside_the_checkout_is_told(path: str, problem: str) -> None:
    assert paths.problem_with(path) == problem


@pytest.mark.parametrize(
    ("path", "plain"), [("a/b", "a/b"), ("a/b/", "a/b/"), ("./a//b/./c", "a/b/c"), ("./a/", "a/")]
)
def test_a_plain_path_is_written_as_git_writes_it(path: str, plain: str) -> None:
    assert paths.plain(path) == plain


def test_a_symlink_that_leads_outside_is_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/out").symlink_to("..")

    assert paths.is_inside(tmp_path / "in/a", tmp_path / "in")
    assert not paths.is_inside(tmp_path / "in/out/a", tmp_path / "in")
