"""Paths inside a checkout: relative, forward slashes, never outside."""

from pathlib import Path, PurePosixPath


def problem_with(path: str) -> str | None:
    """Say why a path from a configuration or a program is not one inside the checkout, or None."""
    pure = PurePosixPath(path)
    if not path or "\0" in path or "\n" in path:
        return "is empty or holds a line break"
    if pure.is_absolute():
        return "is absolute"
    if ".." in pure.parts:
        return "leads upwards with `..`"
    if not pure.parts:
        return "is the whole folder"
    return None


def plain(path: str) -> str:
    """Write a path as git does: `./a//b/` is `a/b/`; a slash at its end stays."""
    return str(PurePosixPath(path)) + ("/" if path.endswith("/") else "")


def is_inside(path: Path, folder: Path) -> bool:
    """Tell whether a path, with every symlink resolved, lies inside a folder."""
    return path.resolve().is_relative_to(folder.resolve())
