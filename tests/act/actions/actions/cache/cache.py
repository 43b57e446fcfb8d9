"""Cache entries as files: key, paths and the ref they belong to decide who may read them.

What lies in TRAINSHED_CACHE is only named in an entry: that folder outlives the runs of a test.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

ENV = os.environ
STORE = Path(ENV["STAND_IN_STORE"]) / "cache"
WORKSPACE = Path(ENV["GITHUB_WORKSPACE"])
KEPT = Path(ENV["TRAINSHED_CACHE"])


def restore() -> None:
    key = ENV["CACHE_KEY"]
    found = _find(key)
    matched = json.loads((found / "entry.json").read_text())["key"] if found else ""
    print(f"cache: {'found ' + matched if found else 'nothing for ' + key}")
    with Path(ENV["GITHUB_OUTPUT"]).open("a") as outputs:
        hit = "" if not found else str(matched == key).lower()
        outputs.write(f"cache-hit={hit}\ncache-primary-key={key}\ncache-matched-key={matched}\n")
    if found is None and ENV["FAIL_ON_MISS"] == "true":
        sys.exit(f"Failed to restore cache entry: {key}")
    if found is not None and ENV["LOOKUP_ONLY"] != "true":
        for number, path in enumerate(_paths()):
            _copy(found / str(number), path)


def save() -> None:
    entry = _scope(ENV["GITHUB_REF"]) / _name(ENV["CACHE_KEY"])
    if entry.exists():
        print(f"::warning::Unable to reserve cache with key {ENV['CACHE_KEY']}")
        return
    paths = _paths()
    if not any(path.exists() for path in paths):
        print("::warning::Path Validation Error: there is nothing to cache")
        return
    entry.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=entry.parent, prefix="."))
    for number, path in enumerate(paths):
        if not path.is_relative_to(KEPT):
            _copy(path, made / str(number))
    said = {"key": ENV["CACHE_KEY"], "ref": ENV["GITHUB_REF"], "run": ENV["GITHUB_RUN_ID"]}
    (made / "entry.json").write_text(json.dumps(said))
    try:
        made.rename(entry)
    except OSError:  # another job was faster
        shutil.rmtree(made)
    print(f"cache: saved {ENV['CACHE_KEY']} for {ENV['GITHUB_REF']}")


def _find(key: str) -> Path | None:
    """The own ref's entries come first, then those of the base, then the default branch's."""
    base = ENV.get("GITHUB_BASE_REF")
    refs = [ENV["GITHUB_REF"], *([f"refs/heads/{base}"] if base else []), "refs/heads/main"]
    for ref in refs:
        exact = _scope(ref) / _name(key)
        if exact.is_dir():
            return exact
        for start in filter(None, ENV["CACHE_RESTORE_KEYS"].splitlines()):
            some = [one for one in _entries(ref) if one[1].startswith(start)]
            if some:
                return max(some)[2]
    return None


def _entries(ref: str) -> list[tuple[float, str, Path]]:
    """Return the entries of a ref for these paths: when made, key, folder."""
    ending = _version()
    return [
        (one.stat().st_mtime, json.loads((one / "entry.json").read_text())["key"], one)
        for one in _scope(ref).glob(f"*-{ending}")
    ]


def _scope(ref: str) -> Path:
    return STORE / ref.replace("/", "%")


def _name(key: str) -> str:
    return f"{hashlib.sha256(key.encode()).hexdigest()[:16]}-{_version()}"


def _version() -> str:
    """An entry is found for the very same paths only; jobs have a workspace of their own here."""
    paths = ENV["CACHE_PATHS"].replace(str(WORKSPACE), ".").strip()
    return hashlib.sha256(paths.replace(ENV["RUNNER_TEMP"], "~").encode()).hexdigest()[:16]


def _paths() -> list[Path]:
    return [WORKSPACE / one for one in ENV["CACHE_PATHS"].splitlines() if one.strip()]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


{"restore": restore, "save": save}[sys.argv[1]]()
