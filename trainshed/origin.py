"""The origin: the one place whose tags and ledger count. Never a local clone's, which may be old.

It is read through `trainshed.mirror`, and changed by one atomic push that either makes all of a
change or nothing of it.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trainshed import git, ledger, tags
from trainshed.cmd import Finished
from trainshed.errors import ConflictError, OutsideError
from trainshed.ledger import Ledger, Records
from trainshed.manifest import ManifestIsMalformed
from trainshed.manifest import parse as parse_manifest
from trainshed.mirror import REMOTE, Mirror, OriginCannotBeRead, Ref
from trainshed.tags import Tag
from trainshed.world import Annotated, Unusable, World

_TRIES = 8


class OriginRefusesThePush(OutsideError):
    """The origin did not accept a push: no permission, a rule, a hook."""


class SomebodyElseKeepsPushing(ConflictError):
    """The ledger changed again and again while it was being written."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one atomic push does: records for the ledger, refs to set, refs to delete."""

    records: Records
    message: str
    create: Mapping[str, str] | None = None
    """Ref to object id; it must not be there yet."""
    delete: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    repository: git.Repository

    @property
    def _mirror(self) -> Mirror:
        return Mirror(self.repository)

    def read(self) -> World:
        """Read the origin: its tags, marks, ledger and default branch.

        Raises:
            OriginCannotBeRead: it cannot be reached; an empty answer is never made of that.
            OriginWasReplaced, LedgerWasRewritten: it lost what it had.
        """
        found = self._mirror.refreshed()
        parsed = {tags.parse(name): ref for name, ref in found.tags.items()}
        named = {tag: ref for tag, ref in parsed.items() if tag is not None}
        releases = {tag: ref for tag, ref in named.items() if not tag.is_mark}
        return World(
            branch=found.branch,
            head=found.head,
            tags=self._facts(releases, found.ledger),
            marks=frozenset(tag.release for tag in named if tag.is_mark),
            ledger=found.ledger,
            ledger_commit=found.ledger_commit,
        )

    def change(self, build: Callable[[World], Change | None]) -> World:
        """Make one change: read, let `build` decide, push; again when somebody was faster.

        `build` sees a fresh world each time, so that numbers and versions are worked out anew. None
        means that nothing is left to do. Returns the world that was changed.

        Raises:
            OriginRefusesThePush: it will not be different next time.
            SomebodyElseKeepsPushing: after several tries.
        """
        for attempt in range(_TRIES):
            world = self.read()
            change = build(world)
            if change is None or self._push(world, change):
                return world
            time.sleep(random.uniform(0.05, 0.2) * (attempt + 1))  # noqa: S311  # not a secret
        raise SomebodyElseKeepsPushing(
            f"The ledger on {REMOTE} changed {_TRIES} times while it was being written.",
            fix="Wait for the other runs to end, then run the same command again.",
        )

    def _facts(self, named: Mapping[Tag, Ref], folded: Ledger) -> dict[Tag, Annotated | Unusable]:
        """Tell of each tag what it is. One that the ledger vouches for need not be read."""
        facts: dict[Tag, Annotated | Unusable] = {}
        unknown: dict[Tag, str] = {}
        for tag, ref in named.items():
            record = folded.releases.get(tag)
            if ref.kind != "tag":
                facts[tag] = Unusable(tag=tag, why="is a lightweight tag: it holds no manifest")
            elif record is None:
                unknown[tag] = ref.oid
            elif record.tag_object != ref.oid:
                facts[tag] = Unusable(
                    tag=tag, why="was made again by hand: the ledger knows another tag object"
                )
            else:
                facts[tag] = Annotated(tag=tag, manifest=record.manifest)
        objects = self.repository.objects(list(unknown.values()))
        for tag, one in zip(unknown, objects, strict=True):
            facts[tag] = _fact(tag, one.content)
        return facts

    def _push(self, world: World, change: Change) -> bool:
        """Push a change; False when somebody else was faster."""
        refs: dict[str, str] = dict(change.create or {})
        branch = f"refs/heads/{ledger.BRANCH}"
        if change.records:
            refs[branch] = ledger.commit(
                self.repository, world.ledger_commit, change.records, message=change.message
            )
        specs = [f"{oid}:{ref}" for ref, oid in refs.items()]
        pushed = self.repository.run(
            "push", "--atomic", "--porcelain", "--no-verify", "--no-follow-tags", REMOTE, *specs,
            *(f":{ref}" for ref in change.delete), check=False,
        )  # fmt: skip
        if pushed.returncode == 0:
            if branch in refs:
                self._mirror.remember_ledger(refs[branch], old=world.ledger_commit)
            return True
        if _was_a_race(pushed):
            return False
        raise OriginRefusesThePush(
            f"{REMOTE} did not accept the push of {', '.join([*refs, *change.delete])}: "
            f"{_reason(pushed)}",
            fix="Nothing was changed there. Check your right to push tags and the branch "
            f"{ledger.BRANCH}, and the rules on both; then run the same command again.",
        )

    def fetch_commit(self, commit: str) -> None:
        """Bring a commit that this clone lacks: a shallow one has no old commits."""
        if self.repository.has(commit):
            return
        fetched = self.repository.run(
            "fetch", "--no-progress", "--no-tags", "--refmap=", "--no-write-fetch-head",
            REMOTE, commit, check=False,
        )  # fmt: skip
        if fetched.returncode != 0:
            raise OriginCannotBeRead(
                f"The commit {commit} cannot be fetched from {REMOTE}: {fetched.err.strip()}",
                fix="If its branch was rewritten or deleted, push the commit again, on any branch.",
            )

    def make_tag(self, tag: Tag, *, commit: str, tagger: str, message: str) -> str:
        """Write an annotated tag's object, without a ref; the message is kept to the letter."""
        text = f"object {commit}\ntype commit\ntag {tag}\ntagger {tagger}\n\n{message}"
        return self.repository.run("mktag", stdin=text.encode()).out.strip()


def _fact(tag: Tag, content: bytes) -> Annotated | Unusable:
    _, _, message = content.partition(b"\n\n")
    try:
        return Annotated(tag=tag, manifest=parse_manifest(message, tag=tag))
    except ManifestIsMalformed as error:
        return Unusable(tag=tag, why=error.problem)


def _was_a_race(pushed: Finished) -> bool:
    lost = ("[rejected]", "cannot lock ref", "failed to update ref", "incorrect old value")
    return any(sign in pushed.out or sign in pushed.err for sign in lost)


def _reason(pushed: Finished) -> str:
    lines = [line for line in pushed.out.splitlines() if line.startswith("!")]
    return "; ".join(part.split("\t")[-1] for part in lines) or pushed.err.strip()
