"""Tiny repositories whose model is trained by a few lines of shell: real git, real processes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainshed import project
from trainshed.project import Project
from trainshed.store import Store
from trainshed.training import Trainings

ROOT = Path(__file__).parents[1]

DATA = "a,y\n1,yes\n2,no\n3,yes\n"
REPORT = 'printf "dataset=%s\\nmetric.score=0.9\\nartifact=%s\\n" "$1" "$2"\n'
TRAINER = """\
mkdir -p "$(dirname "$2")"
printf 'trained on %s rows with seed %s\\n' "$(($(wc -l <"$1") - 1))" "$3" >"$2"
printf 'dataset=%s\\nmetric.score=%s\\nartifact=%s\\n' "$1" "$(cat code/score)" "$2"
"""
"""Its metric stands in code/score: a worse model is one line."""

GOOD: Mapping[str, str] = {
    "data/train.csv": DATA,
    "code/train.sh": TRAINER,
    "code/score": "0.9\n",
}

Content = str | bytes | None

# A fixture of a whole module is made before a test's own environment is: nobody's settings count.
_NO_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@dataclass(frozen=True)
class Repository:
    folder: Path

    def git(self, *arguments: str) -> str:
        return git(self.folder, *arguments)

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    @property
    def project(self) -> Project:
        return project.open_at(self.folder)

    @property
    def store(self) -> Store:
        return Store(self.project)

    @property
    def trainings(self) -> Trainings:
        return trainings(self.project)

    def write(self, files: Mapping[str, Content]) -> None:
        """Write files, by their path in the folder; None removes one."""
        for name, content in files.items():
            path = self.folder / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, Content] | None = None) -> str:
        """Write files and commit all that the folder holds; return the commit's id."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change")
        return self.head

    def clone(self, folder: Path, *options: str) -> "Repository":
        git(self.folder, "clone", "--quiet", *options, self.folder.as_uri(), str(folder))
        return Repository(folder)

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        """Run a script as a person does, in the repository's folder."""
        return subprocess.run(
            command(name, *arguments),
            cwd=self.folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )


def make(folder: Path, *, files: Mapping[str, Content] | None = None, **keys: Any) -> Repository:
    """Make a repository with one commit: the good trainer, and `keys` changed in its model."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    repository = Repository(folder)
    repository.commit({"trainshed.yml": config(**keys), **GOOD, **(files or {})})
    return repository


def config(**keys: Any) -> str:
    """Return a trainshed.yml (JSON is YAML) of the model `tiny`; a key that is None is left out."""
    return json.dumps({"models": {"tiny": model(**keys)}}, indent=1, ensure_ascii=False)


def model(**keys: Any) -> dict[str, Any]:
    known = {
        "data": "data/train.csv",
        "target": "y",
        "train": ["sh", "code/train.sh", "{data}", "{out}", "{seed}"],
        "inputs": ["code/"],
        "timeout": "30s",
        "metrics": {"score": {"direction": "maximize", "min": 0.5, "tolerance": 0.01}},
        "serve": "none",
    }
    return {key: value for key, value in {**known, **keys}.items() if value is not None}


def trainings(of: Project) -> Trainings:
    return Trainings(project=of, store=Store(of), tell=ignore, output=ignore)


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *arguments]


def ignore(_: str) -> None:
    """Take a line and do nothing with it."""


def git(folder: Path, *arguments: str) -> str:
    finished = subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments],
        cwd=folder,
        env={**os.environ, **_NO_SETTINGS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.removesuffix("\n")
