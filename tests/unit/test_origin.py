"""The origin, with real git: what it says, what is never believed, and who wins a race."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import repositories
from repositories import LEDGER, TAGGER, Repo, digest_of, manifest_of, tombstone_of

from trainshed import ledger, origin, tags
from trainshed.errors import TrainshedError
from trainshed.mirror import LedgerWasRewritten, OriginCannotBeRead, OriginWasReplaced
from trainshed.origin import Change, OriginRefusesThePush
from trainshed.tags import Tag
from trainshed.world import Annotated, Unusable, World

V1 = tags.require("churn@v1.0.0")
V2 = tags.require("churn@v1.1.0")


@pytest.fixture
def repo(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return repositories.copy_of(with_one_commit, tmp_path, tmp_path_factory)


def with_one_commit(folder: Path) -> Repo:
    return repositories.make(folder, {"README.md": "A project.\n"})


def test_an_empty_origin_has_no_head_no_tags_and_an_empty_ledger(tmp_path: Path) -> None:
    world = repositories.make(tmp_path).world()

    assert (world.branch, world.head, world.tags, world.ledger_commit) == ("main", None, {}, None)


def test_the_world_is_what_the_origin_has(repo: Repo) -> None:
    first = repo.released(live_in=["production"])
    second = repo.released("lifetime@v1.0.0")
    repo.mark("churn@v1.0.0")

    world = repo.world()

    assert world.head == repo.git("rev-parse", "HEAD")
    assert world.ledger_commit == repo.refs()[LEDGER]
    assert world.tags == {one.tag: Annotated(tag=one.tag, manifest=one) for one in (first, second)}
    assert world.marks == {first.tag}
    assert world.ledger.deployed("production", "churn") == {first.tag}


def test_the_default_branch_is_the_origins_not_a_fixed_name(repo: Repo) -> None:
    repo.push("HEAD:refs/heads/trunk")
    repo.bare.run("symbolic-ref", "HEAD", "refs/heads/trunk")
    trunk = repo.commit()
    repo.push("HEAD:refs/heads/trunk")

    assert (repo.world().branch, repo.world().head) == ("trunk", trunk)


@pytest.mark.parametrize("depth", [None, 1], ids=["an-old-clone", "a-shallow-clone"])
def test_the_listing_is_complete_whatever_the_clone_knows(repo: Repo, depth: int | None) -> None:
    made = [repo.released()]
    if depth is None:
        other = repo.clone()
    for number in range(1, 4):
        repo.commit_and_push({"README.md": f"{number}\n"})
        made.append(repo.released(f"churn@v1.{number}.0"))
    if depth is not None:
        other = repo.clone(depth=depth)
        assert other.git("rev-parse", "--is-shallow-repository") == "true"
        assert not other.repository.has(made[0].commit)

    world = other.world()

    assert [fact.manifest for _, fact in sorted(world.tags.items())] == made  # type: ignore[union-attr]
    assert len(world.ledger.releases) == 4
    assert world.head == repo.git("rev-parse", "HEAD")


def test_a_tag_that_is_gone_from_the_origin_is_gone_though_the_clone_has_it(repo: Repo) -> None:
    repo.released()
    repo.git("fetch", "--quiet", "--tags")
    assert V1 in repo.world().tags

    repo.clone().delete_tag(str(V1))

    assert repo.world().tags == {}
    assert repo.git("tag", "--list") == str(V1)


def test_local_tags_and_branches_are_neither_trusted_nor_touched(repo: Repo) -> None:
    """Even where a person's settings fetch every tag into their own and push theirs along."""
    repo.git("config", "--add", "remote.origin.fetch", "+refs/tags/*:refs/tags/*")
    repo.git("config", "fetch.prune", "true")
    repo.git("config", "push.followTags", "true")
    repo.git("tag", "--annotate", "--message", "mine", str(V1))
    repo.git("tag", "--annotate", "--message", "only mine", "churn@v9.0.0")
    repo.git("branch", ledger.BRANCH)
    own = ["for-each-ref", "refs/tags", "refs/heads", "refs/remotes/origin/main"]
    before = repo.git(*own)
    other = repo.clone()
    other.released()
    other.commit_and_push()

    world = repo.world()
    repo.origin.change(lambda world: a_tombstone(world, V1))

    assert list(world.tags) == [V1]
    assert isinstance(world.tags[V1], Annotated)
    assert repo.git(*own) == before
    assert repo.tag_names() == [str(V1)]


