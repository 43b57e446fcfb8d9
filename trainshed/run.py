"""A run: one training, named by everything that decided its outcome."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Ingredients:
    """What decides a run's outcome. Two runs with equal ingredients are the same run."""

    model: str
    code: Mapping[str, str]
    """Path as declared in `inputs:` to its git tree or blob id; `.` for the whole tree."""
    dataset: str
    """sha256 of the data (see `trainshed.dataset`)."""
    command: tuple[str, ...]
    """The `train:` template, before {data}, {out} and {seed} are filled in."""
    params: Mapping[str, str]
    """The seed and the variables of `env:`."""
    lock: str | None
    """sha256 of the lock file of the training environment."""
    python: str
    """Minor version, such as 3.11."""

    @property
    def run_id(self) -> str:
        """64 hexadecimal digits: sha256 of the ingredients as canonical JSON."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class File:
    """A file (or folder) of a run: its path relative to the run's folder, digest and bytes."""

    path: str
    digest: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Dataset:
    path: str
    digest: str
    """sha256 (see `trainshed.dataset`)."""


@dataclass(frozen=True, kw_only=True)
class Run:
    run_id: str
    model: str
    commit: str
    """The commit it was trained from; another commit with equal ingredients finds the same run."""
    dataset: Dataset
    ingredients: Ingredients
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    """What the trainer reported as `param.<name>=`."""
    artifact: File
    predictions: File | None = None
    examples: File | None = None
    schema: File | None = None
    training_rows: File | None = None
    """The ids of the rows that it was trained on, where the trainer says."""
    profile: File | None = None
    """What its data looked like (`trainshed.drift.profile_file`); None where that is no table."""
    created: str
    """ISO 8601, UTC."""
    seconds: float
    """Wall time of the trainer's own process."""
    format: int = FORMAT

    @property
    def files(self) -> tuple[File, ...]:
        """All that it made, its artifact first."""
        others = (self.predictions, self.examples, self.schema, self.training_rows, self.profile)
        return (self.artifact, *(one for one in others if one is not None))

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Run:
    """Read a run.

    Raises:
        ValueError: it is not JSON, lacks something, or was written by a newer format.
    """
    from trainshed import decode  # noqa: PLC0415  # pydantic is imported only when it is needed

    run: Run = decode.from_json(Run, text)
    if run.format > FORMAT:
        raise ValueError(f"run.json has format {run.format}; this Trainshed reads up to {FORMAT}")
    return run


def summary(run: Run) -> dict[str, Any]:
    """Return what the ledger keeps of a run: everything but its files' places."""
    return {
        "run_id": run.run_id,
        "model": run.model,
        "commit": run.commit,
        "dataset": asdict(run.dataset),
        "metrics": dict(run.metrics),
        "params": dict(run.params),
        "seed": run.ingredients.params.get("seed"),
        "artifact": run.artifact.digest,
        "predictions": run.predictions.digest if run.predictions else None,
        "created": run.created,
        "seconds": run.seconds,
    }
