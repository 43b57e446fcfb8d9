"""A mirror of the origin in refs of our own, and the one way in which it is brought up to date.

Only `refs/trainshed/origin/` is read and written: a person's tags and branches are neither trusted
nor touched. A failed listing or fetch is an error, never an empty answer.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainshed import git, ledger, locks
from trainshed.aside import Aside
from trainshed.errors import OutsideError, ReleaseStateError
from trainshed.ledger import Ledger

REMOTE = "origin"
_MIRROR = "refs/trainshed/origin"
_AS_IS = "surrogateescape"  # a ref's name is bytes, of any encoding


class OriginCannotBeRead(OutsideError):
    """The origin's refs cannot be listed or fetched, so nothing is known about its tags."""


class OriginWasReplaced(ReleaseStateError):
    """The origin has no ledger any more, or all its releases are gone at once."""


class LedgerWasRewritten(ReleaseStateError):
    """The ledger's branch on the origin no longer holds the records that it held before."""


@dataclass(frozen=True, kw_only=True)
class Ref:
    oid: str
    kind: str
    """What the object is: `commit`, or `tag` for an annotated one."""


@dataclass(frozen=True, kw_only=True)
class Mirrored:
    """What the origin had at one moment."""

    branch: str
    """Name of its default branch."""
    head: str | None
    tags: Mapping[str, Ref]
    """By their names, without `refs/tags/`."""
    ledger: Ledger
    ledger_commit: str | None


@dataclass(frozen=True)
class Mirror:
    repository: git.Repository

    def refreshed(self) -> Mirrored:
        """Bring the mirror up to date, if the origin has changed, and return what it holds.

        It is read while the origin is asked whether it has changed: mostly it has not.

        Raises:
            OriginCannotBeRead, OriginWasReplaced, LedgerWasRewritten
        """
        with self._lock():
            listed = Aside(self._list)
            refs = self._refs()
            folded: Ledger | None = None
            with contextlib.suppress(ledger.LedgerIsMalformed):  # the origin's may be mended
                folded = ledger.read(self.repository, _oid(refs, "ledger"))
            listing, branch = listed.outcome()
            if _mirrored(listing, branch) != {name: ref.oid for name, ref in refs.items()}:
                self._fetch(listing, branch, refs=refs)
                refs, folded = self._refs(), None
            commit = _oid(refs, "ledger")
            start = len(f"{_MIRROR}/tags/")
            return Mirrored(
                branch=branch,
                head=_oid(refs, "head"),
                tags={name[start:]: ref for name, ref in refs.items() if "/tags/" in name},
                ledger=folded or ledger.read(self.repository, commit),
                ledger_commit=commit,
            )

    def remember_ledger(self, new: str, *, old: str | None) -> None:
        """Note a ledger that this clone has just pushed: what it wrote itself, it must not forget.

        Unless another process has fetched it meanwhile, or a newer one.
        """
        with self._lock():
            self.repository.run("update-ref", f"{_MIRROR}/ledger", new, old or "", check=False)

    def _lock(self) -> contextlib.AbstractContextManager[None]:
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

    def _refs(self) -> dict[str, Ref]:
        lines = self.repository.read(
            "for-each-ref", "--format=%(refname) %(objectname) %(objecttype)", _MIRROR
        )
        parts = (line.split(" ") for line in lines.split("\n") if line)
        return {name: Ref(oid=oid, kind=kind) for name, oid, kind in parts}

    def _fetch(self, listing: Mapping[str, str], branch: str, *, refs: Mapping[str, Ref]) -> None:
        has_ledger = f"refs/heads/{ledger.BRANCH}" in listing
        if f"{_MIRROR}/ledger" in refs and not has_ledger:
            raise OriginWasReplaced(
                f"{REMOTE} has no branch {ledger.BRANCH} any more: it was replaced or emptied.",
                fix="Nothing was changed. Restore the branch; if the new origin is meant, run "
                f"`git update-ref -d {_MIRROR}/ledger` and the same command again.",
            )
        # What is gone goes first, by itself: a tag `a` would be in the way of a new one `a/b`.
        gone = refs.keys() - _mirrored(listing, branch).keys()
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


def _oid(refs: Mapping[str, Ref], name: str) -> str | None:
    ref = refs.get(f"{_MIRROR}/{name}")
    return ref.oid if ref else None


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
