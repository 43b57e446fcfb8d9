"""The manifest: what a release is. It is the message of the release's annotated tag."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from trainshed import decode, tags
from trainshed.errors import ReleaseStateError
from trainshed.evidence import Evidence
from trainshed.tags import Tag

FORMAT = 1
MOST_BYTES = 64_000


class ManifestIsMalformed(ReleaseStateError):
    """A tag's message is not a manifest, or is that of another release."""


class ManifestIsTooLarge(ReleaseStateError):
    """A manifest would not fit a tag's message."""


@dataclass(frozen=True, kw_only=True)
class Data:
    path: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Gate:
    """How the release was let through: the verdict, and against which release."""

    verdict: str
    baseline: str | None
    """The tag it was compared with; None for a first release."""


@dataclass(frozen=True, kw_only=True)
class Override:
    """A gate that blocked, and who let the release pass all the same."""

    reason: str
    who: str


@dataclass(frozen=True)
class Manifest:
    model: str
    version: str
    sequence: int
    """1, 2, 3 … per model, in the order of releasing. Releases are ordered by it alone."""
    commit: str
    run_id: str
    dataset: Data
    artifact: str
    """sha256 of the artifact."""
    metrics: Mapping[str, float]
    gate: Gate
    released: str
    """ISO 8601, UTC. To read, never to order by."""
    schema: str | None = None
    """sha256 of the input schema: when it changes, callers break."""
    predictions: str | None = None
    examples: str | None = None
    image: str | None = None
    """The image by digest; None for a release that is served from the run store, or not at all."""
    python: str | None = None
    skipped: tuple[str, ...] = ()
    """Commits of the main branch since the release before that were never released themselves."""
    override: Override | None = None
    evidence: Evidence | None = None
    """What the gate judged by: rows, and the intervals of the metrics that gate."""
    format: int = FORMAT

    @cached_property
    def tag(self) -> Tag:
        return tags.require(f"{self.model}@v{self.version}")

    def to_json(self) -> str:
        """Return the tag's message: readable JSON, one line break at its end."""
        content = {key: value for key, value in asdict(self).items() if value not in (None, ())}
        if self.evidence is not None:
            content["evidence"] = _without_nothing(content["evidence"])
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def parse(text: str | bytes, *, tag: Tag) -> Manifest:
    """Read the manifest in a tag's message.

    Raises:
        ManifestIsMalformed: it is not JSON, lacks something, or names another model or version.
    """
    try:
        manifest = decode.from_json(Manifest, text)
        named = manifest.tag
    except (ValueError, tags.NotAReleaseTag) as error:
        raise _malformed(tag, f"is not a manifest ({str(error).splitlines()[0]})") from None
    if named != tag:
        raise _malformed(tag, f"is the manifest of {named}")
    if manifest.format > FORMAT:
        raise _malformed(tag, f"has format {manifest.format}, newer than this Trainshed's {FORMAT}")
    return manifest


def _without_nothing(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_nothing(one) for key, one in value.items() if one not in (None, (), "")}


def require_size(manifest: Manifest) -> None:
    size = len(manifest.to_json().encode())
    if size > MOST_BYTES:
        raise ManifestIsTooLarge(
            f"The manifest of {manifest.tag} has {size} bytes; a tag's message holds {MOST_BYTES}.",
            fix="Report fewer metrics: those that the gate does not use can go to a file.",
        )


def _malformed(tag: Tag, what: str) -> ManifestIsMalformed:
    return ManifestIsMalformed(
        f"The message of the tag {tag} {what}.",
        fix="Releases are made by scripts/release.py; delete a tag that was made by hand.",
    )
