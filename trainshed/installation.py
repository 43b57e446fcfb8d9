"""Trainshed's own environment on a runner: what is cached, under which key, and its installer.

Standard library only: it is used before anything is installed.
"""

import hashlib
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from trainshed import environment
from trainshed.environment import Environment, Tell
from trainshed.settings import FRAMEWORK

_FRAMEWORK_LOCK = FRAMEWORK / "requirements" / "framework.txt"
_STATISTICS_LOCK = FRAMEWORK / "requirements" / "statistics.txt"
_INSTALLER_LOCK = FRAMEWORK / "requirements" / "ci.txt"


@dataclass(frozen=True, kw_only=True)
class Cache:
    """What actions/cache is told."""

    key: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Installation:
    """The framework's environment and its installer, under one folder."""

    root: Path
    with_statistics: bool = False
    """Whether the statistician's environment is made and cached too."""

    @property
    def cache(self) -> Cache:
        """Name both by all that decides them: their locks, and the very Python that they link to.

        An environment holds a link to the Python it was made with; a patch release of it lies
        elsewhere.
        """
        decides = hashlib.sha256()
        statistics = [_STATISTICS_LOCK] if self.with_statistics else []
        for lock in (_FRAMEWORK_LOCK, _INSTALLER_LOCK, *statistics):
            decides.update(lock.read_bytes() + b"\0")
        decides.update(f"{Path(sys.executable).resolve()}\0{self.root}".encode())
        system = f"{platform.system()}-{platform.machine()}-{platform.python_version()}".lower()
        return Cache(
            key=f"trainshed-setup-{system}-{decides.hexdigest()[:20]}",
            paths=(self.root / "setup",),
        )

    def framework(self, *, tell: Tell) -> Environment:
        """Make the framework's environment, or find it."""
        return environment.ensure(
            [_FRAMEWORK_LOCK], root=self.root / "setup", name="framework", tell=tell
        )

    def statistics(self, *, tell: Tell) -> Environment:
        """Make the environment of the statistician, who runs the framework beside numpy."""
        return environment.ensure(
            [_FRAMEWORK_LOCK, _STATISTICS_LOCK],
            root=self.root / "setup",
            name="statistics",
            tell=tell,
        )

    def installer(self, *, tell: Tell) -> Path | None:
        """Return a folder that holds uv and nothing else; None when uv is on PATH already.

        Nothing else, because it goes onto PATH: the project's own Python must stay the first.
        """
        if shutil.which("uv") is not None:
            return None
        made = environment.ensure(
            [_INSTALLER_LOCK], root=self.root / "setup", name="installer", tell=tell
        )
        folder = made.folder / "path"
        folder.mkdir(exist_ok=True)
        link = folder / "uv"
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(made.bin / "uv")
        return folder
