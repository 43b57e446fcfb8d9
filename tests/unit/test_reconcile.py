"""Reconcile on generated worlds: whatever people did to the tags, these sentences stay true."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import deployment_of, manifest_of, tombstone_of

from trainshed import ledger, reconcile
from trainshed.ledger import Deployment, Ledger, Tombstone
from trainshed.manifest import Manifest
from trainshed.reconcile import Current, Standing, Step
from trainshed.tags import Tag, Version
from trainshed.world import Annotated, Unusable, World

MODELS = ("churn", "lifetime")
ENVIRONMENTS = ("staging", "production")
WAYS = ("delete", "mark", "revert", "push back")

no_deadline = settings(deadline=None)  # the machine may be busy


def release(number: int) -> Manifest:
    return manifest_of(f"churn@v1.{number}.0", sequence=number)


def running(number: int | None, *, is_healthy: bool = True) -> Current:
    return Current(tag=release(number).tag if number else None, is_healthy=is_healthy)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any origin: two models, each release in any state, and tags that are no releases."""
    world = world_of()
    for model in MODELS:
        # The version says nothing of the order here, so that only the sequence can decide.
        minors = draw(st.permutations(range(draw(st.integers(0, 7)))))
        for sequence, minor in enumerate(minors, start=1):
            tag = Tag(model, Version(1, minor, 0))
            manifest = manifest_of(tag, sequence=sequence)
            world = with_release(world, manifest)
            state = draw(st.sampled_from(["there", "there", "there", "deleted", "unusable"]))
            if state == "deleted":
                world = without_tags(world, [tag])
            elif state == "unusable":
                world = with_tag(world, Unusable(tag=tag, why="was made again by hand"))
            if draw(st.integers(0, 4)) == 0:
                world = with_mark(world, tag)
            for is_lifted in draw(st.sampled_from([(), (), (False,), (False, True)])):
                world = with_tombstone(world, tombstone_of(tag, is_lifted=is_lifted))
            for environment in ENVIRONMENTS:
                outcome = draw(st.sampled_from([None, "live", "live", "failed"]))
                if outcome is not None:
                    world = with_deployment(
                        world,
                        deployment_of(tag, environment, sequence=sequence, outcome=outcome),
                    )
        world = with_strangers(draw, world, model)
    return world


def with_strangers(draw: st.DrawFn, world: World, model: str) -> World:
    """Add tags of a release's name that the ledger never heard of."""
    if draw(st.booleans()):
        tag = Tag(model, Version(2, 0, 0))
        world = with_tag(world, Unusable(tag=tag, why="is a lightweight tag"))
    if draw(st.integers(0, 3)) == 0:
        stranger = manifest_of(Tag(model, Version(3, 0, 0)), sequence=draw(st.integers(1, 9)))
        world = with_tag(world, Annotated(tag=stranger.tag, manifest=stranger))
        if draw(st.booleans()):
            world = with_mark(world, stranger.tag)
    return world


@st.composite
def currents(draw: st.DrawFn, world: World, model: str) -> Current:
    """What may run: nothing, any release that there ever was, or one that nobody knows."""
    known = [tag for tag in world.ledger.releases if tag.model == model]
    choices = [None, Tag(model, Version(9, 9, 9)), *known, *known]
    return Current(tag=draw(st.sampled_from(choices)), is_healthy=draw(st.booleans()))


def is_up(world: World, tag: Tag) -> bool:
    """Say by the words of the design whether a release stands."""
    is_down = world.ledger.tombstone(tag) is not None or tag in world.marks
    return isinstance(world.tags.get(tag), Annotated) and not is_down


@no_deadline
@given(st.data(), worlds(), st.sampled_from(MODELS), st.sampled_from(ENVIRONMENTS), st.booleans())
def test_desired_is_the_newest_by_sequence_that_stands_and_was_live_there(
    data: st.DataObject, world: World, model: str, environment: str, is_forward: bool
) -> None:
    current = data.draw(currents(world, model))
    were_live = {
        one.tag
        for one in world.ledger.deployments.get((environment, model), ())
        if one.outcome == "live"
    } | {str(current.tag)}
    standing = [
        fact.manifest
        for tag, fact in world.tags.items()
        if tag.model == model and is_up(world, tag)
        if is_forward or str(tag) in were_live
        if isinstance(fact, Annotated)
    ]

    step = plan(world, model, environment, current, is_forward=is_forward)

    if not standing:
        assert step.desired is None
    else:
        assert step.desired in standing
        assert step.desired.sequence == max(one.sequence for one in standing)