def test_reading_again_after_nothing_changed_fetches_nothing(repo: Repo) -> None:
    repo.released()
    repo.world()

    require_no_fetch(repo)


def test_a_tag_may_take_the_place_of_a_folder_of_tags(repo: Repo) -> None:
    for name in ("nightly", "weekly/1"):
        repo.git("tag", name)
        repo.push(f"refs/tags/{name}")
    repo.world()
    repo.delete_tag("nightly", "weekly/1")
    repo.git("tag", "--delete", "nightly", "weekly/1")
    for name in ("nightly/1", "weekly"):
        repo.git("tag", name)
        repo.push(f"refs/tags/{name}")
    made = repo.released()

    assert list(repo.world().tags) == [made.tag]


def test_odd_names_of_other_tags_are_no_obstacle(repo: Repo) -> None:
    for name in (
        "a\u2028b",
        "ü\x85",
        '"quoted"',
        "churn@v1.0",
        "churn@v01.0.0",
        "@v1.0.0",
        "churn",
    ):
        repo.bare.run("update-ref", f"refs/tags/{name}", repo.git("rev-parse", "HEAD"))
    made = repo.released()

    assert list(repo.world().tags) == [made.tag]
    assert repo.world().marks == frozenset()
    require_no_fetch(repo)


def test_an_origin_that_cannot_be_listed_is_never_an_empty_answer(repo: Repo) -> None:
    repo.released()
    repo.world()
    repo.origin_folder.rename(repo.origin_folder.with_name("renamed.git"))

    with pytest.raises(OriginCannotBeRead, match="refs of the remote origin cannot be listed"):
        repo.world()


def test_an_origin_that_can_be_listed_but_not_fetched_is_never_an_empty_answer(repo: Repo) -> None:
    other = repo.clone()
    repo.released()
    hide_objects(repo)

    with pytest.raises(OriginCannotBeRead, match="Fetching from origin failed"):
        other.world()


def test_a_clone_without_an_origin_is_told_so(repo: Repo) -> None:
    repo.git("remote", "remove", "origin")

    with pytest.raises(OriginCannotBeRead, match="git remote -v"):
        repo.world()


def test_an_origin_replaced_by_an_empty_one_is_noticed_and_nothing_changes(repo: Repo) -> None:
    repo.released()
    repo.world()
    repo.origin_folder.rename(repo.origin_folder.with_name("old.git"))
    repositories.make_origin(repo.origin_folder)
    before = repo.git("for-each-ref")

    for act in (repo.world, lambda: repo.origin.change(lambda world: a_tombstone(world, V1))):
        with pytest.raises(OriginWasReplaced, match="no branch trainshed-ledger any more"):
            act()

    assert repo.git("for-each-ref") == before
    assert repo.refs() == {}


def test_what_a_clone_wrote_last_is_missed_at_once(repo: Repo) -> None:
    """It has not read the origin since its own first push."""
    repo.released()
    repo.origin_folder.rename(repo.origin_folder.with_name("old.git"))
    repositories.make_origin(repo.origin_folder)

    with pytest.raises(OriginWasReplaced):
        repo.world()


def test_an_origin_that_is_put_back_is_read_again(repo: Repo) -> None:
    repo.released()
    before = repo.world()
    old = repo.origin_folder.rename(repo.origin_folder.with_name("old.git"))
    repositories.make_origin(repo.origin_folder)
    with pytest.raises(OriginWasReplaced):
        repo.world()

    repo.origin_folder.rename(old.with_name("empty.git"))
    old.rename(repo.origin_folder)

    assert repo.world() == before


