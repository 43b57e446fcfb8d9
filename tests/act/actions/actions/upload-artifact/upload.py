"""Zip what was named, as a run's artifact: one per name, paths from the folder that all share."""

import hashlib
import os
import secrets
import sys
import zipfile
from pathlib import Path

ENV = os.environ
WORKSPACE = Path(ENV["GITHUB_WORKSPACE"])


def main() -> None:
    name = ENV["NAME"]
    if not name or set(name) & set('":<>|*?\r\n\\/'):
        sys.exit(f"The artifact name is not valid: {name}")
    roots, files = _files()
    if not files:
        problem = f"No files were found with the provided path: {ENV['PATHS']}"
        if ENV["IF_NO_FILES_FOUND"] == "error":
            sys.exit(problem)
        print(problem if ENV["IF_NO_FILES_FOUND"] == "ignore" else f"::warning::{problem}")
        return
    folder = Path(ENV["STAND_IN_STORE"]) / "artifacts" / ENV["GITHUB_RUN_ID"]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.zip"
    if target.exists() and ENV["OVERWRITE"] != "true":
        sys.exit("Conflict: an artifact with this name already exists on the workflow run")
    shared = Path(os.path.commonpath(roots))
    made = target.with_suffix(f".{secrets.token_hex(4)}")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(shared))
    made.rename(target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    with Path(ENV["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"artifact-id={int(digest[:8], 16)}\nartifact-digest={digest}\n")
    print(f"uploaded {name}: {len(files)} files, {target.stat().st_size} bytes")


def _files() -> tuple[list[Path], list[Path]]:
    """Return the folders that the paths share, and the files below them."""
    roots: list[Path] = []
    files: set[Path] = set()
    for line in filter(None, map(str.strip, ENV["PATHS"].splitlines())):
        found = list(_matched(line.removeprefix("!")))
        if line.startswith("!"):
            files -= {file for one in found for file in _below(one)}
            continue
        roots += [one if one.is_dir() else one.parent for one in found]
        files |= {file for one in found for file in _below(one)}
    return roots, sorted(files)


def _matched(pattern: str) -> list[Path]:
    path = Path(os.path.normpath(WORKSPACE / Path(pattern).expanduser()))
    parts = path.parts
    literal = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    if _is_hidden(parts[literal - 1]):  # where the search begins; folders above it do not count
        return []
    if literal == len(parts):
        return [path] if path.exists() else []
    found = sorted(Path(*parts[:literal]).glob(str(Path(*parts[literal:]))))
    return [one for one in found if not any(_is_hidden(part) for part in one.parts[literal:])]


def _below(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [one for one in path.rglob("*") if one.is_file()]
    return [one for one in found if not any(map(_is_hidden, one.relative_to(path).parts))]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and ENV["INCLUDE_HIDDEN_FILES"] != "true"


main()
