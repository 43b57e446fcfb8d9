from pathlib import Path

import adopting
import pytest
import trainers

from trainshed import adoption_framework
from trainshed.adoption_framework import FrameworkIsUnknown
from trainshed.adoption_workflows import NAMES
from trainshed.git import CommitIsUnknown

FILES = {
    **{f".github/workflows/{name}": adopting.RELEASE for name in NAMES},
    "actions/train/action.yml": "inputs: {folder: {}}\n",
    "pyproject.toml": '[project]\nversion = "0.3.0"\n',
}


@pytest.fixture
def copy(tmp_path: Path) -> trainers.Repository:
    """A clone of a Trainshed, pushed."""
    made = trainers.make(tmp_path / "made", files=FILES)
    return made.clone(tmp_path / "copy")


@pytest.mark.parametrize(
    ("address", "repository"),
    [
        ("git@github.com:acme/trainshed.git", "acme/trainshed"),
        ("https://github.com/acme/trainshed", "acme/trainshed"),
        ("https://github.com/acme/train.shed.git/", "acme/train.shed"),
        ("ssh://git@github.example.org:22/acme/trainshed.git", "acme/trainshed"),
        ("/srv/git/acme/trainshed.git", None),
        ("file:///srv/acme/trainshed", None),
        ("../trainshed", None),
    ],
)
def test_a_remotes_address_tells_owner_and_name(address: str, repository: str | None) -> None:
    assert adoption_framework.repository_of(address) == repository


def test_the_copys_own_origin_and_commit_are_taken(copy: trainers.Repository) -> None:
    copy.git("remote", "set-url", "origin", "git@github.com:acme/trainshed.git")
    found = adoption_framework.of(None, folder=copy.folder)

    assert (found.framework.repository, found.framework.commit) == ("acme/trainshed", copy.head)
    assert found.framework.version == f"v0.3.0+{copy.head[:7]}"
    assert found.framework.takes_folder == {"train"}
    assert found.notes == ()


def test_a_tagged_commit_is_called_by_its_tag(copy: trainers.Repository) -> None:
    copy.git("tag", "churn@v9.0.0")
    copy.git("tag", "v1.2.0")

    assert adoption_framework.of("a/b", folder=copy.folder).framework.version == "v1.2.0"
    assert adoption_framework.of("a/b@v1.2.0", folder=copy.folder).framework.commit == copy.head


def test_an_origin_that_is_a_folder_needs_the_flag(copy: trainers.Repository) -> None:
    with pytest.raises(FrameworkIsUnknown, match="no origin on a server"):
        adoption_framework.of(None, folder=copy.folder)


def test_changes_and_unpushed_commits_are_told(copy: trainers.Repository) -> None:
    copy.commit({"new": "1\n"})
    copy.write({"pyproject.toml": ""})
    found = adoption_framework.of("acme/trainshed", folder=copy.folder)

    assert len(found.notes) == 2
    assert "changes that are in no commit" in found.notes[0]
    assert "GitHub will not find" in found.notes[1]


def test_the_workflows_are_those_of_the_commit(copy: trainers.Repository) -> None:
    first = copy.head
    copy.commit({".github/workflows/deploy.yml": "# another\n"})

    found = adoption_framework.of(f"acme/trainshed@{first}", folder=copy.folder)

    assert found.framework.workflows["deploy.yml"] == adopting.RELEASE


def test_a_commit_that_is_not_here_takes_the_folders_files_and_tells(tmp_path: Path) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = adoption_framework.of(f"acme/trainshed@{adopting.COMMIT}", folder=tmp_path)

    assert found.framework.commit == adopting.COMMIT
    assert "is not in" in found.notes[0]
    with pytest.raises(FrameworkIsUnknown, match="no git clone"):
        adoption_framework.of("acme/trainshed@v1", folder=tmp_path)


def test_an_unknown_commit_and_an_odd_name_are_told(copy: trainers.Repository) -> None:
    with pytest.raises(CommitIsUnknown):
        adoption_framework.of("acme/trainshed@v9", folder=copy.folder)
    with pytest.raises(FrameworkIsUnknown, match="OWNER/REPO@COMMIT"):
        adoption_framework.of("trainshed", folder=copy.folder)


def test_a_commit_before_there_were_workflows_is_told(tmp_path: Path) -> None:
    made = trainers.make(tmp_path)
    with pytest.raises(FrameworkIsUnknown, match=r"has no \.github/workflows/pull-request\.yml"):
        adoption_framework.of("acme/trainshed", folder=made.folder)