@pytest.mark.parametrize("how", ["shortened", "begun-anew"])
def test_a_ledger_that_lost_records_is_noticed_and_nothing_changes(repo: Repo, how: str) -> None:
    repo.released()
    shorter = repo.world().ledger_commit or ""
    repo.released("churn@v1.1.0")
    repo.world()
    if how == "begun-anew":
        shorter = ledger.commit(repo.repository, None, {"runs/a.json": {}}, message="New\n")
    other = repo.clone()
    repo.git("push", "--quiet", "origin", f"{shorter}:refs/heads/made-elsewhere")
    other.git("fetch", "--quiet")
    other.git("push", "--quiet", "--force", "origin", f"{shorter}:{LEDGER}")
    before = repo.refs()

    for act in (repo.world, lambda: repo.origin.change(lambda world: a_tombstone(world, V1))):
        with pytest.raises(LedgerWasRewritten, match="lost records that it had before"):
            act()

    assert repo.refs() == before


def test_what_the_error_says_accepts_a_rewritten_ledger(repo: Repo) -> None:
    repo.released()
    shorter = repo.world().ledger_commit or ""
    repo.released("churn@v1.1.0")
    repo.world()
    repo.push(f"+{shorter}:{LEDGER}")
    with pytest.raises(LedgerWasRewritten) as caught:
        repo.world()

    command = caught.value.fix.split("`")[1]
    repo.git(*command.split()[1:])

    assert list(repo.world().ledger.releases) == [V1]


def a_lightweight_tag(repo: Repo) -> None:
    repo.git("tag", str(V2))


def a_message_that_is_not_json(repo: Repo) -> None:
    repo.git("tag", "--annotate", "--message", "Our best model yet", str(V2))


def a_manifest_of_another_model(repo: Repo) -> None:
    tag_by_hand(repo, manifest_of("lifetime@v1.1.0").to_json())


def a_manifest_of_another_version(repo: Repo) -> None:
    tag_by_hand(repo, manifest_of("churn@v1.2.0").to_json())


def a_manifest_that_lacks_its_sequence(repo: Repo) -> None:
    content = json.loads(manifest_of(V2).to_json())
    del content["sequence"]
    tag_by_hand(repo, json.dumps(content))


def a_manifest_from_the_future(repo: Repo) -> None:
    tag_by_hand(repo, manifest_of(V2, format=99).to_json())


@pytest.mark.parametrize(
    ("make_tag", "why"),
    [
        (a_lightweight_tag, "is a lightweight tag: it holds no manifest"),
        (a_message_that_is_not_json, "is not a manifest (Invalid JSON"),
        (a_manifest_of_another_model, "is the manifest of lifetime@v1.1.0"),
        (a_manifest_of_another_version, "is the manifest of churn@v1.2.0"),
        (a_manifest_that_lacks_its_sequence, "is not a manifest (sequence: Field required)"),
        (a_manifest_from_the_future, "has format 99, newer than this Trainshed's 1"),
    ],
)
def test_a_tag_that_is_no_release_is_ignored_with_a_reason(
    repo: Repo, make_tag: Callable[[Repo], None], why: str
) -> None:
    made = repo.released()
    make_tag(repo)
    repo.push(f"refs/tags/{V2}")

    world = repo.world()

    assert world.tags[V1] == Annotated(tag=V1, manifest=made)
    fact = world.tags[V2]
    assert isinstance(fact, Unusable)
    assert why in fact.why
    (note,) = repo.standing().notes
    assert note.startswith("churn@v1.1.0 is ignored: it ")


def test_a_release_whose_tag_was_made_again_does_not_stand(repo: Repo) -> None:
    """The same name and even the same message, but not the object that was released."""
    made = repo.released()
    oid = repo.origin.make_tag(
        V1, commit=made.commit, tagger=TAGGER.replace("17", "18"), message=made.to_json()
    )
    repo.push(f"+{oid}:{V1.ref}")

    fact = repo.world().tags[V1]

    assert isinstance(fact, Unusable)
    assert "made again by hand" in fact.why
    assert repo.standing().of("churn") == ()
    assert repo.standing().reverted == ()


