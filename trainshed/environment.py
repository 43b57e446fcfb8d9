"""Virtual environments, each made from lock files and found again by their content.

Standard library only: scripts/setup.py uses this module before anything is installed.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from trainshed.errors import ConfigurationError, OutsideError
from trainshed.settings import child_environment, users_environment

_TAIL_LINES = 20

Tell = Callable[[str], None]


class LockFileIsMissing(ConfigurationError):
    """A lock file that names an environment's packages does not exist."""


class PythonCannotBeRun(ConfigurationError):
    """The Python that an environment should be made with does not run."""


class EnvironmentCannotBeBuilt(OutsideError):
    """uv, venv or pip failed, so the packages of a lock file are not installed."""


@dataclass(frozen=True, kw_only=True)
class Python:
    """A Python that environments are made with."""

    path: Path
    version: str
    """Minor version, such as 3.11."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    folder: Path

    # What a program started in this environment should not inherit: each would change what
    # it imports, or keep its bytecode from being cached.
    without: ClassVar[tuple[str, ...]] = ("PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        return self.bin / "python"

    def variables(self) -> dict[str, str]:
        """Return what activating the environment would set; drop `without` from the rest."""
        path = child_environment().get("PATH", os.defpath)
        return {"PATH": f"{self.bin}{os.pathsep}{path}", "VIRTUAL_ENV": str(self.folder)}

    @property
    def is_complete(self) -> bool:
        # The link to Python breaks when the Python it was made with is uninstalled.
        return self._marker.exists() and self.python.exists()

    def mark_complete(self) -> None:
        self._marker.touch()

    @property
    def _marker(self) -> Path:
        return self.folder / ".complete"


@dataclass(frozen=True, kw_only=True)
class Step:
    tells: str
    command: tuple[str | Path, ...]
    folder: Path
    must_succeed: bool = True


def python_of(name: str | None) -> Python:
    """Return the Python of a path or a command name; None is the one that runs this.

    Raises:
        PythonCannotBeRun: there is none of that name, or it does not start.
    """
    if name is None:
        own = Path(sys.executable)
        return Python(path=own, version=_version(own))
    found = shutil.which(name)
    if found is None:
        raise PythonCannotBeRun(
            f"There is no program {name}, with which models should be trained.",
            fix="Install that Python (on GitHub: actions/setup-python, before it), or correct the "
            "name where it is given (TRAINSHED_TRAINING_PYTHON).",
        )
    path = Path(found).absolute()
    return Python(path=path, version=_version(path))


def ensure(
    locks: Sequence[Path],
    *,
    root: Path,
    name: str,
    python: Path | None = None,
    tell: Tell | None = None,
) -> Environment:
    """Return the environment of these lock files; build it under `root` when it is not there yet.

    Locks are installed one at a time, in order: the later one decides what both name. A relative
    path inside a lock starts at the lock's folder, and what lies there is not part of the name.
    `python` is the one that runs this unless given. Two at once build once: the second waits.
    """
    locks = [lock.absolute() for lock in locks]
    python = python or Path(sys.executable)
    folder = root.absolute() / f"{name}-py{_version(python)}-{_content(locks)}"
    environment = Environment(folder=folder)
    if environment.is_complete:
        return environment
    tell = tell or (lambda _: None)
    with _locked(environment, tell) as lock:
        if not environment.is_complete:
            _build(environment, locks, python, lock=lock, tell=tell)
    return environment


def plan(
    environment: Environment, locks: Sequence[Path], *, python: Path, uv: str | None
) -> list[Step]:
    """Return the commands that make an environment: uv's where uv is there, else venv and pip."""
    folder, own = environment.folder, environment.python
    make: tuple[str | Path, ...] = (python, "-m", "venv")
    install: tuple[str | Path, ...] = (own, "-m", "pip", "install", "--no-compile", "--no-input")
    if uv:
        make = (uv, "venv", "--no-project", "--python", python)
        install = (uv, "pip", "install", "--python", own)
    steps = [Step(tells="making the environment", command=(*make, folder), folder=folder.parent)]
    for lock in locks:
        hashes = ["--require-hashes"] if "--hash=" in lock.read_text(encoding="utf-8") else []
        # uv compiles the whole environment each time, so only the last lock asks for it.
        compiles = ["--compile-bytecode"] if uv and lock == locks[-1] else []
        command = (*install, *compiles, *hashes, "-r", lock)
        steps.append(Step(tells=f"installing {lock.name}", command=command, folder=lock.parent))
    if not uv:  # in parallel, as uv does and pip does not; some packages hold files meant to fail
        compiling = (own, "-m", "compileall", "-q", "-j", "0", folder / "lib")
        steps.append(Step(tells="compiling", command=compiling, folder=folder, must_succeed=False))
    return steps


def _build(
    environment: Environment, locks: Sequence[Path], python: Path, *, lock: int, tell: Tell
) -> None:
    folder, uv, began = environment.folder, _uv(), time.monotonic()
    if folder.exists():
        shutil.rmtree(folder)  # what a killed build left, or one whose Python is gone
    for step in plan(environment, locks, python=python, uv=uv):
        tell(f"{folder.name}: {step.tells} with {'uv' if uv else 'pip'}")
        _run(step, environment, lock=lock)
    environment.mark_complete()
    tell(f"{folder.name}: ready in {time.monotonic() - began:.1f} s")


def _run(step: Step, environment: Environment, *, lock: int) -> None:
    # A package that is built from source runs code of its own: it gets no secret of ours.
    variables = users_environment(environment.variables())
    finished = subprocess.run(
        step.command,
        cwd=step.folder,
        env={key: value for key, value in variables.items() if key not in environment.without},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        pass_fds=[lock],  # when this process is killed, the lock holds until the installer ends too
    )
    if step.must_succeed and finished.returncode:
        tail = "\n".join(finished.stdout.strip().splitlines()[-_TAIL_LINES:])
        raise EnvironmentCannotBeBuilt(
            f"{environment.folder.name}: {step.tells} failed (exit code {finished.returncode}):\n"
            f"{tail}",
            fix="If the network or the disk was the cause, run this again; else correct what the "
            f"last lines name. This shows it in full:\n{shlex.join(map(str, step.command))}",
        )


@contextmanager
def _locked(environment: Environment, tell: Tell) -> Iterator[int]:
    environment.folder.parent.mkdir(parents=True, exist_ok=True)
    path = environment.folder.with_name(f"{environment.folder.name}.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"{environment.folder.name}: another process is building it; waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _content(locks: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for lock in locks:
        if not lock.is_file():
            raise LockFileIsMissing(
                f"There is no lock file at {lock}.",
                fix="Add it, or correct the path where it is named.",
            )
        digest.update(lock.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _version(python: Path) -> str:
    """Return a Python's minor version, such as `3.11`; a process is started only for another."""
    if python == Path(sys.executable):
        return f"{sys.version_info[0]}.{sys.version_info[1]}"
    asks = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([python, "-c", asks], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PythonCannotBeRun(
            f"The Python at {python} cannot be run: {error}", fix="Pass the path of one that runs."
        ) from None
    return answer.stdout.strip()


def _uv() -> str | None:
    """Return uv's path when it runs: a version manager's shim is on PATH though uv may not be."""
    path = shutil.which("uv")
    if path is None:
        return None
    works = subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0
    return path if works else None
