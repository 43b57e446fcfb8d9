"""Reconcile: what should run where, as a pure function of the origin's tags and ledger.

    desired = newest by sequence of { annotated tags with a valid manifest }
              minus { tombstones, revert marks }

An environment converges on the newest of these that was already live THERE; only a release moves it
forward. Nothing here reads a clock, a clone or an environment: facts in, plan out.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from trainshed.ledger import Ledger
from trainshed.manifest import Manifest
from trainshed.mirror import OriginWasReplaced
from trainshed.tags import Tag
from trainshed.world import Annotated, Unusable, World

Action = Literal["keep", "restart", "forward", "rollback", "wait", "none-left"]


@dataclass(frozen=True, kw_only=True)
class Current:
    """What an environment runs of a model, as its target says."""

    tag: Tag | None
    """None: nothing runs."""
    is_healthy: bool = True


@dataclass(frozen=True, kw_only=True)
class Reverted:
    """A release that is to get a tombstone, and why."""

    tag: Tag
    run_id: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Which releases stand, by the origin's tags and ledger."""

    releases: Mapping[str, tuple[Manifest, ...]]
    """By model, newest first."""
    reverted: tuple[Reverted, ...]
    notes: tuple[str, ...]
    """What was seen and left alone, in sentences."""
    is_all_gone: bool
    """Every tag that the ledger knows is gone at once: an origin replaced, not a rollback."""

    def of(self, model: str) -> tuple[Manifest, ...]:
        return self.releases.get(model, ())

    def manifest(self, tag: Tag) -> Manifest | None:
        return next((one for one in self.of(tag.model) if one.tag == tag), None)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one environment does about one model."""

    environment: str
    model: str
    action: Action
    current: Tag | None
    desired: Manifest | None
    recorded: Tag | None = None
    """What the ledger says to be live there."""

    @property
    def needs_record(self) -> bool:
        """It runs what it should, but the ledger says otherwise: a run was killed in between."""
        return self.desired is not None and self.desired.tag == self.current != self.recorded

    @property
    def moves(self) -> bool:
        return self.action in {"restart", "forward", "rollback"}


def fold(world: World) -> Standing:
    """Tell which releases stand, which are to be tombstoned, and what was ignored and why."""
    known = {tag: record for tag, record in world.ledger.releases.items() if not _lies(world, tag)}
    gone = [tag for tag in known if tag not in world.tags]
    is_all_gone = bool(known) and len(gone) == len(known)
    reverted = [] if is_all_gone else [
        Reverted(tag=tag, run_id=known[tag].manifest.run_id, why="its tag was deleted")
        for tag in gone
    ]  # fmt: skip
    reverted += [
        Reverted(tag=tag, run_id=one.manifest.run_id, why=f"it carries the revert mark {tag.mark}")
        for tag, one in known.items()
        if tag in world.marks and tag not in gone
    ]
    fallen = {one.tag for one in reverted}
    standing: dict[str, list[Manifest]] = {}
    for tag, fact in world.tags.items():
        stands = isinstance(fact, Annotated) and tag not in world.marks and tag not in fallen
        if stands and not _lies(world, tag):
            assert isinstance(fact, Annotated)
            standing.setdefault(tag.model, []).append(fact.manifest)
    return Standing(
        releases={model: _newest_first(those) for model, those in standing.items()},
        reverted=tuple(sorted(reverted, key=lambda one: one.tag)),
        notes=tuple(_notes(world)),
        is_all_gone=is_all_gone,
    )


def require_an_origin(world: World, standing: Standing) -> None:
    """Refuse to go on when every release that the ledger knows is gone from the origin.

    Raises:
        OriginWasReplaced
    """
    if standing.is_all_gone:
        names = ", ".join(str(tag) for tag in sorted(world.ledger.releases)[-3:])
        raise OriginWasReplaced(
            f"Every release that the ledger knows is gone from the origin ({names}).",
            fix="Nothing was changed, and everything keeps running. If the origin was replaced, "
            "push the tags back; if the last release is to go, say so: "
            "scripts/deploy.py revert TAG --reason WHY",
        )


def plan(
    world: World,
    standing: Standing,
    *,
    model: str,
    environment: str,
    current: Current,
    is_forward: bool = False,
    proven_before: Collection[Tag] | None = None,
) -> Step:
    """Decide what one environment does about one model.

    Args:
        world, standing: the origin's facts, and their fold.
        model, environment: which one of each.
        current: what runs there now.
        is_forward: a release asks to move this environment to the newest release that stands.
        proven_before: what once was live in the environment before this one: nothing else is new
            here. None: this is the first, so every release may come.
    """
    there = world.ledger.deployed(environment, model)
    # Whatever runs was switched to, and only what proved healthy is: a killed run may have had no
    # time to write that down.
    proven = there | ({current.tag} if current.tag is not None else set())
    candidates = standing.of(model)
    if is_forward and proven_before is not None:
        proven |= set(proven_before)
    if not is_forward or proven_before is not None:
        candidates = tuple(one for one in candidates if one.tag in proven)
    desired = candidates[0] if candidates else None
    return Step(
        environment=environment,
        model=model,
        action=_action(desired, current, world.ledger, was_used=bool(there)),
        current=current.tag,
        desired=desired,
        recorded=world.ledger.live(environment, model),
    )


def _action(
    desired: Manifest | None, current: Current, ledger: Ledger, *, was_used: bool
) -> Action:
    if desired is None:
        return "none-left" if was_used or current.tag is not None else "wait"
    if current.tag is None:
        return "restart" if was_used else "forward"
    if desired.tag == current.tag:
        return "keep" if current.is_healthy else "restart"
    running = ledger.releases.get(current.tag)
    is_older = running is not None and running.manifest.sequence < desired.sequence
    return "forward" if is_older else "rollback"


def _lies(world: World, tag: Tag) -> bool:
    return world.ledger.tombstone(tag) is not None


def _newest_first(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    return tuple(sorted(manifests, key=lambda one: (one.sequence, one.tag.version), reverse=True))


def _notes(world: World) -> Iterable[str]:
    for tag, fact in sorted(world.tags.items()):
        tombstone = world.ledger.tombstone(tag)
        if tombstone is not None and tag not in world.marks:
            yield (
                f"{tag} is on the origin, but stays reverted: {tombstone.why} "
                f"({tombstone.who}, {tombstone.when}). A tombstone outranks a tag; "
                f"`scripts/deploy.py revert --unrevert {tag}` lifts it."
            )
        if tombstone is None and isinstance(fact, Unusable):
            yield f"{tag} is ignored: it {fact.why}"
