"""Small run folders as the run store keeps them, for the tests of the prediction server."""

import functools
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

ROWS = [
    {"plan": plan, "age": age, "balance": balance, "vip": vip}
    for plan, age, balance, vip in [
        ("basic", 20, 0.5, False),
        ("basic", 31, 1.5, True),
        ("gold", 45, None, False),
        ("gold", 52, 7.25, True),
        ("basic", 63, 2.0, False),
        ("gold", 70, 9.5, True),
    ]
    * 10
]
SCHEMA = {
    "columns": [
        {"name": "plan", "type": "string"},
        {"name": "age", "type": "integer"},
        {"name": "balance", "type": "number", "nullable": True},
        {"name": "vip", "type": "boolean"},
    ]
}


def write_run(folder: Path, artifact: bytes, /, **changes: Any) -> Path:
    """Write a run folder around an artifact's bytes; `changes` replace keys of its run.json."""
    folder.mkdir(parents=True)
    (folder / "model.pkl").write_bytes(artifact)
    record = {
        "run_id": "ab" * 32,
        "model": "churn",
        "dataset": {"path": "data/v1/train.csv", "digest": "da" * 32},
        "artifact": {"path": "model.pkl", "digest": hashlib.sha256(artifact).hexdigest()},
        "examples": None,
        "schema": None,
        **changes,
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def write_manifest(path: Path, run: Path, /, **changes: Any) -> Path:
    record = json.loads((run / "run.json").read_text())
    digest = record["artifact"]["digest"]
    manifest = {"model": record["model"], "version": "1.1.0", "artifact": digest, **changes}
    path.write_text(json.dumps(manifest))
    return path


def fitted_run(folder: Path) -> Path:
    """Write the run of a real model, with its schema and six examples."""
    artifact, examples = _trained()
    write_run(
        folder,
        artifact,
        examples={"path": "examples.jsonl", "digest": "0" * 64},
        schema={"path": "schema.json", "digest": "0" * 64},
    )
    (folder / "examples.jsonl").write_text("\n".join(map(json.dumps, examples)) + "\n")
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    return folder


@functools.cache
def _trained() -> tuple[bytes, list[dict[str, Any]]]:
    """Train once: a boosted pipeline over text, integers, numbers with gaps and booleans."""
    table = pd.DataFrame(ROWS)
    model = make_pipeline(
        make_column_transformer((OrdinalEncoder(), ["plan"]), remainder="passthrough"),
        HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=2),
    )
    model.fit(table, ["yes" if row["age"] > 50 else "no" for row in ROWS])
    outputs = zip(model.predict(table), model.predict_proba(table)[:, 1], strict=True)
    examples = [
        {"input": row, "output": {"prediction": label, "score": score}}
        for row, (label, score) in zip(ROWS[:6], outputs, strict=False)
    ]
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue(), examples
