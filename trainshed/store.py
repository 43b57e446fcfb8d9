"""The run store: finished runs, each in a folder of its own, found again instead of trained again.

A run appears whole or not at all: it is written beside its place and renamed into it. It is a cache
of what can be trained again, never the record of a release (that is the tag and the ledger).
"""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from trainshed import dataset, locks, run
from trainshed.digest_cache import DigestCache
from trainshed.errors import ConfigurationError, TrainshedError
from trainshed.project import Project

_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}


class RunIsUnknown(ConfigurationError):
    """The run store holds no run of that id."""


class Store:
    def __init__(self, project: Project) -> None:
        self.home = project.state / "runs"
        self.digests = DigestCache(project.state / "digests.sqlite")
        self._locks = project.state / "locks"

    def folder(self, run_id: str) -> Path:
        return self.home / run_id

    def find(self, run_id: str) -> run.Run | None:
        """Return a stored run, or None when there is none that is whole.

        A run of which a file has gone or changed counts as not there: it will be trained again.
        """
        try:
            found = run.from_json((self.folder(run_id) / "run.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return found if found.run_id == run_id and self._is_intact(found) else None

    def get(self, run_id: str) -> run.Run:
        """Return a stored run by its id or the first digits of it (at least six).

        Raises:
            RunIsUnknown: there is none, or several begin so.
        """
        matches = [name for name in self._ids() if name.startswith(run_id)]
        found = self.find(matches[0]) if len(matches) == 1 and len(run_id) >= 6 else None
        if found is None:
            what = "several runs begin with" if len(matches) > 1 else "there is no whole run"
            raise RunIsUnknown(
                f"In {self.home} {what} {run_id}.",
                fix="List the runs with scripts/runs.py list, and give at least six digits of one; "
                "or train it: scripts/train.py.",
            )
        return found

    def runs(self) -> Iterator[run.Run]:
        """Yield every readable run, oldest first. Artifacts are not read."""
        found = []
        for name in self._ids():
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, ValueError):
                found.append(run.from_json((self.folder(name) / "run.json").read_bytes()))
        yield from sorted(found, key=lambda one: (one.created, one.run_id))

    def lock(
        self, run_id: str, *, waiting: str, tell: Callable[[str], None]
    ) -> AbstractContextManager[None]:
        """Hold the right to train a run, so that two at once train it once."""
        return locks.held(self._locks / run_id, waiting=lambda: tell(waiting))

    def put(self, finished: run.Run, *, files: Path, replaces: bool = False) -> run.Run:
        """Store a finished run; `files` is a folder on the same disk and becomes the run's own.

        When another process stored the same run meanwhile, that one stays and is returned, unless
        the new one `replaces` it.
        """
        (files / "run.json").write_text(finished.to_json(), encoding="utf-8")
        _sync(files)
        place = self.folder(finished.run_id)
        self.home.mkdir(parents=True, exist_ok=True)
        if replaces:
            _delete(place)
        while (there := self.find(finished.run_id)) is None:
            _delete(place)  # if it is there, it is damaged
            try:
                files.rename(place)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
            else:
                return finished
        shutil.rmtree(files)
        return there

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield an empty folder on the store's disk for a run's files; it is gone afterwards.

        What a killed process left is removed first: nobody holds its lock any more.
        """
        folder = self.home / f".new-{secrets.token_hex(6)}"
        lock = folder.with_suffix(".lock")
        for other in self.home.glob(".new-*.lock"):
            with locks.tried(other) as is_abandoned:
                if is_abandoned:
                    shutil.rmtree(other.with_suffix(""), ignore_errors=True)
                    other.unlink(missing_ok=True)
        with locks.held(lock):
            try:
                folder.mkdir()
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                lock.unlink(missing_ok=True)

    def _ids(self) -> list[str]:
        try:
            return [name for name in os.listdir(self.home) if not name.startswith(".")]  # noqa: PTH208
        except FileNotFoundError:
            return []

    def _is_intact(self, found: run.Run) -> bool:
        return all(self._is_same(found.run_id, file) for file in found.files)

    def _is_same(self, run_id: str, file: run.File) -> bool:
        path = self.folder(run_id) / file.path
        try:
            return dataset.digest(path, cache=self.digests).sha256 == file.digest
        except TrainshedError:
            return False


def _sync(folder: Path) -> None:
    """Push a run's bytes to the disk before its name appears: a power cut leaves no hollow run."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _delete(path: Path) -> None:
    """Remove a folder, or the file that lies in its place."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
