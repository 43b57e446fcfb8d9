"""A project: the folder of a repository that holds `trainshed.yml`, and its state folder."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trainshed import config_file, git
from trainshed.config import Config
from trainshed.config_file import ConfigIsMissing
from trainshed.environment import LockFileIsMissing
from trainshed.settings import settings


@dataclass(frozen=True)
class Project:
    repository: git.Repository
    folder: Path
    """Where `trainshed.yml` lies: the repository's top, or a folder below it."""

    @cached_property
    def prefix(self) -> str:
        """The project's path inside the repository: empty, or ending with a slash."""
        relative = self.folder.relative_to(self.repository.folder).as_posix()
        return "" if relative == "." else f"{relative}/"

    @cached_property
    def state(self) -> Path:
        """The folder of all that is kept locally; it is ignored by git wherever it is made."""
        state = self.folder / ".trainshed"
        if not state.is_dir():
            state.mkdir(parents=True, exist_ok=True)
            (state / ".gitignore").write_text("*\n", encoding="utf-8")
        return state

    @property
    def who(self) -> str:
        """Who is at work, for the ledger: the actor on GitHub, else git's own identity."""
        return settings().actor or self.repository.identity()

    def config_at(self, commit: str) -> Config:
        """Read the configuration as it is in a commit: what a run or a release goes by."""
        name = f"{self.prefix}{config_file.NAME}"
        content = self.repository.file_at(commit, name)
        if content is None:
            raise ConfigIsMissing(
                f"There is no {name} in commit {commit[:12]}.",
                fix="Commit one; the README shows the first steps.",
            )
        return config_file.load(content)

    def kept_lock(self, commit: str, path: str) -> Path:
        """Return a copy of a commit's lock file that stays: environments are made from it."""
        content = self.repository.file_at(commit, f"{self.prefix}{path}")
        if content is None:
            raise LockFileIsMissing(
                f"The lock file {path} is not in commit {commit[:12]}.",
                fix="Commit it, or correct `lock:` in trainshed.yml.",
            )
        kept = self.state / "locks" / f"{hashlib.sha256(content).hexdigest()}.txt"
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(content)
        return kept

    def config(self) -> Config:
        """Read the configuration as it lies in the folder: what an environment goes by."""
        path = self.folder / config_file.NAME
        try:
            content = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise ConfigIsMissing(
                f"There is no {config_file.NAME} in {self.folder}.",
                fix="Change into a folder that has one; the README shows the first steps.",
            ) from None
        return config_file.load(content)


def open_at(folder: Path) -> Project:
    """Open the project of a folder: the nearest one, upwards, that holds `trainshed.yml`."""
    here = folder.resolve()
    repository = git.discover(here)
    top = repository.folder.resolve()
    inside = [here, *(parent for parent in here.parents if parent.is_relative_to(top))]
    holder = next((place for place in inside if (place / config_file.NAME).is_file()), top)
    return Project(repository=git.Repository(top), folder=holder)
