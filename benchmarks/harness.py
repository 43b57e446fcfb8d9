"""How a benchmark is declared, found and run.

A benchmark is a function that measures one row. Whatever it compares runs in turn within the same
run, and medians are what it reports: a machine that slows down meets every rival alike.
"""

import compileall
import importlib
import pkgutil
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import benchmarks
from trainshed import environment
from trainshed.errors import ConfigurationError, OutsideError, TrainshedError
from trainshed.settings import child_environment

ROOT = Path(__file__).resolve().parents[1]
_RIVALS = ROOT / ".trainshed" / "bench"
_LAST_LINES = 15

Better = Literal["higher", "lower"]
Tell = Callable[[str], None]


class NoSuchBenchmark(ConfigurationError):
    """No benchmark has a name that starts as `--only` asks."""


class DiskIsTooSmall(OutsideError):
    """A benchmark needs more free space than the disk of the temporary folder has."""


class MeasuredProgramFailed(OutsideError):
    """A program that a benchmark times ended with an error, so its time means nothing."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One row's value, and those of its rivals, all in the row's unit."""

    value: float
    peers: Mapping[str, float] = field(default_factory=dict)  # the main rival first


@dataclass(frozen=True, kw_only=True)
class Context:
    scratch: Path  # removed afterwards
    repeat: int
    tell: Tell

    def medians(self, contestants: Mapping[str, Callable[[], float]]) -> dict[str, float]:
        """Let everyone run in turn, `repeat` times, and return the median of what each returns."""
        found: dict[str, list[float]] = {name: [] for name in contestants}
        for turn in range(self.repeat):
            for name, measure in contestants.items():
                self.tell(f"{name}, {turn + 1} of {self.repeat}")
                found[name].append(measure())
        return {name: statistics.median(values) for name, values in found.items()}

    def rival(self, name: str, requirements: Sequence[str]) -> Path | None:
        """Return the folder of a rival's programs; None, with the reason told, if there is none."""
        try:
            return rival_environment(name, requirements, tell=self.tell)
        except TrainshedError as error:
            self.tell(f"without {name}, which cannot be installed: {error.problem}")
            return None

    def require_free(self, size: int) -> None:
        """Raise DiskIsTooSmall unless that many bytes are free."""
        free = shutil.disk_usage(self.scratch).free
        if free < size:
            raise DiskIsTooSmall(
                f"{self.scratch} has {free / 1e9:.1f} GB free; {size / 1e9:.0f} GB are needed.",
                fix="Free some space, or set TMPDIR to a folder on a larger disk.",
            )


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    name: str
    unit: str
    aim: float | None
    better: Better
    measure: Callable[[Context], Measurement]

    def run(self, *, repeat: int, tell: Tell) -> Measurement:
        with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder:
            return self.measure(Context(scratch=Path(folder), repeat=repeat, tell=tell))


_registered: dict[str, Benchmark] = {}


def benchmark(
    name: str, *, unit: str, aim: float | None = None, better: Better
) -> Callable[[Callable[[Context], Measurement]], Callable[[Context], Measurement]]:
    """Declare a benchmark; `aim` is the value that `better` should at least reach."""

    def register(measure: Callable[[Context], Measurement]) -> Callable[[Context], Measurement]:
        _registered[name] = Benchmark(name=name, unit=unit, aim=aim, better=better, measure=measure)
        return measure

    return register


def discover(prefixes: Sequence[str] = ()) -> list[Benchmark]:
    """Return every benchmark of benchmarks/, or those whose names start with a prefix."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        importlib.import_module(f"{benchmarks.__name__}.{module.name}")
    names = sorted(_registered)
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            raise NoSuchBenchmark(
                f"No benchmark's name starts with {prefix}.",
                fix=f"There are: {', '.join(names)}.",
            )
    chosen = [name for name in names if not prefixes or name.startswith(tuple(prefixes))]
    return [_registered[name] for name in chosen]


def prepare() -> None:
    """Compile the library, so that no run of ours pays for what an installation has done."""
    compileall.compile_dir(ROOT / "trainshed", quiet=1)


def ours(*arguments: str | Path) -> list[str | Path]:
    """Return the command that runs a module or script of this repository."""
    return [sys.executable, *arguments]


def seconds(
    command: Sequence[str | Path],
    *,
    folder: Path = ROOT,
    variables: Mapping[str, str] | None = None,
) -> float:
    """Return how long a whole process takes, from before it starts until it has ended.

    `variables` are added to the environment. It must succeed.
    """
    added = {"PYTHONPATH": str(ROOT), **(variables or {})}
    environ = child_environment(added)
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    finished = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    took = time.perf_counter() - began
    if finished.returncode:
        said = "\n".join(finished.stdout.strip().splitlines()[-_LAST_LINES:])
        raise MeasuredProgramFailed(
            f"`{' '.join(map(str, command))}` ended with {finished.returncode}:\n{said}",
            fix="Run it by hand to see why.",
        )
    return took


def rival_environment(
    name: str, requirements: Sequence[str], *, tell: Tell = lambda _: None
) -> Path:
    """Install a rival (pinned requirements) into an environment of its own; return its bin folder.

    Raises:
        EnvironmentCannotBeBuilt: uv, venv or pip failed.
    """
    folder = _RIVALS / name
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "requirements.txt"
    lock.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
    return environment.ensure([lock], root=folder, name=name, tell=tell).bin
