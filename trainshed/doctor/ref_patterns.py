"""GitHub's patterns of refs, in rulesets and environments: `release/*`, `refs/tags/**/*`."""

import re
from collections.abc import Iterable


def covers(
    ref: str, *, include: Iterable[str], exclude: Iterable[str] = (), default_branch: str
) -> bool:
    """Tell whether a ruleset's conditions apply to a full ref, such as `refs/heads/main`."""
    default = f"refs/heads/{default_branch}"
    return _any(ref, include, default) and not _any(ref, exclude, default)


def matches(name: str, pattern: str) -> bool:
    """Tell whether a name matches as Ruby's fnmatch with FNM_PATHNAME: `*` stops at a slash."""
    parts = re.split(r"(\*\*/|\*+|\?|\[[^\]]+\])", pattern)
    return re.fullmatch("".join(_translated(part) for part in parts), name) is not None


def _any(ref: str, patterns: Iterable[str], default: str) -> bool:
    return any(
        one == "~ALL" or (one == "~DEFAULT_BRANCH" and ref == default) or matches(ref, one)
        for one in patterns
    )


def _translated(part: str) -> str:
    if part == "**/":
        return "(?:[^/]+/)*"
    if part.startswith("*"):
        return "[^/]*"
    if part == "?":
        return "[^/]"
    if part.startswith("["):
        return part.replace("[!", "[^")
    return re.escape(part)