@no_deadline
@given(st.data(), worlds(), st.sampled_from(MODELS), st.booleans())
def test_what_is_reverted_is_never_desired(
    data: st.DataObject, world: World, model: str, is_forward: bool
) -> None:
    current = data.draw(currents(world, model))

    desired = plan(world, model, "production", current, is_forward=is_forward).desired

    if desired is not None:
        assert is_up(world, desired.tag)
        assert desired.tag not in {one.tag for one in reconcile.fold(world).reverted}


@no_deadline
@given(worlds())
def test_every_release_whose_tag_is_gone_or_marked_gets_a_tombstone_unless_all_are_gone(
    world: World,
) -> None:
    known = [tag for tag in world.ledger.releases if world.ledger.tombstone(tag) is None]
    are_all_gone = bool(known) and all(tag not in world.tags for tag in known)
    fallen = [tag for tag in known if tag not in world.tags or tag in world.marks]

    standing = reconcile.fold(world)

    assert standing.is_all_gone == are_all_gone
    assert [one.tag for one in standing.reverted] == ([] if are_all_gone else sorted(fallen))


@no_deadline
@given(worlds())
def test_nothing_is_tombstoned_when_every_known_tag_is_gone(world: World) -> None:
    emptied = without_tags(world, list(world.tags))

    standing = reconcile.fold(emptied)

    assert standing.reverted == ()
    assert not standing.releases
    lying = [tag for tag in world.ledger.releases if world.ledger.tombstone(tag)]
    assert standing.is_all_gone == (len(lying) < len(world.ledger.releases))


@no_deadline
@given(st.data(), worlds(), st.booleans())
def test_deleting_never_changes_what_another_model_desires(
    data: st.DataObject, world: World, is_forward: bool
) -> None:
    current = data.draw(currents(world, "lifetime"))
    of_churn = [tag for tag in world.tags if tag.model == "churn"]
    deleted = data.draw(
        st.lists(st.sampled_from(of_churn), unique=True) if of_churn else st.just([])
    )

    before = plan(world, "lifetime", "production", current, is_forward=is_forward)
    after = plan(
        without_tags(world, deleted), "lifetime", "production", current, is_forward=is_forward
    )

    assert after == before


@no_deadline
@given(st.data(), worlds(), st.sampled_from(MODELS), st.sampled_from(ENVIRONMENTS), st.booleans())
def test_a_plan_that_was_executed_leaves_nothing_to_do(
    data: st.DataObject, world: World, model: str, environment: str, is_forward: bool
) -> None:
    current = data.draw(currents(world, model))
    step = plan(world, model, environment, current, is_forward=is_forward)

    after, now_runs = executed(world, step)
    standing, again = reconcile.fold(after), plan(after, model, environment, now_runs)

    assert standing.reverted == ()
    assert standing.releases == reconcile.fold(world).releases
    assert again.desired == step.desired
    assert not again.moves
    assert not again.needs_record
    assert again.action == ("keep" if step.desired else step.action)


@no_deadline
@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.sampled_from(WAYS), st.sets(st.integers(1, 8), min_size=1)), max_size=12),
)
def test_rolling_back_only_ever_goes_down_by_sequence(
    count: int, events: list[tuple[str, set[int]]]
) -> None:
    world = deployed_world(count)
    current = running(count)
    sequences = [count]

    for way, numbers in events:
        world = after_event(world, way, [release(one).tag for one in numbers if one <= count])
        world, current = executed(world, plan(world, "churn", "production", current))
        assert current.tag is not None
        sequences.append(world.ledger.releases[current.tag].manifest.sequence)

    assert sequences == sorted(sequences, reverse=True)


@no_deadline
@given(st.data(), worlds(), st.sampled_from(MODELS), st.booleans())
def test_with_no_release_left_the_environment_is_told_to_change_nothing(
    data: st.DataObject, world: World, model: str, is_forward: bool
) -> None:
    current = data.draw(currents(world, model))
    of_model = [tag for tag in world.tags if tag.model == model]
    was_used = current.tag is not None or world.ledger.live("production", model) is not None

    step = plan(without_tags(world, of_model), model, "production", current, is_forward=is_forward)

    assert step.action == ("none-left" if was_used else "wait")
    assert (step.desired, step.current, step.moves) == (None, current.tag, False)


@no_deadline
@given(st.integers(2, 9), st.data())
def test_any_number_of_tags_may_be_deleted_at_once(count: int, data: st.DataObject) -> None:
    kept = data.draw(st.integers(1, count))
    deleted = [release(one).tag for one in range(1, count + 1) if one != kept]
    world = without_tags(deployed_world(count), deleted)

    step = plan(world, "churn", "production", running(count))

    assert [one.tag for one in reconcile.fold(world).reverted] == deleted
    assert step.desired == release(kept)


