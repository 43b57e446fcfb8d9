"""Tombstones: what was reverted stays reverted, until somebody lifts its tombstone on purpose."""

from trainshed import ledger, reconcile, times
from trainshed.errors import ConflictError, ReleaseStateError
from trainshed.origin import Change, Origin
from trainshed.reconcile import Reverted
from trainshed.tags import Tag
from trainshed.world import Unusable, World


class ReleaseIsUnknown(ReleaseStateError):
    """The ledger knows no release of that name."""


class TagIsInTheWay(ConflictError):
    """Another tag of the release's name is on the origin, so the release's own cannot be made."""


def revert(origin: Origin, tag: Tag, *, who: str, why: str) -> bool:
    """Write a release's tombstone, and a revert mark on its tag for those who read tags only.

    False when it lies under one already.
    """

    def build(world: World) -> Change | None:
        release = _known(world, tag)
        if world.ledger.tombstone(tag) is not None:
            return None
        record = _record(release, who=who, why=why, is_lifted=False)
        return Change(
            records=ledger.tombstone_records(world.ledger, record),
            message=f"Revert {tag}: {why}\n",
            create=_mark(origin, world, record, release),
        )

    return origin.change(build).ledger.tombstone(tag) is None


def bury(origin: Origin, fallen: Reverted, *, who: str) -> bool:
    """Write the tombstone of a release that was found gone or marked; False when it stands again.

    That is judged anew on each try: somebody may have brought it back meanwhile.
    """

    def build(world: World) -> Change | None:
        if fallen not in reconcile.fold(world).reverted:
            return None
        record = _record(_known(world, fallen.tag), who=who, why=fallen.why, is_lifted=False)
        return Change(
            records=ledger.tombstone_records(world.ledger, record),
            message=f"Revert {fallen.tag}: {fallen.why}\n",
        )

    return fallen in reconcile.fold(origin.change(build)).reverted


def unrevert(origin: Origin, tag: Tag, *, who: str, why: str) -> bool:
    """Lift a tombstone: make the same tag again from the ledger, and remove its revert mark.

    False when the release stands already.
    """

    def build(world: World) -> Change | None:
        release = _known(world, tag)
        fact = world.tags.get(tag)
        if isinstance(fact, Unusable):
            raise TagIsInTheWay(
                f"The origin has a tag {tag} that is not the release: it {fact.why}.",
                fix=f"Delete it with `git push --delete origin {tag}`, then unrevert again.",
            )
        if _stands(world, tag):
            return None
        record = _record(release, who=who, why=why, is_lifted=True)
        return Change(
            records=ledger.tombstone_records(world.ledger, record),
            message=f"Unrevert {tag}: {why}\n",
            create={} if fact is not None else {tag.ref: _make_again(origin, release)},
            delete=(tag.mark.ref,) if tag in world.marks else (),
        )

    return not _stands(origin.change(build), tag)


def _mark(
    origin: Origin, world: World, record: ledger.Tombstone, release: ledger.Release
) -> dict[str, str]:
    """Return the ref of a revert mark; none where there is no tag to mark, or it is marked."""
    tag = release.manifest.tag
    if tag not in world.tags or tag in world.marks:
        return {}
    origin.fetch_commit(release.manifest.commit)
    message = f"{record.why}\n\nReverted by {record.who}, {record.when}.\n"
    oid = origin.make_tag(
        tag.mark, commit=release.manifest.commit, tagger=release.tagger, message=message
    )
    return {tag.mark.ref: oid}


def _stands(world: World, tag: Tag) -> bool:
    is_down = world.ledger.tombstone(tag) is not None or tag in world.marks
    return tag in world.tags and not is_down


def _known(world: World, tag: Tag) -> ledger.Release:
    release = world.ledger.releases.get(tag)
    if release is None:
        raise ReleaseIsUnknown(
            f"The ledger knows no release {tag}.",
            fix="`scripts/deploy.py plan` lists the releases there are.",
        )
    return release


def _record(release: ledger.Release, *, who: str, why: str, is_lifted: bool) -> ledger.Tombstone:
    return ledger.Tombstone(
        tag=str(release.manifest.tag),
        run_id=release.manifest.run_id,
        who=who,
        when=times.now(),
        why=why,
        is_lifted=is_lifted,
    )


def _make_again(origin: Origin, release: ledger.Release) -> str:
    manifest = release.manifest
    origin.fetch_commit(manifest.commit)
    return origin.make_tag(
        manifest.tag, commit=manifest.commit, tagger=release.tagger, message=manifest.to_json()
    )
