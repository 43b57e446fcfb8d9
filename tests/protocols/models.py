"""Three small models, each as a run folder: two classes, three classes, and a number."""

import io
import json
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import serving_run
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

SIZES = [{"length": length / 4, "width": width / 4} for length in range(8) for width in range(8)]
SIZES_SCHEMA = {"columns": [{"name": name, "type": "number"} for name in ("length", "width")]}


def churn(folder: Path) -> Path:
    """Text, integers, numbers with gaps and booleans in; `yes` or `no` out."""
    return serving_run.fitted_run(folder)


def kind(folder: Path) -> Path:
    """Two numbers in; 0, 1 or 2 out."""
    answers = [int(row["length"]) + int(row["width"]) for row in SIZES]
    return _run(folder, DecisionTreeClassifier(max_depth=2, random_state=0), answers)


def price(folder: Path) -> Path:
    """Two numbers in, one out."""
    answers = [row["length"] * row["width"] / 3 for row in SIZES]
    return _run(folder, DecisionTreeRegressor(max_depth=3, random_state=0), answers)


MODELS = {"churn": churn, "kind": kind, "price": price}


def _run(folder: Path, model: Any, answers: list[Any]) -> Path:
    buffer = io.BytesIO()
    joblib.dump(model.fit(pd.DataFrame(SIZES), answers), buffer)
    serving_run.write_run(
        folder,
        buffer.getvalue(),
        model=folder.name,
        schema={"path": "schema.json", "digest": "0" * 64},
    )
    (folder / "schema.json").write_text(json.dumps(SIZES_SCHEMA))
    return folder
