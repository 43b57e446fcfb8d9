"""All errors there are: what docs/errors.md lists, read from the classes themselves."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass

import trainshed
from trainshed import errors
from trainshed.errors import TrainshedError

KINDS: tuple[type[TrainshedError], ...] = (
    TrainshedError,
    errors.ConfigurationError,
    errors.ProgramError,
    errors.OutsideError,
    errors.ReleaseStateError,
    errors.ConflictError,
)

_UNEXPECTED = "Something that should not have happened: a step of ours ended wrongly, or a bug."
_ASKS = {
    "unexpected": "Read what was printed before it; `TRAINSHED_DEBUG=1` shows a traceback. "
    "If it is a bug, report it.",
    "configuration": "Correct what it names. The same command without a change fails again.",
    "the user's program": "Mend your program: its last lines are shown.",
    "the outside world": "Try again. If it stays, look at the network, the disk, the port or the "
    "permission that it names.",
    "release state": "Decide. Nothing was changed; the commands that would change it are named.",
    "conflict": "Wait for the other one, or settle what both changed; then run it again.",
}

_INTRO = """\
<!-- Made by scripts/generate.py from the classes in trainshed/: change it there. -->
# Errors
An answer ("the metric regressed") is an output, not an error: the script exits with 0, and the
workflow decides what it blocks. An error is an inability. Each says what went wrong and where, then
what to do next:

```
error[config-is-malformed]: trainshed.yml: models/churn/timeout: should be a duration, got 30.
  Write timeout: 30m
```

On GitHub the same text is an annotation. There are six kinds, and the exit code tells which:

| exit code | kind | what happened | what it asks of you |
|--:|---|---|---|
"""
_OUTRO = """
Two codes come from elsewhere: 2 also means that a command line could not be read, and 130 that you
pressed Ctrl-C. An exception that is none of these errors keeps its traceback and ends with 1.

The name in brackets is the error's slug. It never changes once released, so a script may go by it.
"""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One concrete error."""

    slug: str
    kind: str
    exit_code: int
    meaning: str
    """The class's docstring: one sentence."""
    module: str


def all_errors() -> list[Listed]:
    """Return every concrete error of every module, by exit code, then by slug."""
    for module in pkgutil.walk_packages(trainshed.__path__, f"{trainshed.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = (_listed(error) for error in _below(TrainshedError) if error not in KINDS)
    return sorted(found, key=lambda one: (one.exit_code, one.slug))


def markdown() -> str:
    """Return docs/errors.md."""
    listed = all_errors()
    rows = "".join(
        f"| {kind.exit_code} | {kind.kind} | {_happened(kind)} | {_ASKS[kind.kind]} |\n"
        for kind in KINDS
    )
    tables = "".join(
        f"\n## {kind.kind.capitalize()} ({kind.exit_code})\n| slug | meaning |\n|---|---|\n"
        + "".join(f"| `{one.slug}` | {one.meaning} |\n" for one in listed if one.kind == kind.kind)
        for kind in KINDS
    )
    return f"{_INTRO}{rows}{_OUTRO}{tables}"


def _happened(kind: type[TrainshedError]) -> str:
    return _UNEXPECTED if kind is TrainshedError else kind.__doc__ or ""


def _below(error: type[TrainshedError]) -> Iterator[type[TrainshedError]]:
    for one in error.__subclasses__():
        if one.__module__.partition(".")[0] == trainshed.__name__:  # a test may define its own
            yield one
            yield from _below(one)


def _listed(error: type[TrainshedError]) -> Listed:
    return Listed(
        slug=errors.slug_of(error),
        kind=error.kind,
        exit_code=error.exit_code,
        meaning=error.__doc__ or "",
        module=error.__module__,
    )