@no_deadline
@given(st.integers(2, 6), st.data())
def test_a_tag_pushed_back_changes_nothing_but_a_note(count: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, count))
    tag = release(number).tag
    reverted = with_tombstone(without_tags(deployed_world(count), [tag]), tombstone_of(tag))
    current = Current(tag=release(count if number < count else count - 1).tag)

    back = with_tag(reverted, Annotated(tag=tag, manifest=release(number)))

    assert plan(back, "churn", "production", current) == plan(
        reverted, "churn", "production", current
    )
    assert plan(back, "churn", "production", current).action == "keep"
    (note,) = reconcile.fold(back).notes
    assert note.startswith(f"{tag} is on the origin, but stays reverted: test (Test Person")
    assert reconcile.fold(reverted).notes == ()


def test_a_lifted_tombstone_lets_the_release_stand_and_go_live_again() -> None:
    tag = release(2).tag
    world = with_tombstone(deployed_world(2), tombstone_of(tag))
    lifted = with_tombstone(world, tombstone_of(tag, is_lifted=True))

    assert plan(world, "churn", "production", running(1)).action == "keep"
    step = plan(lifted, "churn", "production", running(1))
    assert (step.action, step.desired) == ("forward", release(2))


def test_order_is_by_sequence_not_by_version() -> None:
    newest = manifest_of("churn@v1.0.9", sequence=2)
    world = world_of()
    for one in (manifest_of("churn@v2.0.0", sequence=1), newest):
        world = with_release(world, one)

    assert plan(world, "churn", "production", running(None), is_forward=True).desired == newest


def test_a_schedule_never_pushes_past_an_approval() -> None:
    world = deployed_world(1, environments=["staging", "production"])
    world = with_release(world, release(2))
    world = with_deployment(world, deployment_of(release(2).tag, "staging", sequence=2))
    current = running(1)

    assert plan(world, "churn", "production", current).desired == release(1)
    assert plan(world, "churn", "production", current, is_forward=True).desired == release(2)


def test_a_deployment_that_failed_is_no_place_to_roll_back_to() -> None:
    world = deployed_world(3)
    failed = deployment_of(release(2).tag, sequence=2, outcome="failed")
    place = ("production", "churn")
    records = (world.ledger.deployments[place][0], failed, world.ledger.deployments[place][2])
    world = replace(world, ledger=replace(world.ledger, deployments={place: records}))

    step = plan(without_tags(world, [release(3).tag]), "churn", "production", running(3))

    assert step.desired == release(1)


@pytest.mark.parametrize(
    ("current", "deleted", "is_forward", "action"),
    [
        pytest.param(running(2), [], False, "keep", id="it-runs-what-it-should"),
        pytest.param(running(2, is_healthy=False), [], False, "restart", id="it-does-not-answer"),
        pytest.param(running(None), [], False, "restart", id="it-ran-once-and-is-gone"),
        pytest.param(running(1), [], False, "forward", id="it-was-killed-before-it-switched"),
        pytest.param(running(2), [2], False, "rollback", id="its-tag-was-deleted"),
        pytest.param(running(2), [1, 2], False, "none-left", id="every-tag-was-deleted"),
        pytest.param(running(2), [], True, "forward", id="a-release-moves-it"),
        pytest.param(running(3), [3], True, "rollback", id="forward-from-a-deleted-one"),
        pytest.param(running(2), [2], True, "forward", id="forward-past-a-deleted-one"),
    ],
)
def test_the_action_says_what_is_done(
    current: Current, deleted: list[int], is_forward: bool, action: str
) -> None:
    world = deployed_world(2)
    if is_forward:
        world = with_release(world, release(3))

    step = plan(
        without_tags(world, [release(one).tag for one in deleted]),
        "churn", "production", current, is_forward=is_forward,
    )  # fmt: skip

    assert step.action == action
    assert step.moves == (action in {"restart", "forward", "rollback"})


def test_an_environment_without_a_first_release_waits_for_one() -> None:
    world = with_release(world_of(), release(1))

    assert plan(world_of(), "churn", "production", running(None)).action == "wait"
    assert plan(world, "churn", "production", running(None)).action == "wait"
    assert plan(world, "churn", "production", running(None), is_forward=True).action == "forward"


def test_what_runs_counts_as_live_and_is_written_down() -> None:
    """A run that was killed between the switch and its record."""
    world = with_release(deployed_world(1), release(2))

    step = plan(world, "churn", "production", running(2))

    assert (step.action, step.desired, step.needs_record) == ("keep", release(2), True)


def test_a_tag_that_is_no_release_is_ignored_with_its_reason() -> None:
    tag = Tag("churn", Version(1, 9, 0))
    world = with_tag(deployed_world(1), Unusable(tag=tag, why="is a lightweight tag"))

    standing = reconcile.fold(world)

    assert standing.of("churn") == (release(1),)
    assert standing.notes == ("churn@v1.9.0 is ignored: it is a lightweight tag",)


