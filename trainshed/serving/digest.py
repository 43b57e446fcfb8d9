"""The digest of an artifact, which may be a file or a folder, as the run store counts it.

The same as `trainshed.dataset`, which belongs to the framework and cannot be imported here.
"""

import hashlib
from pathlib import Path


def of(path: Path) -> str:
    """Return sha256 of a file, or of a folder's lines `sha256  relative/path` sorted by path."""
    if not path.is_dir():
        return _of_file(path)
    files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    lines = (f"{_of_file(file)}  {name}\n" for name, file in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
