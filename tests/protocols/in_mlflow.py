"""Run in MLflow's environment: save a run's model as MLflow's own, and write MLflow's requests.

The bodies of DataFrames and arrays are those that MLflow's client makes.
"""

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from mlflow.utils.proto_json_utils import dump_input_data

CHURN = [
    {"plan": "basic", "age": 20, "balance": 0.5, "vip": False},
    {"plan": "gold", "age": 52, "balance": None, "vip": True},
]
SIZES = [{"length": 0.25, "width": 0.5}, {"length": 1.5, "width": 1.75}]
JSON = "application/json"


def requests(model: str) -> list[dict[str, Any]]:
    rows = CHURN if model == "churn" else SIZES
    table, lists = pd.DataFrame(rows), [list(row.values()) for row in rows]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    split = {"columns": list(rows[0]), "data": lists}
    asked = [
        post("its client, of a DataFrame", dump_input_data(table)),
        post("split, without an index", json.dumps({"dataframe_split": split})),
        post("split, of an orient that pandas writes", _split_by_pandas(table)),
        post("records", json.dumps({"dataframe_records": rows})),
        post("CSV", table.to_csv(index=False), "text/csv"),
        post("CSV, with a charset", table.to_csv(index=False), "text/csv; charset=utf-8"),
        {"name": "ping", "method": "GET", "path": "/ping", "headers": {}, "body": ""},
    ]
    if model == "churn":
        # MLflow cannot take a null in either of these, so they have none.
        whole = {name: values[:1] for name, values in columns.items()}
        asked += [
            post("instances, records", json.dumps({"instances": rows[:1]})),
            post("inputs, columns", json.dumps({"inputs": whole})),
            *faulty(),
        ]
    else:
        asked += [
            post("its client, of an array", dump_input_data(table.to_numpy())),
            post(
                "its client, of an array as instances",
                dump_input_data(table.to_numpy(), "instances"),
            ),
        ]
    if model == "kind":
        asked += [
            post("instances, records", json.dumps({"instances": rows})),
            post("inputs, columns", json.dumps({"inputs": columns})),
            post("inputs, one row", json.dumps({"inputs": rows[0]})),
        ]
    return asked


def faulty() -> list[dict[str, Any]]:
    def records(**changes: Any) -> str:
        return json.dumps({"dataframe_records": [{**CHURN[0], **changes}]})

    lacking = json.dumps({"dataframe_records": [{"plan": "basic"}]})
    return [
        post("not JSON", "{"),
        post("a list", "[]"),
        post("no known key", '{"rows": []}'),
        post("two formats", '{"inputs": [], "instances": []}'),
        post("records that are no list", '{"dataframe_records": {}}'),
        post("split with an unknown key", '{"dataframe_split": {"data": [], "rows": []}}'),
        post("split of uneven rows", '{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}'),
        post("columns of uneven lengths", '{"inputs": {"plan": ["a"], "age": [1, 2]}}'),
        post("a missing column", lacking),
        post("a column too many", records(extra=1)),
        post("text for a number", records(age="old")),
        post("null where it may not be", records(age=None)),
        post("no rows", '{"dataframe_records": []}'),
        post("parameters", json.dumps({"dataframe_records": CHURN[:1], "params": {"a": 1}})),
        post("another content type", "x", "application/xml"),
        post("another charset", "{}", "application/json; charset=latin-1"),
        post("CSV with an uneven line", "plan,age,balance,vip\nbasic,1,2,True,4,5\n", "text/csv"),
    ]


def post(name: str, body: str, content_type: str = JSON) -> dict[str, Any]:
    headers = {"content-type": content_type}
    return {
        "name": name,
        "method": "POST",
        "path": "/invocations",
        "headers": headers,
        "body": body,
    }


def _split_by_pandas(table: pd.DataFrame) -> str:
    return json.dumps({"dataframe_split": json.loads(table.to_json(orient="split"))})


def save(run: Path, folder: Path, rows: list[dict[str, Any]]) -> None:
    model, table = joblib.load(run / "model.pkl"), pd.DataFrame(rows)
    # Only without a signature does MLflow take an array for a table.
    signature = infer_signature(table, model.predict(table)) if run.name != "price" else None
    # The pickle is ours, of a minute ago, so it need not be one that MLflow trusts.
    mlflow.sklearn.save_model(
        model, folder, signature=signature, serialization_format="cloudpickle"
    )


if __name__ == "__main__":
    run, folder = map(Path, sys.argv[1:])
    save(run, folder, CHURN if run.name == "churn" else SIZES)
    json.dump(requests(run.name), sys.stdout)