@no_deadline
@given(st.data(), worlds(), st.sampled_from(MODELS), st.booleans())
def test_what_is_new_in_a_later_environment_was_live_in_the_one_before(
    data: st.DataObject, world: World, model: str, is_forward: bool
) -> None:
    current = data.draw(currents(world, model))
    before = world.ledger.deployed("staging", model)
    there = world.ledger.deployed("production", model) | {current.tag}

    step = plan(world, model, "production", current, is_forward=is_forward, proven_before=before)

    if step.desired is not None:
        assert step.desired.tag in (before | there if is_forward else there)


@no_deadline
@given(st.data(), worlds(), st.sampled_from(MODELS))
def test_a_release_never_moves_a_later_environment_back(
    data: st.DataObject, world: World, model: str
) -> None:
    """Whatever the one before it lacks, as it does when it was added later."""
    current = data.draw(currents(world, model))
    before = data.draw(st.sets(st.sampled_from(sorted(world.ledger.releases) or [None])))

    kept = plan(world, model, "production", current)
    moved = plan(world, model, "production", current, is_forward=True, proven_before=before)

    if kept.desired is not None:
        assert moved.desired is not None
        assert moved.desired.sequence >= kept.desired.sequence


def plan(
    world: World,
    model: str,
    environment: str,
    current: Current,
    *,
    is_forward: bool = False,
    proven_before: Iterable[Tag] | None = None,
) -> Step:
    return reconcile.plan(
        world, reconcile.fold(world),
        model=model, environment=environment, current=current, is_forward=is_forward,
        proven_before=None if proven_before is None else frozenset(proven_before),
    )  # fmt: skip


def executed(world: World, step: Step) -> tuple[World, Current]:
    """Do what a deployment does: write the tombstones, move, write down what runs."""
    standing: Standing = reconcile.fold(world)
    for one in standing.reverted:
        world = with_tombstone(world, tombstone_of(one.tag, why=one.why))
    runs = step.desired.tag if step.moves and step.desired else step.current
    if step.desired and (step.moves or step.needs_record):
        record = deployment_of(step.desired.tag, step.environment, sequence=step.desired.sequence)
        world = with_deployment(world, record)
    return world, Current(tag=runs)


def after_event(world: World, way: str, tags: Iterable[Tag]) -> World:
    """Do to each tag what a person may do."""
    for tag in tags:
        if way == "delete":
            world = without_tags(world, [tag])
        elif way == "mark":
            world = with_mark(world, tag)
        elif way == "revert":
            world = with_tombstone(world, tombstone_of(tag))
        else:
            manifest = world.ledger.releases[tag].manifest
            world = with_tag(world, Annotated(tag=tag, manifest=manifest))
    return world


def deployed_world(count: int, *, environments: Iterable[str] = ("production",)) -> World:
    """Releases 1 … count of churn, each of which went live in turn."""
    world = world_of()
    for number in range(1, count + 1):
        world = with_release(world, release(number))
        for environment in environments:
            record = deployment_of(release(number).tag, environment, sequence=number)
            world = with_deployment(world, record)
    return world


def world_of() -> World:
    return World(
        branch="main",
        head="c0" * 20,
        tags={},
        marks=frozenset(),
        ledger=Ledger(),
        ledger_commit="1e" * 20,
    )


def with_release(world: World, manifest: Manifest) -> World:
    record = ledger.Release(manifest=manifest, tag_object="7a" * 20, tagger="Test Person")
    releases = {**world.ledger.releases, manifest.tag: record}
    world = replace(world, ledger=replace(world.ledger, releases=releases))
    return with_tag(world, Annotated(tag=manifest.tag, manifest=manifest))


def with_tag(world: World, fact: Annotated | Unusable) -> World:
    return replace(world, tags={**world.tags, fact.tag: fact})


def without_tags(world: World, deleted: Iterable[Tag]) -> World:
    gone = set(deleted)
    return replace(world, tags={tag: one for tag, one in world.tags.items() if tag not in gone})


def with_mark(world: World, tag: Tag) -> World:
    return replace(world, marks=world.marks | {tag})


def with_tombstone(world: World, record: Tombstone) -> World:
    tag = next(tag for tag in world.ledger.releases if str(tag) == record.tag)
    those = (*world.ledger.tombstones.get(tag, ()), record)
    tombstones = {**world.ledger.tombstones, tag: those}
    return replace(world, ledger=replace(world.ledger, tombstones=tombstones))


def with_deployment(world: World, record: Deployment) -> World:
    place = (record.environment, record.model)
    those = (*world.ledger.deployments.get(place, ()), record)
    deployments = {**world.ledger.deployments, place: those}
    return replace(world, ledger=replace(world.ledger, deployments=deployments))
