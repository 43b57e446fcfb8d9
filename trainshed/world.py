"""What the origin says at one moment: tags, revert marks, ledger, default branch. Facts only."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainshed.ledger import Ledger
from trainshed.manifest import Manifest
from trainshed.tags import Tag


@dataclass(frozen=True, kw_only=True)
class Annotated:
    """A release tag on the origin whose manifest is valid."""

    tag: Tag
    manifest: Manifest


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """A tag on the origin that has a release's name but is no release, and why."""

    tag: Tag
    why: str


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that the origin says, read at one moment."""

    branch: str
    """Name of its default branch."""
    head: str | None
    """Newest commit of its default branch; None in an empty repository."""
    tags: Mapping[Tag, Annotated | Unusable]
    marks: frozenset[Tag]
    """Releases that carry a revert mark."""
    ledger: Ledger
    ledger_commit: str | None