def test_a_tag_is_annotated_and_holds_the_manifest_to_the_letter(repo: Repo) -> None:
    """Comment lines, trailing blanks and an ü survive, which `git tag` would clean away."""
    message = '{\n# not a comment\n  "note": "ü"   \n\n\n}\n'
    commit = repo.git("rev-parse", "HEAD")

    oid = repo.origin.make_tag(V1, commit=commit, tagger=TAGGER, message=message)

    content = repo.repository.run("cat-file", "tag", oid).stdout
    assert (
        content
        == (
            f"object {commit}\ntype commit\ntag churn@v1.0.0\ntagger {TAGGER}\n\n{message}"
        ).encode()
    )
    repo.push(f"{oid}:{V1.ref}")
    assert repo.bare.read("cat-file", "-t", str(V1)) == "tag"
    assert repo.bare.read("rev-parse", f"{V1}^{{commit}}") == commit


def test_making_a_tag_moves_no_ref(repo: Repo) -> None:
    before = repo.git("for-each-ref")

    repo.origin.make_tag(V1, commit=repo.git("rev-parse", "HEAD"), tagger=TAGGER, message="{}\n")

    assert repo.git("for-each-ref") == before


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param(("pre-receive", "echo a rule says no >&2; exit 1"), id="everything"),
        pytest.param(("update", 'case "$1" in refs/tags/*) exit 1;; esac'), id="only-the-tag"),
        pytest.param(("update", 'case "$1" in refs/heads/*) exit 1;; esac'), id="only-the-ledger"),
    ],
)
def test_a_push_that_is_refused_leaves_neither_tag_nor_ledger(
    repo: Repo, hook: tuple[str, str]
) -> None:
    repo.hook(*hook)
    before = repo.refs()

    with pytest.raises(OriginRefusesThePush) as caught:
        repo.released()

    assert repo.refs() == before
    assert caught.value.exit_code == 4
    assert "did not accept the push of refs/tags/churn@v1.0.0, " in caught.value.problem
    assert "hook declined" in caught.value.problem


def test_nothing_is_pushed_when_nothing_is_left_to_do(repo: Repo) -> None:
    repo.released()
    before = repo.refs()

    world = repo.origin.change(lambda _: None)

    assert repo.refs() == before
    assert world == repo.world()


def test_a_lost_race_is_decided_again_on_what_is_there_now(repo: Repo) -> None:
    """Somebody releases between the reading and the push: the tag's name is taken by then."""
    other = repo.clone()
    seen: list[list[str]] = []

    def build(world: World) -> Change:
        seen.append([str(tag) for tag in world.ledger.releases])
        if len(seen) == 1:
            other.released("churn@v1.0.0")
        return a_release(repo, world)

    repo.origin.change(build)

    assert seen == [[], ["churn@v1.0.0"]]
    assert repo.tag_names() == ["churn@v1.0.0", "churn@v1.1.0"]
    assert [one.manifest.sequence for one in repo.world().ledger.of_model("churn")] == [1, 2]


