"""The ledger: append-only records of what happened, one JSON file each, on a branch of their own.

    releases/<tag>.json                       the manifest, and the tag object that holds it
    tombstones/<tag>/<number>.json            reverted; a later one may lift it
    deployments/<environment>/<model>/<number>.json
    runs/<model>/<run id>.json

Reading folds the records; writing makes a commit whose parent is the newest one. `trainshed.origin`
pushes it, together with the tag it speaks of.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from trainshed import decode, git, tags
from trainshed.errors import ReleaseStateError
from trainshed.manifest import Manifest
from trainshed.tags import Tag

BRANCH = "trainshed-ledger"
_FOLDED = ("releases", "tombstones", "deployments")

Records = Mapping[str, Any]
"""Path in the ledger to a record: a dataclass or plain JSON."""


class LedgerIsMalformed(ReleaseStateError):
    """A record in the ledger cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Release:
    manifest: Manifest
    tag_object: str
    """Id of the annotated tag's object: the tag on the origin must be this one."""
    tagger: str
    """The tagger line, so that the same tag can be made again: `Name <mail> <seconds> <zone>`."""


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    tag: str
    run_id: str
    who: str
    when: str
    why: str
    is_lifted: bool = False


@dataclass(frozen=True, kw_only=True)
class Deployment:
    environment: str
    model: str
    tag: str
    sequence: int
    outcome: Literal["live", "failed"]
    previous: str | None
    seconds: float
    who: str
    when: str
    why: str
    image: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The folded ledger."""

    releases: Mapping[Tag, Release] = field(default_factory=dict)
    tombstones: Mapping[Tag, tuple[Tombstone, ...]] = field(default_factory=dict)
    """Every tombstone record of a release, in order; the last one counts."""
    deployments: Mapping[tuple[str, str], tuple[Deployment, ...]] = field(default_factory=dict)
    """By (environment, model), in order."""

    def tombstone(self, tag: Tag) -> Tombstone | None:
        """Return the tombstone that a release lies under, unless it was lifted."""
        records = self.tombstones.get(tag, ())
        return records[-1] if records and not records[-1].is_lifted else None

    def of_model(self, model: str) -> list[Release]:
        """Return every release of a model there ever was, by sequence."""
        mine = [one for tag, one in self.releases.items() if tag.model == model]
        return sorted(mine, key=lambda one: one.manifest.sequence)

    def deployed(self, environment: str, model: str) -> frozenset[Tag]:
        """Return the releases that once went live in an environment."""
        records = self.deployments.get((environment, model), ())
        return frozenset(tags.require(one.tag) for one in records if one.outcome == "live")

    def live(self, environment: str, model: str) -> Tag | None:
        """Return the release that went live last in an environment."""
        records = self.deployments.get((environment, model), ())
        live = [one.tag for one in records if one.outcome == "live"]
        return tags.require(live[-1]) if live else None


def read(repository: git.Repository, commit: str | None) -> Ledger:
    """Fold the ledger of a commit of its branch; None is a ledger without records.

    Raises:
        LedgerIsMalformed: names the record that cannot be read.
    """
    if commit is None:
        return Ledger()
    entries = repository.entries(commit, [f"{name}/" for name in _FOLDED], recurse=True)
    blobs = [entry for entry in entries if entry.kind == "blob"]
    objects = repository.objects([entry.oid for entry in blobs])
    return fold({entry.path: one.content for entry, one in zip(blobs, objects, strict=True)})


def events(repository: git.Repository, commit: str | None) -> list[Deployment | Tombstone]:
    """Return what happened, in the order in which it was written: a clock may tie, or go back."""
    if commit is None:
        return []
    kinds: dict[str, type[Deployment | Tombstone]] = {
        "deployments": Deployment,
        "tombstones": Tombstone,
    }
    oids = {
        entry.path: entry.oid
        for entry in repository.entries(commit, [f"{kind}/" for kind in kinds], recurse=True)
        if entry.kind == "blob"
    }
    log = repository.read(
        "log", "--reverse", "--format=", "--name-only", "--no-renames", "-z", commit, "--", *kinds
    )
    paths = [path for path in dict.fromkeys(log.split("\0")) if path in oids]
    objects = repository.objects([oids[path] for path in paths])
    return [
        decode.from_json(kinds[path.partition("/")[0]], one.content)
        for path, one in zip(paths, objects, strict=True)
    ]


def fold(records: Mapping[str, bytes]) -> Ledger:
    releases: dict[Tag, Release] = {}
    tombstones: dict[Tag, list[Tombstone]] = {}
    deployments: dict[tuple[str, str], list[Deployment]] = {}
    for path in sorted(records):
        kind, _, _ = path.partition("/")
        try:
            if kind == "releases":
                release = decode.from_json(Release, records[path])
                releases[release.manifest.tag] = release
            elif kind == "tombstones":
                tombstone = decode.from_json(Tombstone, records[path])
                tombstones.setdefault(tags.require(tombstone.tag), []).append(tombstone)
            elif kind == "deployments":
                one = decode.from_json(Deployment, records[path])
                deployments.setdefault((one.environment, one.model), []).append(one)
        except (ValueError, tags.NotAReleaseTag) as error:
            raise LedgerIsMalformed(
                f"{path} on the branch {BRANCH} cannot be read: {str(error).splitlines()[0]}.",
                fix="Records are only ever appended by Trainshed: revert the commit that changed "
                "it on that branch.",
            ) from None
    return Ledger(
        releases=releases,
        tombstones={tag: tuple(those) for tag, those in tombstones.items()},
        deployments={place: tuple(those) for place, those in deployments.items()},
    )


def release_records(release: Release) -> Records:
    return {f"releases/{release.manifest.tag}.json": release}


def run_records(model: str, run_id: str, summary: Mapping[str, Any]) -> Records:
    return {f"runs/{model}/{run_id}.json": summary}


def tombstone_records(ledger: Ledger, tombstone: Tombstone) -> Records:
    number = len(ledger.tombstones.get(tags.require(tombstone.tag), ())) + 1
    return {f"tombstones/{tombstone.tag}/{number:06d}.json": tombstone}


def deployment_records(ledger: Ledger, deployment: Deployment) -> Records:
    there = ledger.deployments.get((deployment.environment, deployment.model), ())
    place = f"deployments/{deployment.environment}/{deployment.model}"
    return {f"{place}/{len(there) + 1:06d}.json": deployment}


def commit(
    repository: git.Repository, parent: str | None, records: Records, *, message: str
) -> str:
    """Make a commit that adds records to the ledger; nothing is pushed, no ref moves.

    Returns:
        The id of the commit.
    """
    lines = []
    for path, record in records.items():
        blob = repository.write_blob(_to_json(record).encode())
        lines.append(f"100644 {blob}\t{path}\n")
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        if parent is not None:
            repository.run("read-tree", parent, env=index)
        repository.run("update-index", "--index-info", stdin="".join(lines).encode(), env=index)
        tree = repository.run("write-tree", env=index).out.strip()
    parents = [] if parent is None else ["-p", parent]
    made = repository.run(
        "commit-tree", tree, *parents, "-F", "-", stdin=message.encode(),
        env=_fallback_identity(repository),
    )  # fmt: skip
    return made.out.strip()


def _to_json(record: Any) -> str:
    content = record if isinstance(record, Mapping) else asdict(record)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _fallback_identity(repository: git.Repository) -> dict[str, str]:
    """A robot without a name of its own still signs the ledger."""
    name, _, mail = repository.identity().partition(" <")
    mail = mail.rstrip(">")
    return {
        "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail,
        "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": mail,
    }  # fmt: skip
