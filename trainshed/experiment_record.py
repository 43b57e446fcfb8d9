"""What the ledger keeps of a pull request's run: for the notes of a release, never to release it.

    experiments/<model>/<run id>/<head commit>.json

A pull request's run is only ever compared with the one that main makes; what main made lies under
`runs/`. The first record of a commit stays: a second run of the same job changes nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from trainshed import decode, git
from trainshed.comparison import Verdict
from trainshed.origin import Change, Origin
from trainshed.result import Result, RunSummary
from trainshed.world import World

FORMAT = 1
LARGEST = 64 << 10
"""Bytes of one record. Metrics and parameters are left out of one that would be larger."""


@dataclass(frozen=True, kw_only=True)
class ExperimentRecord:
    run: RunSummary
    head: str
    """Head commit of the pull request."""
    base: str | None
    pull_requests: tuple[int, ...]
    """Their numbers when it was written; empty when it had been closed or pushed to again."""
    verdict: Verdict
    when: str
    is_cut: bool = False
    """The run's metrics and parameters were too many to be kept here."""
    format: int = FORMAT

    @property
    def predictions(self) -> str | None:
        """Digest of the run's predictions; None when it made none."""
        return self.run.predictions

    @property
    def path(self) -> str:
        return f"{_folder(self.run.model, self.run.run_id)}{self.head}.json"


def of_result(result: Result, *, pull_requests: Sequence[int], when: str) -> ExperimentRecord:
    """Return the record of a result that was compared."""
    if result.run is None or result.comparison is None:
        raise ValueError("only what was compared is recorded")
    record = ExperimentRecord(
        run=result.run,
        head=result.head,
        base=result.base,
        pull_requests=tuple(pull_requests),
        verdict=result.comparison.verdict,
        when=when,
    )
    if len(json.dumps(asdict(record), indent=2)) <= LARGEST:
        return record
    return replace(record, run=replace(record.run, metrics={}, params={}), is_cut=True)


def write(origin: Origin, records: Sequence[ExperimentRecord]) -> int:
    """Push the records that the ledger lacks, in one commit; return how many there were."""
    written = 0

    def build(world: World) -> Change | None:
        nonlocal written
        known = _paths(origin.repository, world.ledger_commit, [one.path for one in records])
        new = [one for one in records if one.path not in known]
        written = len(new)
        if not new:
            return None
        models = ", ".join(sorted({one.run.model for one in new}))
        return Change(
            records={one.path: asdict(one) for one in new},
            message=f"Record the experiment {new[0].head[:12]} of {models}\n",
        )

    origin.change(build)
    return written


def find(
    repository: git.Repository, ledger_commit: str | None, model: str, run_id: str
) -> list[ExperimentRecord]:
    """Return the records of a run, by path; those that cannot be read are left out.

    Args:
        ledger_commit: `World.ledger_commit`; None when there is no ledger yet.
    """
    if ledger_commit is None:
        return []
    entries = repository.entries(ledger_commit, [_folder(model, run_id)], recurse=True)
    found = []
    for one in repository.objects([entry.oid for entry in entries if entry.kind == "blob"]):
        try:
            record = decode.from_json(ExperimentRecord, one.content)
        except ValueError:  # a note to a note: nothing stands or falls with it
            continue
        if record.format <= FORMAT:
            found.append(record)
    return found


def _folder(model: str, run_id: str) -> str:
    return f"experiments/{model}/{run_id}/"


def _paths(repository: git.Repository, commit: str | None, wanted: Sequence[str]) -> set[str]:
    if commit is None:
        return set()
    return {entry.path for entry in repository.entries(commit, wanted)}
