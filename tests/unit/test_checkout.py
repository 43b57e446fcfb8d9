import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import trainers
from trainers import Content, Repository

from trainshed import checkout
from trainshed.checkout import InputIsMissing

ODD_NAMES = [
    "with space",
    "star*",
    "[ab]",
    "question?",
    "!bang",
    "#hash",
    "back\\slash",
    "trailing ",
    " leading",
    "-dash",
    "--option",
    ":colon",
    ":(glob)magic",
    "tab\there",
    'quo"te',
    "é",
    "文件",
    "..dots",
    "HEAD",
]
FILES: Mapping[str, Content] = {
    "code/a.py": "a\n",
    "code/deep/b.py": "b\n",
    "data/train.csv": "x\n1\n",
    "other/c.py": "c\n",
    "top.txt": "top\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    made.folder.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit({"trainshed.yml": "", **FILES})
    return made


def test_the_whole_tree_is_there_when_nothing_else_is_asked_for(repository: Repository) -> None:
    assert checked_out(repository, None) == {"trainshed.yml", *FILES}


def test_what_is_not_declared_is_not_there(repository: Repository) -> None:
    assert checked_out(repository, ["code/", "data/train.csv"]) == {
        "code/a.py",
        "code/deep/b.py",
        "data/train.csv",
    }


def test_declaring_nothing_checks_out_nothing(repository: Repository) -> None:
    assert checked_out(repository, []) == set()


@pytest.mark.parametrize(
    "only",
    [
        pytest.param(["code/", "code/a.py"], id="folder-then-file-in-it"),
        pytest.param(["code/a.py", "code"], id="file-then-its-folder"),
        pytest.param(["code", "code/"], id="twice"),
        pytest.param(["code/deep", "code"], id="nested-folders"),
    ],
)
def test_paths_may_overlap(repository: Repository, only: list[str]) -> None:
    assert checked_out(repository, only) == {"code/a.py", "code/deep/b.py"}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_means_itself_and_nothing_else(repository: Repository, name: str) -> None:
    repository.commit({f"odd/{name}": "1", f"{name}": "2", "odd/other": "3", "starry": "4"})

    assert checked_out(repository, [f"odd/{name}"]) == {f"odd/{name}"}
    assert checked_out(repository, [name]) == {name}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_of_a_folder_means_all_that_is_in_it(repository: Repository, name: str) -> None:
    repository.commit({f"{name}/a": "1", f"{name}/b/c": "2", "starry/a": "3"})

    assert checked_out(repository, [f"{name}/"]) == {f"{name}/a", f"{name}/b/c"}


def test_a_path_that_is_not_in_the_commit_is_named(repository: Repository) -> None:
    (repository.folder / "new.py").write_text("not committed")

    with pytest.raises(InputIsMissing) as caught:
        checked_out(repository, ["code/", "new.py"])

    assert caught.value.problem == f"new.py is not in commit {repository.head[:12]}."
    assert caught.value.fix.startswith("Add it to git and commit")
    assert leftovers(repository) == []


def test_the_repositorys_configuration_is_the_same_before_and_after(
    repository: Repository,
) -> None:
    before = repository.git("config", "--list")

    checked_out(repository, ["code/"])

    assert repository.git("config", "--list") == before
    assert "worktreeconfig" not in before.lower()
    assert leftovers(repository) == []


def test_a_persons_own_sparse_checkout_changes_nothing(repository: Repository) -> None:
    repository.git("sparse-checkout", "set", "other")

    assert checked_out(repository, None) == {"trainshed.yml", *FILES}
    assert checked_out(repository, ["code/"]) == {"code/a.py", "code/deep/b.py"}
    assert repository.git("sparse-checkout", "list") == "other"
    assert not (repository.folder / "code").exists()


def test_no_hook_runs(repository: Repository) -> None:
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        hook = repository.folder / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {repository.folder}/ran-{name}\n")
        hook.chmod(0o755)

    checked_out(repository, ["code/"])
    checked_out(repository, None)

    assert list(repository.folder.glob("ran-*")) == []


def test_a_persons_changed_files_stay_out_and_untouched(repository: Repository) -> None:
    (repository.folder / "code/a.py").write_text("half-way")
    repository.git("rm", "--quiet", "--cached", "top.txt")
    (repository.folder / "untracked").write_text("u")
    before = repository.git("status", "--porcelain")

    with checkout.of(repository.project, repository.head, only=["code/"]) as folder:
        assert (folder / "code/a.py").read_text() == "a\n"

    assert repository.git("status", "--porcelain") == before
    assert (repository.folder / "code/a.py").read_text() == "half-way"


def test_a_call_from_inside_a_git_hook_leaves_that_gits_index_alone(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git tells its hooks where its own files are, in variables that would win over the folder."""
    (repository.folder / "code/a.py").write_text("staged")
    repository.git("add", "code/a.py")
    before = repository.git("status", "--porcelain")
    monkeypatch.setenv("GIT_DIR", str(repository.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository.folder / ".git/index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repository.folder))

    with checkout.of(repository.project, "HEAD", only=["code/"]) as folder:
        assert (folder / "code/a.py").read_text() == "a\n"

    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name)
    assert repository.git("status", "--porcelain") == before


def test_it_is_removed_when_its_user_fails(repository: Repository) -> None:
    with pytest.raises(ZeroDivisionError), checkout.of(repository.project, "HEAD", only=None):
        1 / 0  # noqa: B018

    assert leftovers(repository) == []


def test_files_made_in_it_are_removed_with_it(repository: Repository) -> None:
    with checkout.of(repository.project, "HEAD", only=None) as folder:
        (folder / "made").mkdir()
        (folder / "made/read-only").write_text("")
        (folder / "made").chmod(0o555)

    assert leftovers(repository) == []


def test_what_a_killed_process_left_is_removed_by_the_next(repository: Repository) -> None:
    killed = start(repository, "os.kill(os.getpid(), signal.SIGKILL)")
    assert killed.wait() == -signal.SIGKILL
    assert len(leftovers(repository)) == 3

    checked_out(repository, ["code/"])

    assert leftovers(repository) == []


def test_one_whose_user_still_lives_is_left_alone(repository: Repository) -> None:
    user = start(repository, "print(folder, flush=True); sys.stdin.read()")
    assert user.stdout is not None
    folder = Path(user.stdout.readline().rstrip("\n"))

    checked_out(repository, ["code/"])

    assert (folder / "code/a.py").is_file()
    user.communicate()
    assert leftovers(repository) == []


def test_one_that_was_killed_while_git_made_it_is_removed_too(repository: Repository) -> None:
    """`git worktree add` locks what it has not finished: `git worktree prune` never removes it."""
    home = repository.project.state / "checkouts"
    worktree = home / "0123456789ab"
    with checkout.of(repository.project, "HEAD", only=[]):
        pass
    repository.git("worktree", "add", "--quiet", "--detach", "--no-checkout", str(worktree))
    (repository.folder / ".git/worktrees/0123456789ab/locked").write_text("initializing")
    (worktree / ".git").unlink()
    (home / "0123456789ab.lock").touch()

    checked_out(repository, ["code/"])

    assert leftovers(repository) == []


def test_two_at_once_do_not_meet(repository: Repository) -> None:
    first = repository.head
    second = repository.commit({"code/a.py": "new\n"})

    with (
        checkout.of(repository.project, first, only=["code/"]) as one,
        checkout.of(repository.project, second, only=["code/"]) as two,
    ):
        assert (one / "code/a.py").read_text() == "a\n"
        assert (two / "code/a.py").read_text() == "new\n"

    assert leftovers(repository) == []


def test_eight_processes_at_once_all_get_theirs(repository: Repository) -> None:
    users = [start(repository, "print((folder / 'code/a.py').read_text())") for _ in range(8)]

    assert [user.communicate()[0].strip() for user in users] == ["a"] * 8
    assert leftovers(repository) == []


def test_it_works_in_a_shallow_clone(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"code/a.py": "new\n"})
    shallow = repository.clone(tmp_path / "shallow", "--depth=1")

    assert checked_out(shallow, ["code/"]) == {"code/a.py", "code/deep/b.py"}


def test_it_works_inside_a_worktree_of_another(repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "worktree"))
    worktree = Repository(tmp_path / "worktree")

    assert checked_out(worktree, ["code/"]) == {"code/a.py", "code/deep/b.py"}
    assert worktree.git("status", "--porcelain") == ""
    assert len(repository.git("worktree", "list").splitlines()) == 2


def test_a_project_in_a_subfolder_sees_its_own_paths(repository: Repository) -> None:
    repository.commit({"team/é x/trainshed.yml": "", "team/é x/code/d.py": "d", "code/e.py": "e"})
    inner = Repository(repository.folder / "team/é x")

    assert checked_out(inner, ["code/"]) == {"code/d.py"}
    assert checked_out(inner, None) == {"trainshed.yml", "code/d.py"}


def test_a_symlink_is_checked_out_as_one(repository: Repository) -> None:
    (repository.folder / "code/link").symlink_to("../top.txt")
    (repository.folder / "linked").symlink_to("code")
    repository.commit()

    with checkout.of(repository.project, "HEAD", only=["code/", "linked"]) as folder:
        assert (folder / "code/link").readlink() == Path("../top.txt")
        assert not (folder / "code/link").exists()
        assert (folder / "linked/a.py").read_text() == "a\n"


def checked_out(repository: Repository, only: list[str] | None) -> set[str]:
    """Return the files of a checkout of the last commit, by their path in the project's folder."""
    with checkout.of(repository.project, repository.head, only=only) as folder:
        found = [path for path in folder.rglob("*") if not path.is_dir()]
        return {path.relative_to(folder).as_posix() for path in found} - {".git"}


def leftovers(repository: Repository) -> list[Path]:
    places = [repository.folder / ".trainshed/checkouts", repository.folder / ".git/worktrees"]
    return [path for place in places if place.exists() for path in place.iterdir()]


def start(repository: Repository, doing: str) -> subprocess.Popen[str]:
    """Start a process that does something while it holds a checkout, `folder`."""
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from trainshed import checkout, project\n"
        f"here = project.open_at(Path({str(repository.folder)!r}))\n"
        f"with checkout.of(here, 'HEAD', only=['code/']) as folder: {doing}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [trainers.ROOT, *sys.path]))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
