"""What MLflow is told of a run: names, values and sizes as it takes them. Pure; no MLflow needed.

Its limits: https://mlflow.org/docs/latest/rest-api.html, and `mlflow.utils.validation`.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:  # the process that speaks to MLflow has not all that this would import
    from trainshed.ledger_runs import Known

MOST_METRICS = 1000
MOST_PARAMS = 100
MOST_BYTES = 500_000
"""Of one request, which MLflow takes up to 1,000,000 of."""
LONGEST_VALUE = 6000
"""Characters of a parameter; a tag may have more."""
RUN_ID = "trainshed.run_id"
"""The tag by which a run is found again."""
_CUT = "… (cut)"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file or folder that is logged as an artifact."""

    path: str
    """Where it lies here; absolute."""
    folder: str
    """Where it goes, in the run's artifacts; empty for their top."""


@dataclass(frozen=True, kw_only=True)
class MlflowRun:
    experiment: str
    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    uploads: tuple[Upload, ...]
    start: int
    """Milliseconds since 1970, as MLflow counts."""
    end: int
    cut: tuple[str, ...] = ()
    """Parameters whose values are too long for MLflow."""

    @property
    def run_id(self) -> str:
        return self.tags[RUN_ID]

    @property
    def told(self) -> str:
        """Say how much there is of it."""
        parts = {
            "metric": len(self.metrics), "param": len(self.params), "file": len(self.uploads)
        }  # fmt: skip
        counted = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in parts.items()]
        cut = f"; {', '.join(self.cut)} cut to {LONGEST_VALUE} characters" if self.cut else ""
        return f"{', '.join(counted)}{cut}"

    def to_json(self) -> str:
        """Return one line."""
        return json.dumps(asdict(self))


def from_fields(fields: Mapping[str, Any]) -> MlflowRun:
    """Return the run of which `to_json` gave these fields."""
    uploads = tuple(Upload(**one) for one in fields["uploads"])
    return MlflowRun(**{**fields, "uploads": uploads, "cut": tuple(fields["cut"])})


def of(one: Known, *, experiment: str | None = None, uploads: Sequence[Upload] = ()) -> MlflowRun:
    """Return a run as MLflow is told it; its experiment is the model's unless another is named."""
    end = one.created
    params = {name_of(name): value for name, value in one.params.items()}
    return MlflowRun(
        experiment=experiment or one.summary.model,
        name=f"{one.summary.model} {one.run_id[:12]}",
        params={name: cut(value) for name, value in params.items()},
        metrics={name_of(name): value for name, value in one.summary.metrics.items()},
        tags={name: cut(value) for name, value in _tags(one).items() if value},
        uploads=tuple(uploads),
        start=int((end - timedelta(seconds=one.summary.seconds)).timestamp() * 1000),
        end=int(end.timestamp() * 1000),
        cut=tuple(name for name, value in params.items() if len(value) > LONGEST_VALUE),
    )


def name_of(ours: str) -> str:
    """Return the name that a metric or parameter has in MLflow, which no other one has.

    MLflow takes no `@`, and no name that is not a plain path (`a//b`). It does take `:` and
    blanks, which the training contract does not.
    """
    name = ours.replace("@", ":")
    return name if posixpath.normpath(name) == name else name.replace("/", " ")


def without_password(text: str, uri: str) -> str:
    """Return a text in which a URI stands, without the name and password that it may hold."""
    person, at, _ = urlsplit(uri).netloc.rpartition("@")
    return text.replace(f"{person}{at}", "") if at else text


def cut(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else f"{value[: LONGEST_VALUE - len(_CUT)]}{_CUT}"


def batches(items: Mapping[str, T], most: int) -> Iterator[dict[str, T]]:
    """Part what is logged into requests that MLflow takes."""
    batch: dict[str, T] = {}
    size = 0
    for name, value in items.items():
        bytes_more = len(json.dumps({name: value})) + 100
        if batch and (len(batch) == most or size + bytes_more > MOST_BYTES):
            yield batch
            batch, size = {}, 0
        batch[name] = value
        size += bytes_more
    if batch:
        yield batch


def _tags(one: Known) -> dict[str, str]:
    known = one.summary
    return {
        RUN_ID: one.run_id,
        "trainshed.model": known.model,
        "trainshed.commit": known.commit,
        "trainshed.dataset": known.dataset.digest,
        "trainshed.dataset.path": known.dataset.path,
        "trainshed.artifact": known.artifact,
        "trainshed.predictions": known.predictions or "",
        "trainshed.seed": known.seed or "",
        "trainshed.verdict": one.verdict or "",
        "trainshed.release": ", ".join(str(release.tag) for release in one.releases),
        "trainshed.pull_request": ", ".join(map(str, one.pull_requests)),
        "trainshed.head": one.experiments[-1].head if one.experiments else "",
        "mlflow.source.type": "JOB",
        "mlflow.source.name": "trainshed",
        "mlflow.source.git.commit": known.commit,
    }
