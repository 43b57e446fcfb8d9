"""Reverting and bringing back, with real git."""

from collections.abc import Callable
from pathlib import Path

import pytest
import repositories
from repositories import Repo

from trainshed import tags, tombstone
from trainshed.mirror import OriginCannotBeRead
from trainshed.tombstone import ReleaseIsUnknown, TagIsInTheWay

V1 = tags.require("churn@v1.0.0")
V2 = tags.require("churn@v1.1.0")
WHO = "Someone Else <else@example.org>"


@pytest.fixture
def repo(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return repositories.copy_of(with_two_releases, tmp_path, tmp_path_factory)


def with_two_releases(folder: Path) -> Repo:
    repo = repositories.make(folder, {"README.md": "A project.\n"})
    repo.released(str(V1))
    repo.commit_and_push()
    repo.released(
        str(V2), metrics={"f1": 0.1 + 0.2, "loss": 1e-17, "rows": 4000.0}, skipped=("ab",)
    )
    return repo


def revert(repo: Repo, why: str = "complaints") -> bool:
    return tombstone.revert(repo.origin, V2, who=WHO, why=why)


def unrevert(repo: Repo, why: str = "the cause was elsewhere") -> bool:
    return tombstone.unrevert(repo.origin, V2, who=WHO, why=why)


def test_a_reverted_release_stands_no_more_and_the_ledger_says_why(repo: Repo) -> None:
    assert revert(repo)

    assert [one.tag for one in repo.standing().of("churn")] == [V1]
    record = repo.world().ledger.tombstone(V2)
    assert record is not None
    assert (record.tag, record.who, record.why) == (str(V2), WHO, "complaints")
    assert record.run_id == repo.world().ledger.releases[V2].manifest.run_id
    assert repo.bare.read("log", "-1", "--format=%s", repositories.LEDGER) == (
        "Revert churn@v1.1.0: complaints"
    )


def test_reverting_twice_writes_one_tombstone(repo: Repo) -> None:
    assert revert(repo)
    before = repo.refs()

    assert not revert(repo, "again")

    assert repo.refs() == before


def test_reverting_marks_the_tag_and_leaves_it_alone(repo: Repo) -> None:
    before = repo.refs()[V2.ref]

    revert(repo)

    assert repo.tag_names() == [str(V1), str(V2), str(V2.mark)]
    assert repo.refs()[V2.ref] == before


def test_reverting_a_release_whose_tag_is_gone_marks_nothing(repo: Repo) -> None:
    repo.delete_tag(str(V2))

    revert(repo)

    assert repo.tag_names() == [str(V1)]


def test_unreverting_makes_the_very_same_tag_again(repo: Repo) -> None:
    before = repo.refs()[V2.ref]
    repo.delete_tag(str(V2))
    revert(repo, "its tag was deleted")

    # Another clone, which never saw the deleted tag's object.
    other = repo.clone()
    assert not other.repository.has(before)
    assert unrevert(other)

    assert repo.refs()[V2.ref] == before
    assert [one.tag for one in repo.standing().of("churn")] == [V2, V1]


def test_a_shallow_clone_can_unrevert_a_release_of_an_old_commit(repo: Repo) -> None:
    before = repo.refs()[V2.ref]
    repo.commit_and_push()
    repo.delete_tag(str(V2))
    revert(repo)
    shallow = repo.clone(depth=1)

    assert unrevert(shallow)

    assert repo.refs()[V2.ref] == before


def test_unreverting_a_tag_that_stayed_only_lifts_the_tombstone(repo: Repo) -> None:
    before = repo.refs()
    revert(repo)

    assert unrevert(repo)

    after = repo.refs()
    assert {ref for ref in before if before[ref] != after[ref]} == {repositories.LEDGER}
    assert [one.is_lifted for one in repo.world().ledger.tombstones[V2]] == [False, True]


def test_unreverting_removes_the_revert_mark(repo: Repo) -> None:
    repo.mark(str(V2))
    revert(repo, "it carries the revert mark")

    assert unrevert(repo)

    assert repo.tag_names() == [str(V1), str(V2)]
    assert repo.standing().reverted == ()
    assert [one.tag for one in repo.standing().of("churn")] == [V2, V1]


def test_a_mark_that_has_no_tombstone_yet_can_be_unreverted(repo: Repo) -> None:
    repo.mark(str(V2))

    assert unrevert(repo)

    assert [one.tag for one in repo.standing().of("churn")] == [V2, V1]


def test_a_deleted_tag_that_has_no_tombstone_yet_can_be_unreverted(repo: Repo) -> None:
    before = repo.refs()
    repo.delete_tag(str(V2))

    assert unrevert(repo)

    assert repo.refs()[V2.ref] == before[V2.ref]


def test_unreverting_what_stands_changes_nothing(repo: Repo) -> None:
    before = repo.refs()

    assert not unrevert(repo)

    assert repo.refs() == before


def test_a_release_can_go_down_and_come_back_again_and_again(repo: Repo) -> None:
    before = repo.refs()[V2.ref]
    for _ in range(3):
        repo.delete_tag(str(V2))
        assert revert(repo)
        assert unrevert(repo)

    assert repo.refs()[V2.ref] == before
    assert [one.is_lifted for one in repo.world().ledger.tombstones[V2]] == [False, True] * 3


@pytest.mark.parametrize(
    ("message", "told"),
    [
        pytest.param(None, "is a lightweight tag", id="lightweight"),
        pytest.param("by hand", "was made again by hand", id="another-object"),
    ],
)
def test_another_tag_of_its_name_is_in_the_way(repo: Repo, message: str | None, told: str) -> None:
    repo.delete_tag(str(V2))
    revert(repo)
    repo.git("tag", str(V2), *(["--annotate", "--message", message] if message else []))
    repo.push(f"refs/tags/{V2}")
    before = repo.refs()

    with pytest.raises(TagIsInTheWay, match=told) as caught:
        unrevert(repo)

    assert repo.refs() == before
    repo.git(*caught.value.fix.split("`")[1].split()[1:])
    assert unrevert(repo)


@pytest.mark.parametrize("act", [tombstone.revert, tombstone.unrevert])
def test_a_release_that_the_ledger_does_not_know_is_told(
    repo: Repo, act: Callable[..., bool]
) -> None:
    before = repo.refs()

    with pytest.raises(ReleaseIsUnknown, match=r"knows no release churn@v7\.0\.0"):
        act(repo.origin, tags.require("churn@v7.0.0"), who=WHO, why="a typo")

    assert repo.refs() == before


def test_a_commit_that_is_gone_for_good_is_told_and_nothing_changes(repo: Repo) -> None:
    repo.commit({"README.md": "Only on a branch.\n"})
    repo.released("churn@v1.2.0")
    repo.delete_tag("churn@v1.2.0")
    repo.git("reset", "--quiet", "--hard", "origin/main")
    repo.bare.run("gc", "--quiet", "--prune=now")
    before, other = repo.refs(), repo.clone()

    with pytest.raises(OriginCannotBeRead, match="cannot be fetched from origin"):
        tombstone.unrevert(other.origin, tags.require("churn@v1.2.0"), who=WHO, why="wanted")

    assert repo.refs() == before


def test_what_is_found_gone_is_buried_with_its_reason(repo: Repo) -> None:
    repo.delete_tag(str(V2))
    (fallen,) = repo.standing().reverted

    assert tombstone.bury(repo.origin, fallen, who=WHO)

    record = repo.world().ledger.tombstone(V2)
    assert record is not None
    assert record.why == "its tag was deleted"
    assert repo.standing().reverted == ()
    assert not tombstone.bury(repo.origin, fallen, who=WHO)


def test_what_was_brought_back_meanwhile_is_not_buried(repo: Repo) -> None:
    repo.delete_tag(str(V2))
    (fallen,) = repo.standing().reverted
    unrevert(repo.clone())
    before = repo.refs()

    assert not tombstone.bury(repo.origin, fallen, who=WHO)

    assert repo.refs() == before


def test_a_mark_that_is_removed_meanwhile_is_no_obstacle(repo: Repo) -> None:
    """The origin itself loses the mark while it receives the push that is to delete it."""
    repo.mark(str(V2))
    revert(repo)
    repo.hook("pre-receive", f"env -u GIT_QUARANTINE_PATH git update-ref -d 'refs/tags/{V2}!'")

    assert unrevert(repo)

    assert [one.tag for one in repo.standing().of("churn")] == [V2, V1]
    assert [one.is_lifted for one in repo.world().ledger.tombstones[V2]] == [False, True]


def test_what_another_clone_reverted_is_found_not_written_again(repo: Repo) -> None:
    other = repo.clone()
    other.world()
    revert(repo)
    before = repo.refs()

    assert not revert(other)

    assert repo.refs() == before
