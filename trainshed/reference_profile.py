"""What a run's data looked like, kept with the run: made beside its trainer, once for equal data.

Later data is compared with it (`trainshed.drift`) when this data has long gone. A run without a
profile is a run all the same: whatever goes wrong here is told, and stops no training.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainshed import config, dataset_files, locks
from trainshed.aside import Aside
from trainshed.dataset_files import Stamp
from trainshed.drift import table
from trainshed.errors import ProgramError, TrainshedError
from trainshed.run import Dataset, File

FORMAT = 1
"""That of `drift.profile_file`, which imports numpy; a test holds the two together."""
_PLACE = "profile/profile.json"
_SUFFIXES = {".csv", ".tsv"}


class DataChangedInTraining(ProgramError):
    """The trainer wrote into the data that it was given, so no profile of it can be kept."""


@dataclass(frozen=True, kw_only=True)
class Profiles:
    home: Path
    """The folder of profiles that were made before."""
    tell: Callable[[str], None]

    def begin(self, folder: Path, *, dataset: Dataset, chosen: config.Model) -> "Making":
        """Begin to profile a model's data in a checkout, before it is trained there.

        No process is started for data that is no table, or that was profiled before. The one that
        is has nobody else to answer: where training fails, it is left to itself.
        """
        if not _has_tables(folder / dataset.path):
            return Making(made=lambda: None, folder=folder, tell=self.tell)
        kept = self.home / f"{_name(dataset, chosen)}.json"
        if kept.is_file():
            return Making(made=lambda: kept, folder=folder, tell=self.tell)
        before = _stamps(folder / dataset.path)
        aside = Aside(lambda: self._make(kept, folder, dataset, chosen, before))
        return Making(made=aside.outcome, folder=folder, tell=self.tell)

    def _make(
        self,
        kept: Path,
        folder: Path,
        dataset: Dataset,
        chosen: config.Model,
        before: Mapping[str, Stamp],
    ) -> Path | None:
        # Most trainings are found or know their profile: they are not to import for nothing.
        from trainshed.question import Profiling  # noqa: PLC0415
        from trainshed.statistician import Statistician  # noqa: PLC0415

        data = folder / dataset.path
        table.look_at(data, source=dataset.path)  # most of what is no table shows already here
        with locks.held(kept.with_suffix(".lock")):  # seeds that are trained at once share one
            if kept.is_file():
                return kept
            beside = kept.with_suffix(".new")
            question = Profiling(
                data=str(data),
                out=str(beside),
                source=dataset.path,
                key=tuple(chosen.key),
                private=tuple(chosen.private),
            )
            with Statistician(tell=self.tell) as statistician:
                statistician.profile(question)
            if _stamps(data) != before:
                raise DataChangedInTraining(
                    f"training changed {dataset.path}",
                    fix="Let the trainer write elsewhere, beside the path that is passed as {out}.",
                )
            beside.replace(kept)
        return kept


@dataclass(frozen=True, kw_only=True)
class Making:
    """A profile that is being made."""

    made: Callable[[], Path | None]
    """Waits for it; None where there is nothing to profile."""
    folder: Path
    tell: Callable[[str], None]

    def keep(self, files: Path) -> File | None:
        """Wait for it, and copy it into the folder of a run's files."""
        try:
            kept = self.made()
            return None if kept is None else _copy(kept, files)
        except Exception as error:  # the run is there, and worth more than this
            said = error.problem if isinstance(error, TrainshedError) else repr(error)
            said = said.replace(f"{self.folder}/", "")
            self.tell(f"no profile of the data is kept: {said}")
            return None


def _copy(kept: Path, files: Path) -> File:
    place = files / _PLACE
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, place)
    content = place.read_bytes()
    return File(path=_PLACE, digest=hashlib.sha256(content).hexdigest(), size=len(content))


def _name(dataset: Dataset, chosen: config.Model) -> str:
    """Name a profile by all that decides it."""
    parts = [FORMAT, dataset.digest, sorted(chosen.key), sorted(chosen.private)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _has_tables(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() in _SUFFIXES
    return any(
        Path(name).suffix.lower() in _SUFFIXES for _, _, names in os.walk(path) for name in names
    )


def _stamps(path: Path) -> Mapping[str, Stamp]:
    kind, stamp = dataset_files.look_at(path)
    return {"": stamp} if kind == "file" else dataset_files.list_folder(path).files
