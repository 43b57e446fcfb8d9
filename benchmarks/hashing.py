"""How fast a dataset is hashed: one large file, many small ones, and the same again unchanged.

Ours is `python -m trainshed.dataset`, a whole process. Every contestant finds the files in the page
cache and the disk idle. `dvc add` also copies what it hashes into its cache, which is its default
where the file system cannot share blocks; `dvc status` is what it does when nothing changed.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Context, Measurement, benchmark, ours, seconds

_DVC = ["dvc==3.67.1"]
_LARGE = 4_000_000_000  # bytes
_MANY = 50_000  # files of 4 to 64 KB
_BLOCK = 1 << 26  # bytes
_FREE = 12_000_000_000  # bytes: the data, DVC's copy of it, and room
_SETTLED_SECONDS = 3  # what changed more recently is hashed again

Contestant = Callable[[], float]


@benchmark("hash.large", unit="GB/s", aim=1.3, better="higher")
def large(context: Context) -> Measurement:
    """One file of 4 GB."""
    dataset = _folder(context) / "data.bin"
    context.tell("writing a file of 4 GB")
    _write_large(dataset)
    found = context.medians(
        {
            "trainshed": lambda: _cold_cache(context, dataset),
            **_dvc_add(context, dataset),
            "sha256sum": lambda: _timed(dataset, "sha256sum", dataset),
            "read": lambda: _timed(dataset, "dd", f"if={dataset}", "of=/dev/null", "bs=1M"),
        }
    )
    return _rate(found, _LARGE / 1e9)


@benchmark("hash.many", unit="files/s", aim=40_000, better="higher")
def many(context: Context) -> Measurement:
    """50,000 files of 4 to 64 KB."""
    dataset = _folder(context) / "data"
    context.tell("writing 50,000 files")
    _write_many(dataset)
    sums = f"find data -type f -print0 | xargs -0 -n 500 -P {os.cpu_count()} sha256sum"
    found = context.medians(
        {
            "trainshed": lambda: _cold_cache(context, dataset),
            **_dvc_add(context, dataset),
            "xargs sha256sum": lambda: _timed(dataset, "sh", "-c", sums),
        }
    )
    return _rate(found, _MANY)


@benchmark("hash.noop", unit="s", aim=0.35, better="lower")
def noop(context: Context) -> Measurement:
    """The same 50,000 files again, unchanged."""
    dataset = _folder(context) / "data"
    context.tell("writing 50,000 files")
    _write_many(dataset)
    contestants: dict[str, Contestant] = {"trainshed": lambda: _ours(context, dataset)}
    dvc = _dvc(context, dataset.parent)
    if dvc:
        context.tell("dvc add, once")
        dvc.add(dataset)
        contestants["dvc status"] = dvc.status
    context.tell("waiting until the files are old enough to be remembered")
    time.sleep(_SETTLED_SECONDS)
    _ours(context, dataset)
    return _as_measured(context.medians(contestants))


@dataclass(frozen=True, kw_only=True)
class Dvc:
    """DVC in a repository around a dataset."""

    program: Path
    folder: Path
    state: Path  # what DVC would keep outside the repository

    def init(self) -> None:
        seconds(["git", "init", "--quiet"], folder=self.folder)
        self._run("init", "--quiet")

    def add(self, dataset: Path) -> float:
        """Return the seconds of adding a dataset, as if for the first time."""
        for known in (self.folder / ".dvc/cache", self.folder / ".dvc/tmp", self.state):
            shutil.rmtree(known, ignore_errors=True)
        dataset.with_name(f"{dataset.name}.dvc").unlink(missing_ok=True)
        _warm(dataset)
        return self._run("add", "--quiet", dataset.name)

    def status(self) -> float:
        return self._run("status", "--quiet")

    def _run(self, *arguments: str) -> float:
        variables = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(self.state)}
        return seconds([self.program, *arguments], folder=self.folder, variables=variables)


def _dvc(context: Context, folder: Path) -> Dvc | None:
    programs = context.rival("dvc", _DVC)
    if programs is None:
        return None
    dvc = Dvc(program=programs / "dvc", folder=folder, state=context.scratch / "dvc-state")
    dvc.init()
    return dvc


def _dvc_add(context: Context, dataset: Path) -> dict[str, Contestant]:
    dvc = _dvc(context, dataset.parent)
    return {"dvc add": lambda: dvc.add(dataset)} if dvc else {}


def _folder(context: Context) -> Path:
    context.require_free(_FREE)
    folder = context.scratch / "repository"
    folder.mkdir()
    return folder


def _cold_cache(context: Context, dataset: Path) -> float:
    """Return our seconds for a dataset that is hashed for the first time, and remembered."""
    _cache(context).unlink(missing_ok=True)
    _warm(dataset)
    return _ours(context, dataset)


def _ours(context: Context, dataset: Path) -> float:
    return seconds(ours("-m", "trainshed.dataset", "--cache", _cache(context), dataset))


def _cache(context: Context) -> Path:
    return context.scratch / "digests.sqlite"


def _timed(dataset: Path, *command: str | Path) -> float:
    _warm(dataset)
    return seconds(command, folder=dataset.parent)


def _warm(dataset: Path) -> None:
    """Bring a dataset into the page cache, and wait until nothing is being written to the disk."""
    os.sync()
    files = [dataset] if dataset.is_file() else list(dataset.rglob("*.bin"))
    buffer = bytearray(_BLOCK)
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def _rate(found: Mapping[str, float], amount: float) -> Measurement:
    return _as_measured({name: amount / took for name, took in found.items()})


def _as_measured(found: Mapping[str, float]) -> Measurement:
    peers = {name: value for name, value in found.items() if name != "trainshed"}
    return Measurement(value=found["trainshed"], peers=peers)


def _write_large(path: Path) -> None:
    noise = os.urandom(_BLOCK)
    with path.open("wb", buffering=0) as file:
        for start in range(0, _LARGE, _BLOCK):
            block = start.to_bytes(8, "big") + noise[8:]  # no two blocks alike
            file.write(block[: _LARGE - start])


def _write_many(folder: Path) -> None:
    chance = random.Random(0)
    noise = os.urandom(1 << 20)
    for index in range(_MANY):
        path = folder / f"{index % 100:02d}" / f"{index:05d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        size, start = chance.randint(4_096, 65_536), chance.randrange(len(noise) - 65_536)
        path.write_bytes(index.to_bytes(8, "big") + noise[start : start + size - 8])