def test_a_change_that_is_hopeless_ends_instead_of_trying_for_ever(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("tag", str(V1))
    repo.push(f"refs/tags/{V1}")
    before = repo.refs()
    monkeypatch.setattr(origin, "_TRIES", 2)

    with pytest.raises(
        TrainshedError, match="changed 2 times while it was being written"
    ) as caught:
        repo.released(str(V1))

    assert caught.value.exit_code == 6
    assert repo.refs() == before


@pytest.mark.parametrize("is_shared", [True, False], ids=["one-clone", "two-clones"])
def test_two_writers_at_once_both_succeed_and_lose_nothing(repo: Repo, is_shared: bool) -> None:
    other = repo if is_shared else repo.clone()

    repositories.at_once(release_three, (repo,), (other,))

    world = repo.world()
    numbers = [one.manifest.sequence for one in world.ledger.of_model("churn")]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert repo.tag_names() == [f"churn@v1.{minor}.0" for minor in range(6)]
    assert all(isinstance(fact, Annotated) for fact in world.tags.values())
    assert repo.bare.read("rev-list", "--count", LEDGER) == "6"


def test_one_process_of_a_clone_at_a_time_talks_to_the_origin(repo: Repo) -> None:
    """Two fetches at once would be in each other's way: the origin notes who comes and goes."""
    repo.clone().released()
    log = watch(repo)

    first, second = repositories.at_once(read_tags, (repo,), (repo,))

    assert first == second == [str(V1)]
    notes = log.read_text().split()
    assert notes == ["comes", "goes"] * (len(notes) // 2)
    assert len(notes) >= 6  # one lists and fetches, the other lists


@pytest.mark.parametrize("is_shared", [True, False], ids=["one-clone", "two-clones"])
def test_a_reader_never_sees_a_release_by_halves(repo: Repo, is_shared: bool) -> None:
    """A release in the ledger whose tag is not there yet would be taken for a deleted one."""
    repo.released("lifetime@v1.0.0")
    other = repo if is_shared else repo.clone()

    _, halves = repositories.at_once(release_or_read, (repo, True), (other, False))

    assert halves == []


def hide_objects(repo: Repo) -> None:
    """Make the origin one whose refs can be listed, but nothing can be fetched from it."""
    (repo.origin_folder / "objects").rename(repo.origin_folder / "hidden")
    repo.origin_folder.joinpath("objects").mkdir()


def watch(repo: Repo) -> Path:
    """Let the origin note in a file whenever this clone comes to list or fetch, and goes."""
    log, server = repo.folder.with_name("log"), repo.folder.with_name("upload-pack")
    # It stays for a while, so that another who comes meanwhile would be met.
    lines = [f"echo comes >> {log}", "sleep 0.1", 'git upload-pack "$@"', f"echo goes >> {log}"]
    server.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    server.chmod(0o755)
    repo.git("config", "remote.origin.uploadpack", str(server))
    return log


def require_no_fetch(repo: Repo) -> None:
    """Read once more: the origin is asked what it has, and nothing else."""
    before = repo.world()
    log = watch(repo)
    assert repo.world() == before
    assert log.read_text().split() == ["comes", "goes"]


def a_tombstone(world: World, tag: Tag) -> Change:
    return Change(
        records=ledger.tombstone_records(world.ledger, tombstone_of(tag)), message="Revert\n"
    )


def a_release(repo: Repo, world: World) -> Change:
    """Release the next minor version with the next sequence number, by what the world says."""
    count = len(world.ledger.of_model("churn"))
    commit = repo.git("rev-parse", "HEAD")
    manifest = manifest_of(
        f"churn@v1.{count}.0",
        sequence=count + 1,
        commit=commit,
        run_id=digest_of(f"run {count} of process {os.getpid()}"),
    )
    oid = repo.origin.make_tag(
        manifest.tag, commit=commit, tagger=TAGGER, message=manifest.to_json()
    )
    record = ledger.Release(manifest=manifest, tag_object=oid, tagger=TAGGER)
    return Change(
        records=ledger.release_records(record),
        message="Release\n",
        create={manifest.tag.ref: oid},
    )


def release_three(repo: Repo) -> None:
    for _ in range(3):
        repo.origin.change(lambda world: a_release(repo, world))


def read_tags(repo: Repo) -> list[str]:
    return [str(tag) for tag in repo.world().tags]


def release_or_read(repo: Repo, is_writer: bool) -> list[str]:
    """Release some; or read until they are all there, and return what seemed to be gone."""
    if is_writer:
        release_three(repo)
        return []
    halves: list[str] = []
    while len(repo.world().ledger.of_model("churn")) < 3:
        halves += [str(one.tag) for one in repo.standing().reverted]
    return halves


def tag_by_hand(repo: Repo, message: str) -> None:
    repo.git("tag", "--annotate", "--cleanup=verbatim", "--message", message, str(V2))
