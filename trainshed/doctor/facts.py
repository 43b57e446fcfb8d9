"""What the doctor knows: the clone, the origin, and GitHub's own answers. Facts only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainshed.adoption_workflows import Framework
from trainshed.config import Config
from trainshed.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A fact that could not be had, and why: a token may not see it, a server did not answer."""

    why: str


@dataclass(frozen=True)
class Missing:
    """GitHub says that there is no such thing."""


Answer = Any | Unknown | Missing
"""JSON as GitHub sent it, or why there is none."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The origin's release tags and ledger, folded."""

    has_ledger: bool
    unusable: Mapping[str, str]
    """Tags with a release's name that are no release, and why."""
    standing: tuple[Manifest, ...]


@dataclass(frozen=True, kw_only=True)
class Local:
    """The clone that the doctor was started in."""

    is_shallow: bool
    prefix: str
    branch: str
    """The default branch."""
    is_state_ignored: bool
    peeled_tags: tuple[str, ...]
    """Release tags that are annotated at the origin and not in this clone."""
    config: Config | Unknown
    locks: Mapping[str, bool | None]
    """Whether each lock file has hashes; None when it is not there."""
    workflows: Mapping[str, str | None]
    """Trainshed's own, by name; None when there is none."""
    cleaners: tuple[str, ...]
    """Workflows that delete images of packages."""
    framework: Framework | Unknown
    """The Trainshed that the doctor belongs to."""
    origin: Origin | Unknown
    images: Mapping[str, bool | Unknown]
    """By reference of each standing release's image: whether the registry has it."""


@dataclass(frozen=True, kw_only=True)
class GitHubFacts:
    repository: str
    default_branch: str
    answers: Mapping[str, Answer]
    """By path below the repository; empty for the repository itself."""

    def at(self, path: str) -> Answer:
        return self.answers.get(path, Unknown(why="it was not asked"))


@dataclass(frozen=True, kw_only=True)
class Facts:
    local: Local
    github: GitHubFacts | None
    """None where there is no token, or no repository at GitHub."""
    now: datetime
    models: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    data_environment: str | None = None
    """Where the credentials of `fetch:` lie."""
