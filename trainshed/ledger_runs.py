"""Every run that is known, as one list: of the local store, and of the ledger on the origin.

    runs/<model>/<run id>.json                        a run that main trained
    experiments/<model>/<run id>/<head commit>.json   one of a pull request: its own word for it

The same run in several places is one. What lies here says most of it, then what main recorded.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from trainshed import decode, experiment_record, git
from trainshed import run as runs
from trainshed.errors import OutsideError, ReleaseStateError
from trainshed.experiment_record import ExperimentRecord
from trainshed.manifest import Manifest
from trainshed.origin import Origin
from trainshed.project import Project
from trainshed.result import RunSummary
from trainshed.run import Run
from trainshed.store import RunIsUnknown, Store
from trainshed.world import World

Source = Literal["store", "ledger", "all"]
Tell = Callable[[str], None]

_FEWEST_DIGITS = 6
_RUN_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Known:
    """A run, and where it is known from."""

    summary: RunSummary
    run: Run | None = None
    """The whole of it, where it is in the store."""
    is_of_main: bool = False
    """The ledger has it as one that main trained."""
    experiments: tuple[ExperimentRecord, ...] = ()
    """As pull requests found it, the newest last."""
    releases: tuple[Manifest, ...] = ()
    """Those that were made of it."""

    @property
    def run_id(self) -> str:
        return self.summary.run_id

    @property
    def created(self) -> datetime:
        return moment(self.summary.created)

    @property
    def params(self) -> Mapping[str, str]:
        """Return what it was given and what its trainer reported, which outranks the other."""
        given = {} if self.run is None else self.run.ingredients.params
        seed = {} if self.summary.seed is None else {"seed": self.summary.seed}
        return {**seed, **given, **self.summary.params}

    @property
    def pull_requests(self) -> tuple[int, ...]:
        return tuple(sorted({one for found in self.experiments for one in found.pull_requests}))

    @property
    def verdict(self) -> str | None:
        """Return what the gate said of it: when it was released, else in its pull request."""
        if self.releases:
            return self.releases[-1].gate.verdict
        return self.experiments[-1].verdict if self.experiments else None

    @property
    def places(self) -> tuple[str, ...]:
        """Name where it is known from: `store`, `main`, and `#12 pass` for a pull request."""
        named = ["store"] if self.run is not None else []
        named += ["main"] if self.is_of_main else []
        for one in self.experiments:
            pulls = " ".join(f"#{number}" for number in one.pull_requests) or "closed"
            named.append(f"{pulls} {one.verdict}")
        return tuple(dict.fromkeys(named))

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object, of one shape wherever it is known from."""
        return {
            **asdict(self.summary),
            "ingredients": asdict(self.run.ingredients) if self.run else None,
            "places": {
                "store": self.run is not None,
                "main": self.is_of_main,
                "releases": [str(one.tag) for one in self.releases],
                "experiments": [
                    {
                        "pull_requests": list(one.pull_requests),
                        "head": one.head,
                        "verdict": one.verdict,
                        "when": one.when,
                    }
                    for one in self.experiments
                ],
            },
        }


def moment(text: str) -> datetime:
    """Read a time of a record; one without a zone is UTC.

    Raises:
        ValueError: it is none.
    """
    read = datetime.fromisoformat(text)
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def gather(here: Project, source: Source, *, tell: Tell) -> list[Known]:
    """Return the runs of a source, oldest first.

    `all` is what is there: where the origin cannot be read, that is told, and the store is all.

    Raises:
        OutsideError, ReleaseStateError: the ledger alone was asked for, and cannot be read.
    """
    stored = [] if source == "ledger" else list(Store(here).runs())
    if source == "store" or (source == "all" and not _has_origin(here.repository)):
        return join(stored, [])
    try:
        recorded = read(here.repository, Origin(here.repository).read(), tell=tell)
    except (OutsideError, ReleaseStateError) as error:
        if source == "ledger":
            raise
        tell(f"without the ledger's runs, those of the store alone: {error.problem}")
        recorded = []
    return join(stored, recorded)


