"""The version rule: the number tells what changed.

Major: the input schema changed, so callers break. Minor: the data changed. Patch: only code or
parameters did. A version is never reused, so it always goes up from the highest one there ever was.
"""

from collections.abc import Collection, Iterable
from enum import IntEnum

from trainshed.manifest import Manifest
from trainshed.tags import Version

FIRST = Version(1, 0, 0)


class Change(IntEnum):
    PATCH = 0
    MINOR = 1
    MAJOR = 2


def change(*, before: Manifest, schema: str | None, dataset: str) -> Change:
    """Tell what kind of change a run with this schema and dataset is against a release."""
    if before.schema != schema:
        return Change.MAJOR
    return Change.MINOR if before.dataset.digest != dataset else Change.PATCH


def following(
    *,
    ever: Iterable[Manifest],
    live: Manifest | None,
    schema: str | None,
    dataset: str,
    taken: Collection[Version] = (),
) -> Version:
    """Return the version of the next release.

    Args:
        ever: every release of the model that the ledger knows, reverted ones too.
        live: the newest release that is not reverted: what users compare the new one with.
        schema: digest of the new run's input schema, if it has one.
        dataset: digest of the new run's data.
        taken: versions whose tag is on the origin though it is no release: pushed by hand.

    The change is the greater of those against the live release and against the highest version, so
    that the number never understates it, whichever of the two a reader compares with.
    """
    version = _following(list(ever), live=live, schema=schema, dataset=dataset)
    while version in taken:
        version = version._replace(patch=version.patch + 1)
    return version


def _following(
    releases: list[Manifest], *, live: Manifest | None, schema: str | None, dataset: str
) -> Version:
    if not releases:
        return FIRST
    highest = max(releases, key=lambda release: release.tag.version)
    bases = [highest] if live is None else [highest, live]
    kind = max(change(before=base, schema=schema, dataset=dataset) for base in bases)
    major, minor, patch = highest.tag.version
    return {
        Change.MAJOR: Version(major + 1, 0, 0),
        Change.MINOR: Version(major, minor + 1, 0),
        Change.PATCH: Version(major, minor, patch + 1),
    }[kind]
