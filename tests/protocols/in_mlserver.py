"""Run in MLServer's environment: lay out runs as MLServer's models, and write its requests.

The bodies of DataFrames and arrays are those that MLServer's own codecs make.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlserver.codecs import NumpyRequestCodec, PandasCodec

CHURN = [
    {"plan": "basic", "age": 20, "balance": 0.5, "vip": False},
    {"plan": "gold", "age": 52, "balance": None, "vip": True},
]
SIZES = [{"length": 0.25, "width": 0.5}, {"length": 1.5, "width": 1.75}]


def requests(model: str) -> list[dict[str, Any]]:
    rows = CHURN if model == "churn" else SIZES
    # Its codec knows text as objects, as pandas 2 keeps it.
    as_objects = {"plan": object} if model == "churn" else {}
    frame = PandasCodec.encode_request(pd.DataFrame(rows).astype(as_objects), use_bytes=False)
    table = json.loads(frame.model_dump_json(exclude_none=True))
    asked = [
        {"name": "live", "method": "GET", "path": "/v2/health/live"},
        {"name": "ready", "method": "GET", "path": "/v2/health/ready"},
        {"name": "server", "method": "GET", "path": "/v2"},
        {"name": "model", "method": "GET", "path": f"/v2/models/{model}"},
        {"name": "model ready", "method": "GET", "path": f"/v2/models/{model}/ready"},
        infer(model, "its codec, of a DataFrame", table),
        infer(model, "named", {**table, "id": "request-1"}),
    ]
    if model != "price":
        asked.append(infer(model, "with its probabilities", _asking(table, "predict_proba")))
        both = _asking(table, "predict", "predict_proba")
        asked.append(infer(model, "both outputs", both))
    if model == "churn":
        return [*asked, *faulty(table)]
    matrix = NumpyRequestCodec.encode_request(pd.DataFrame(rows).to_numpy())
    small = NumpyRequestCodec.encode_request(pd.DataFrame(rows).to_numpy(np.float32))
    nested = json.loads(matrix.model_dump_json(exclude_none=True))
    nested["inputs"][0]["data"] = [list(row.values()) for row in rows]
    return [
        *asked,
        infer(
            model, "its codec, of an array", json.loads(matrix.model_dump_json(exclude_none=True))
        ),
        infer(
            model,
            "its codec, of a small array",
            json.loads(small.model_dump_json(exclude_none=True)),
        ),
        infer(model, "nested data", nested),
    ]


def faulty(table: dict[str, Any]) -> list[dict[str, Any]]:
    def changed(column: int, **changes: Any) -> dict[str, Any]:
        copy = json.loads(json.dumps(table))
        copy["inputs"][column].update(changes)
        return copy

    lacking = {**table, "inputs": table["inputs"][:1]}
    return [
        infer("churn", "not JSON", "{"),
        infer("churn", "a list", "[]"),
        infer("churn", "no inputs", "{}"),
        infer("churn", "inputs of none", '{"inputs": []}'),
        infer("churn", "an input without a shape", '{"inputs": [{"name": "a"}]}'),
        infer("churn", "an unknown type", changed(0, datatype="TEXT")),
        infer("churn", "a shape that does not fit", changed(1, shape=[3, 1])),
        infer("churn", "text for a number", changed(1, data=["old", "older"])),
        infer("churn", "columns of uneven lengths", changed(1, shape=[1, 1], data=[1])),
        infer("churn", "a missing column", lacking),
        infer("churn", "an unknown output", _asking(table, "depth")),
        infer("nobody", "an unknown model", table),
        {"name": "an unknown model's ready", "method": "GET", "path": "/v2/models/nobody/ready"},
        {"name": "an unknown model's metadata", "method": "GET", "path": "/v2/models/nobody"},
        {"name": "an unknown version", "method": "GET", "path": "/v2/models/churn/versions/9"},
    ]


def infer(model: str, name: str, body: dict[str, Any] | str) -> dict[str, Any]:
    return {
        "name": name,
        "method": "POST",
        "path": f"/v2/models/{model}/infer",
        "headers": {"content-type": "application/json"},
        "body": body if isinstance(body, str) else json.dumps(body),
    }


def _asking(table: dict[str, Any], *outputs: str) -> dict[str, Any]:
    return {**table, "outputs": [{"name": name} for name in outputs]}


if __name__ == "__main__":
    folder, *runs = map(Path, sys.argv[1:])
    for run in runs:
        model = folder / run.name
        model.mkdir(parents=True)
        shutil.copy(run / "model.pkl", model / "model.pkl")
        (model / "model-settings.json").write_text(
            json.dumps(
                {
                    "name": run.name,
                    "implementation": "mlserver_sklearn.SKLearnModel",
                    "parameters": {"uri": "./model.pkl", "version": "1.1.0"},
                }
            )
        )
    json.dump({run.name: requests(run.name) for run in runs}, sys.stdout)
