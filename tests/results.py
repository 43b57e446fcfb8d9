"""What the jobs of pull requests upload, as honest ones make it, with a way to change any part."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import records

from trainshed import result
from trainshed.config import Metric
from trainshed.errors import TrainshedError
from trainshed.result import Result
from trainshed.training_data import FetchFailed

HEAD = "ab" * 20
BASE = "cd" * 20

GOOD: Mapping[str, float] = {"f1": 0.86, "log_loss": 0.20}
BAD: Mapping[str, float] = {"f1": 0.70, "log_loss": 0.20}
BEFORE: Mapping[str, float] = {"f1": 0.85, "log_loss": 0.23}

NO_CREDENTIALS = FetchFailed(
    "The `fetch:` command of data/big.parquet failed: exit code 1\nAccessDenied",
    fix="Run it by hand in a clean clone.",
)


def compared(
    metrics: Mapping[str, float] = GOOD,
    *,
    head: str = HEAD,
    parent: Mapping[str, float] | None = BEFORE,
    rules: Mapping[str, Metric] = records.RULES,
    **changes: Any,
) -> Result:
    """Return the result of a candidate with these metrics; `changes` replace fields of its run."""
    comparison = records.compare(metrics, parent=parent, rules=rules)
    run = replace(records.RUN, run_id=comparison.candidate.run_id, metrics=metrics, **changes)
    return result.of_comparison(comparison, run=run, head=head, base=BASE)


def failed(error: TrainshedError = NO_CREDENTIALS, *, head: str = HEAD) -> Result:
    return result.of_failure(error, model="churn", head=head, base=BASE)


def content(made: Result, change: Callable[[Any], object] | None = None) -> bytes:
    """Return a result's bytes; `change` does to its JSON what no honest job would."""
    document = json.loads(made.to_json())
    if change is not None:
        change(document)
    return json.dumps(document).encode()
