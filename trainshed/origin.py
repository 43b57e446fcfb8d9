"""The origin: the one place whose tags and ledger count. Never a local clone's, which may be old.

What the origin has is mirrored into refs of our own (`refs/trainshed/origin/`) by one atomic fetch,
and only read from there: a person's local tags and branches are neither trusted nor touched.
"""

import contextlib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainshed import git, ledger, locks, tags
from trainshed.aside import Aside
from trainshed.cmd import Finished
from trainshed.errors import ConflictError, OutsideError, ReleaseStateError
from trainshed.ledger import Ledger, Records
from trainshed.manifest import ManifestIsMalformed
from trainshed.manifest import parse as parse_manifest
from trainshed.tags import Tag
from trainshed.world import Annotated, Unusable, World

REMOTE = "origin"
_MIRROR = "refs/trainshed/origin"
_TRIES = 8
_AS_IS = "surrogateescape"  # a ref's name is bytes, of any encoding


class OriginCannotBeRead(OutsideError):
    """The origin's refs cannot be listed or fetched, so nothing is known about its tags."""


class OriginWasReplaced(ReleaseStateError):
    """The origin has no ledger any more, or all its releases are gone at once."""


class LedgerWasRewritten(ReleaseStateError):
    """The ledger's branch on the origin no longer holds the records that it held before."""


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

    def read(self) -> World:
        """Read the origin: its tags, marks, ledger and default branch.

        Raises:
            OriginCannotBeRead: it cannot be reached; an empty answer is never made of that.
            OriginWasReplaced, LedgerWasRewritten: it lost what it had.
        """
        branch, mirror, folded = self._refreshed()
        named = self._release_tags(mirror)
        return World(
            branch=branch,
            head=mirror.get(f"{_MIRROR}/head", (None, ""))[0],
            tags=self._facts({t: f for t, f in named.items() if not t.is_mark}, folded),
            marks=frozenset(tag.release for tag in named if tag.is_mark),
            ledger=folded,
            ledger_commit=_ledger_in(mirror),
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

    def _refreshed(self) -> tuple[str, dict[str, tuple[str, str]], Ledger]:
        """Return the default branch's name, the mirror and its ledger, fetched if need be.

        The mirror is read while the origin is asked whether it has changed: mostly it has not.
        """
        with self._mirror_lock():
            listed = Aside(self._list)
            mirror = self._mirror()
            folded: Ledger | None = None
            with contextlib.suppress(ledger.LedgerIsMalformed):  # the origin's may be mended
                folded = ledger.read(self.repository, _ledger_in(mirror))
            listing, branch = listed.outcome()
            if _mirrored(listing, branch) != {ref: oid for ref, (oid, _) in mirror.items()}:
                self._fetch(listing, branch, mirror=mirror)
                mirror, folded = self._mirror(), None
            return branch, mirror, folded or ledger.read(self.repository, _ledger_in(mirror))

    def _mirror_lock(self) -> contextlib.AbstractContextManager[None]:
        """One process of a clone at a time: another's fetch would be seen by halves, or fail."""
        common = self.repository.read("rev-parse", "--path-format=absolute", "--git-common-dir")
        return locks.held(Path(common) / "trainshed.lock")

    def _list(self) -> tuple[dict[str, str], str]:
        found = self.repository.run(
            "ls-remote", "--symref", REMOTE, "HEAD", "refs/heads/*", "refs/tags/*", check=False
        )
        if found.returncode != 0:
            raise OriginCannotBeRead(
                f"The refs of the remote {REMOTE} cannot be listed: {found.err.strip()}",
                fix="Check `git remote -v`, the network and your access, then try again.",
            )
        listing: dict[str, str] = {}
        branch = "main"
        for line in found.out.split("\n"):  # not splitlines: a tag's name may hold a U+2028
            value, _, ref = line.partition("\t")
            if value.startswith("ref: refs/heads/"):
                branch = value.removeprefix("ref: refs/heads/")
            elif not ref.endswith("^{}") and ref != "HEAD":
                listing[ref] = value
        return listing, branch

    def _mirror(self) -> dict[str, tuple[str, str]]:
        lines = self.repository.read(
            "for-each-ref", "--format=%(refname) %(objectname) %(objecttype)", _MIRROR
        )
        parts = (line.split(" ") for line in lines.split("\n") if line)
        return {ref: (oid, kind) for ref, oid, kind in parts}

    def _fetch(
        self, listing: Mapping[str, str], branch: str, *, mirror: Mapping[str, tuple[str, str]]
    ) -> None:
        has_ledger = f"refs/heads/{ledger.BRANCH}" in listing
        if f"{_MIRROR}/ledger" in mirror and not has_ledger:
            raise OriginWasReplaced(
                f"{REMOTE} has no branch {ledger.BRANCH} any more: it was replaced or emptied.",
                fix="Nothing was changed. Restore the branch; if the new origin is meant, run "
                f"`git update-ref -d {_MIRROR}/ledger` and the same command again.",
            )
        # What is gone goes first, by itself: a tag `a` would be in the way of a new one `a/b`.
        gone = mirror.keys() - _mirrored(listing, branch).keys()
        deletions = "".join(f"delete {ref}\n" for ref in gone)
        self.repository.run("update-ref", "--stdin", stdin=deletions.encode("utf-8", _AS_IS))
        specs = [f"+refs/tags/*:{_MIRROR}/tags/*"]
        if f"refs/heads/{branch}" in listing:
            specs.append(f"+refs/heads/{branch}:{_MIRROR}/head")
        if has_ledger:  # not forced: a ledger that lost records is refused, by git itself
            specs.append(f"refs/heads/{ledger.BRANCH}:{_MIRROR}/ledger")
        fetched = self.repository.run(
            "-c", "gc.auto=0", "fetch", "--no-progress", "--no-tags", "--refmap=", "--prune",
            "--atomic", "--no-write-fetch-head", "--no-recurse-submodules", REMOTE, *specs,
            check=False,
        )  # fmt: skip
        if fetched.returncode == 0:
            return
        if "non-fast-forward" in fetched.err:
            raise LedgerWasRewritten(
                f"The branch {ledger.BRANCH} on {REMOTE} lost records that it had before.",
                fix="Nothing was changed. Restore it; if the new one is meant, run "
                f"`git update-ref -d {_MIRROR}/ledger` and the same command again.",
            )
        raise OriginCannotBeRead(
            f"Fetching from {REMOTE} failed: {fetched.err.strip()}",
            fix="Check the network and your access, then try again.",
        )

    def _release_tags(self, mirror: Mapping[str, tuple[str, str]]) -> dict[Tag, tuple[str, str]]:
        found = {}
        start = len(f"{_MIRROR}/tags/")
        for ref, fact in mirror.items():
            if ref.startswith(f"{_MIRROR}/tags/"):
                tag = tags.parse(ref[start:])
                if tag is not None:
                    found[tag] = fact
        return found

    def _facts(
        self, named: Mapping[Tag, tuple[str, str]], folded: Ledger
    ) -> dict[Tag, Annotated | Unusable]:
        """Tell of each tag what it is. One that the ledger vouches for need not be read."""
        facts: dict[Tag, Annotated | Unusable] = {}
        unknown: dict[Tag, str] = {}
        for tag, (oid, kind) in named.items():
            record = folded.releases.get(tag)
            if kind != "tag":
                facts[tag] = Unusable(tag=tag, why="is a lightweight tag: it holds no manifest")
            elif record is None:
                unknown[tag] = oid
            elif record.tag_object != oid:
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
            if branch in refs:  # at once: what this clone wrote itself, it must not forget
                new, old = refs[branch], world.ledger_commit or ""
                with self._mirror_lock():  # unless another process fetched it, or a newer one
                    self.repository.run("update-ref", f"{_MIRROR}/ledger", new, old, check=False)
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


def _ledger_in(mirror: Mapping[str, tuple[str, str]]) -> str | None:
    return mirror.get(f"{_MIRROR}/ledger", (None, ""))[0]


def _mirrored(listing: Mapping[str, str], branch: str) -> dict[str, str]:
    mirrored = {
        f"{_MIRROR}/tags/{ref.removeprefix('refs/tags/')}": oid
        for ref, oid in listing.items()
        if ref.startswith("refs/tags/")
    }
    for name, ours in ((branch, "head"), (ledger.BRANCH, "ledger")):
        if f"refs/heads/{name}" in listing:
            mirrored[f"{_MIRROR}/{ours}"] = listing[f"refs/heads/{name}"]
    return mirrored


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
