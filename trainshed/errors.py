"""Errors that stop a run: six kinds, each with its own exit code, listed in docs/errors.md.

A concrete error is a sentence (`DatasetIsMissing`) and lives beside the code that raises it; its
slug is that sentence in kebab-case and never changes once released.
"""

import re
from typing import ClassVar


class TrainshedError(Exception):
    """What went wrong and where, and what the reader can do about it."""

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "unexpected"

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(f"{problem}\n{fix}")
        self.problem = problem
        self.fix = fix

    @property
    def slug(self) -> str:
        return slug_of(type(self))


class ConfigurationError(TrainshedError):
    """The caller's configuration, argument or file cannot be used."""

    exit_code = 2
    kind = "configuration"


class ProgramError(TrainshedError):
    """The user's own program (trainer, predictor, fetch command) failed or broke its contract."""

    exit_code = 3
    kind = "the user's program"


class OutsideError(TrainshedError):
    """Something outside failed: git's origin, a registry, the network, the disk, a port."""

    exit_code = 4
    kind = "the outside world"


class ReleaseStateError(TrainshedError):
    """Tags, ledger and environments are in a state in which this cannot be done."""

    exit_code = 5
    kind = "release state"


class ConflictError(TrainshedError):
    """Somebody else is at the same thing, or changed it meanwhile."""

    exit_code = 6
    kind = "conflict"


def slug_of(error: type[TrainshedError]) -> str:
    """Return the stable name of an error: `DatasetIsMissing` is `dataset-is-missing`."""
    # The second half parts a word of one letter from the next: `not-a-repository`.
    starts = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
    return re.sub(starts, "-", error.__name__).lower()