def read(repository: git.Repository, world: World, *, tell: Tell) -> list[Known]:
    """Return the runs that the ledger holds; a record that cannot be read is told and left out."""
    if world.ledger_commit is None:
        return []
    main: dict[str, RunSummary] = {}
    experiments: dict[str, list[ExperimentRecord]] = {}
    for path, content in _records(repository, world.ledger_commit):
        try:
            if path.startswith("runs/"):
                summary = _of_main(content)
                main[summary.run_id] = summary
            else:
                record = _experiment(content)
                experiments.setdefault(record.run.run_id, []).append(record)
        except ValueError as error:
            tell(f"{path} in the ledger cannot be read: {str(error).splitlines()[0]}")
    released: dict[str, list[Manifest]] = {}
    for one in sorted(world.ledger.releases.values(), key=lambda one: one.manifest.sequence):
        released.setdefault(one.manifest.run_id, []).append(one.manifest)
    return [
        _known(main.get(run_id), experiments.get(run_id, []), released.get(run_id, []))
        for run_id in main.keys() | experiments.keys()
    ]


def join(stored: Iterable[Run], recorded: Iterable[Known]) -> list[Known]:
    """Make one list, oldest first, with each run in it once."""
    found = {one.run_id: one for one in recorded}
    for one in stored:
        there = found.get(one.run_id)
        found[one.run_id] = Known(
            summary=summary_of(one),
            run=one,
            is_of_main=there is not None and there.is_of_main,
            experiments=there.experiments if there else (),
            releases=there.releases if there else (),
        )
    return sorted(found.values(), key=lambda one: (one.created, one.run_id))


def find(known: Iterable[Known], run_id: str) -> Known:
    """Return a run by its id or the first digits of it (at least six).

    Raises:
        RunIsUnknown: there is none, or several begin so.
    """
    if len(run_id) < _FEWEST_DIGITS:
        raise RunIsUnknown(
            f"A run is named by at least six digits of its id; {run_id!r} has fewer.",
            fix="Take them from scripts/runs.py list.",
        )
    matches = [one for one in known if one.run_id.startswith(run_id)]
    if len(matches) != 1:
        what = "Several runs begin" if len(matches) > 1 else "There is no run whose id begins"
        raise RunIsUnknown(
            f"{what} with {run_id}, in the run store or the ledger.",
            fix="List the runs with scripts/runs.py list, and give at least six digits of one.",
        )
    return matches[0]


def summary_of(one: Run) -> RunSummary:
    return RunSummary(**{**runs.summary(one), "dataset": one.dataset})


def _known(
    main: RunSummary | None, experiments: list[ExperimentRecord], releases: list[Manifest]
) -> Known:
    """Main's own record counts more than a pull request's, and a whole one more than a cut one."""
    inorder = sorted(experiments, key=lambda one: moment(one.when))
    summary = main or min(reversed(inorder), key=lambda one: one.is_cut).run
    return Known(
        summary=summary,
        is_of_main=main is not None,
        experiments=tuple(inorder),
        releases=tuple(releases),
    )


def _records(repository: git.Repository, commit: str) -> Iterable[tuple[str, bytes]]:
    entries = repository.entries(commit, ["runs/", "experiments/"], recurse=True)
    blobs = [entry for entry in entries if entry.kind == "blob"]
    objects = repository.objects([entry.oid for entry in blobs])
    return ((entry.path, one.content) for entry, one in zip(blobs, objects, strict=True))


def _of_main(content: bytes) -> RunSummary:
    summary: RunSummary = decode.from_json(RunSummary, content)
    _check(summary)
    return summary


def _check(summary: RunSummary) -> None:
    if not _RUN_ID.fullmatch(summary.run_id):
        raise ValueError("its run id is none")
    moment(summary.created)


def _experiment(content: bytes) -> ExperimentRecord:
    record: ExperimentRecord = decode.from_json(ExperimentRecord, content)
    if record.format > experiment_record.FORMAT:
        raise ValueError(f"format {record.format} is newer than this Trainshed's")
    _check(record.run)
    moment(record.when)
    return record


def _has_origin(repository: git.Repository) -> bool:
    return "origin" in repository.read("remote").splitlines()
