"""Release tags, in the grammar of GTO: `churn@v1.4.0` registers, `churn@v1.4.0!` reverts."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from trainshed.errors import ConfigurationError

_TAG = re.compile(
    r"^(?P<model>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)@v(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)"
    r"\.(?P<patch>0|[1-9]\d*)(?P<mark>!?)\Z",
    re.ASCII,
)


class NotAReleaseTag(ConfigurationError):
    """The name is not that of a release tag."""


class Version(NamedTuple):
    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, order=True)
class Tag:
    """A release tag's name. Its order is for reading lists; releases are ordered by sequence."""

    model: str
    version: Version
    is_mark: bool = False
    """The tag is a revert mark on a release, not a release."""

    def __str__(self) -> str:
        return f"{self.model}@v{self.version}{'!' if self.is_mark else ''}"

    @property
    def ref(self) -> str:
        return f"refs/tags/{self}"

    @property
    def release(self) -> "Tag":
        return Tag(self.model, self.version)

    @property
    def mark(self) -> "Tag":
        return Tag(self.model, self.version, is_mark=True)


def parse(name: str) -> Tag | None:
    """Return the release tag or revert mark of a name; None when it is some other tag."""
    match = _TAG.match(name)
    if match is None:
        return None
    version = Version(int(match["major"]), int(match["minor"]), int(match["patch"]))
    return Tag(match["model"], version, is_mark=bool(match["mark"]))


def require(name: str) -> Tag:
    """Return the release tag of a name that a person gave."""
    tag = parse(name.removeprefix("refs/tags/"))
    if tag is None or tag.is_mark:
        raise NotAReleaseTag(
            f"{name} is not the name of a release.",
            fix="Name one such as churn@v1.4.0; `scripts/deploy.py plan` lists them.",
        )
    return tag
