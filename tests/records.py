"""Runs and manifests as they come out of a training, with a way to change any part of one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trainshed import comparison
from trainshed.comparison import Comparison, Finding, Side
from trainshed.config import Metric
from trainshed.manifest import Data, Gate, Manifest
from trainshed.run import Dataset, File, Ingredients, Run

V1, V2 = "a1" * 32, "b2" * 32
"""Digests of two datasets."""

RULES = {
    "f1": Metric(direction="maximize", min=0.80, tolerance=0.01),
    "log_loss": Metric(direction="minimize", tolerance=0.02),
}

INGREDIENTS = Ingredients(
    model="churn",
    code={"pipelines/": "c0de" * 10},
    dataset=V1,
    command=("python", "pipelines/train.py", "--data", "{data}", "--out", "{out}"),
    params={"seed": "0", "env.LEVEL": "high"},
    lock="10cc" * 16,
    python="3.11",
)

RUN = Run(
    run_id=INGREDIENTS.run_id,
    model="churn",
    commit="c1" * 20,
    dataset=Dataset(path="data/v1/train.csv", digest=V1),
    ingredients=INGREDIENTS,
    metrics={"f1": 0.8421, "log_loss": 0.231, "rows": 4000.0},
    params={"max_depth": "7"},
    artifact=File(path="artifact/churn.pkl", digest="f1" * 32, size=1234),
    examples=File(path="examples/churn.examples.jsonl", digest="f2" * 32, size=56),
    created="2026-01-02T03:04:05+00:00",
    seconds=1.25,
)

MANIFEST = Manifest(
    model="churn",
    version="1.4.0",
    sequence=7,
    commit="c1" * 20,
    run_id=RUN.run_id,
    dataset=Data(path="data/v1/train.csv", digest=V1),
    artifact="f1" * 32,
    metrics={"f1": 0.8421, "log_loss": 0.231},
    gate=Gate(verdict="pass", baseline="churn@v1.3.2"),
    released="2026-01-02T03:04:05+00:00",
    schema="5c" * 32,
    examples="f2" * 32,
    python="3.11",
    skipped=("d1" * 20, "d2" * 20),
)


def side(metrics: Mapping[str, float] | None = None, **changes: Any) -> Side:
    """A side of a comparison; `metrics` replace those of the run."""
    one = comparison.side(RUN if metrics is None else replace(RUN, metrics=metrics))
    return replace(one, **changes)


def manifest(version: str = "1.4.0", **changes: Any) -> Manifest:
    return replace(MANIFEST, version=version, **changes)


def compare(
    candidate: Mapping[str, float],
    *,
    parent: Mapping[str, float] | None = None,
    live: Mapping[str, float] | None = None,
    rules: Mapping[str, Metric] = RULES,
) -> Comparison:
    return comparison.compare(
        model="churn",
        candidate=side(candidate, run_id="1" * 64),
        parent=None if parent is None else side(parent, run_id="2" * 64),
        live=None if live is None else side(live, run_id="3" * 64, release="churn@v1.4.0"),
        rules=rules,
    )


def finding(compared: Comparison, baseline: str, metric: str) -> Finding:
    base = compared.baseline(baseline)
    assert base is not None
    return next(one for one in base.findings if one.metric == metric)
