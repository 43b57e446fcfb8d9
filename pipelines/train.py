"""Train the churn model: gradient-boosted trees over a CSV file.

An example trainer. Trainshed knows nothing of it but the `key=value` lines that it prints: copy it,
change it, or write another in any language.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import joblib
import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

TARGET = "churn"
COLUMNS = ["row_id", "y_true", "y_pred", "y_score"]
SLICES = ["area_code", "international_plan", "voice_mail_plan"]
EVALUATION_PERCENT = 20
EXAMPLES_PER_CLASS = 10


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--data", required=True, help="CSV file with a header and a churn column")
    parser.add_argument("--out", required=True, help="where the model goes; reports go beside it")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    data, row_id = read(args.data)
    rows, answers = data.drop(columns=TARGET), data[TARGET]
    held_out = row_id.map(lambda name: int(name[:16], 16) % 100) < EVALUATION_PERCENT
    sides = answers[held_out], answers[~held_out]
    if any(set(side) != {"yes", "no"} for side in sides):
        stop(f"{args.data} has too few rows: training and evaluation each need both yes and no.")

    model = build(schema(rows), seed=args.seed).fit(rows[~held_out], answers[~held_out])
    predictions = predict(model, rows[held_out]).assign(row_id=row_id, y_true=answers)[COLUMNS]
    scores = evaluate(predictions)

    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, out)
    write(predictions, rows, out.with_suffix(".predictions.csv"))
    trained_on = row_id[~held_out].rename("row_id")
    trained_on.to_csv(out.with_suffix(".training_rows.csv"), index=False)
    out.with_suffix(".metrics.json").write_text(json.dumps(scores, indent=2))
    out.with_suffix(".schema.json").write_text(json.dumps({"columns": schema(rows)}, indent=2))
    out.with_suffix(".examples.jsonl").write_text(examples(rows, predictions))

    # The contract: Trainshed reads these lines. Any other line would be this program's own log.
    print(f"dataset={args.data}")
    for name, score in scores.items():
        print(f"metric.{name}={score:.6f}")
    print(f"artifact={args.out}")
    print(f"schema={out.with_suffix('.schema.json')}")
    print(f"predictions={out.with_suffix('.predictions.csv')}")
    print(f"examples={out.with_suffix('.examples.jsonl')}")
    print(f"training_rows={out.with_suffix('.training_rows.csv')}")
    print(f"param.rows={len(data)}")
    print(f"param.evaluation_rows={len(predictions)}")
    print(f"param.seed={args.seed}")
    print(f"param.model={type(model[-1]).__name__}")


def read(path: str) -> tuple[pd.DataFrame, pd.Series]:
    """Return the rows, and a name for each that stays the same in any other file."""
    try:
        text = pd.read_csv(path, dtype=str, keep_default_na=False)
        data = pd.read_csv(path)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        stop(f"cannot read {path}: {error}")
    if TARGET not in data:
        stop(f"{path} has no column {TARGET!r}; it has: {', '.join(data)}.")
    strange = sorted(set(text[TARGET].map(str)) - {"yes", "no"})
    if strange:
        stop(f"{path}: the column {TARGET!r} should hold yes and no, but holds {strange[0]!r}.")
    return data, row_ids(text)


def row_ids(text: pd.DataFrame) -> pd.Series:
    """Name a row by the hash of its content, then the number of its occurrence.

    The split looks at the hash alone: a row never changes sides when rows are added to the data,
    and two copies of a row are never on both sides.
    """
    rows = ("\x1f".join(map(str, row)) for row in text.itertuples(index=False))
    hashes = pd.Series([hashlib.sha256(row.encode()).hexdigest()[:16] for row in rows], dtype=str)
    return hashes + "-" + hashes.groupby(hashes).cumcount().astype(str)


def build(columns: list[dict[str, Any]], *, seed: int) -> Pipeline:
    text = [column["name"] for column in columns if column["type"] == "string"]
    # A category that training never saw counts as missing, which the trees know how to handle.
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    return make_pipeline(
        make_column_transformer((encoder, text), remainder="passthrough"),
        HistGradientBoostingClassifier(
            categorical_features=list(range(len(text))), random_state=seed
        ),
    )


def predict(model: Pipeline, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the predicted class and its score, the probability of `yes`, for each row."""
    score = model.predict_proba(rows)[:, list(model.classes_).index("yes")]
    return pd.DataFrame({"y_pred": model.predict(rows), "y_score": score}, index=rows.index)


def write(predictions: pd.DataFrame, rows: pd.DataFrame, path: Path) -> None:
    """Write predictions as CSV, with the columns beside them that are looked at one by one."""
    slices = rows[rows.columns.intersection(SLICES)]
    predictions.join(slices).to_csv(path, index=False)


def evaluate(predictions: pd.DataFrame) -> dict[str, float]:
    truth, answer = predictions["y_true"] == "yes", predictions["y_pred"] == "yes"
    score = predictions["y_score"]
    values = {
        "f1": metrics.f1_score(truth, answer),
        "accuracy": metrics.accuracy_score(truth, answer),
        "precision": metrics.precision_score(truth, answer, zero_division=0),
        "recall": metrics.recall_score(truth, answer),
        "roc_auc": metrics.roc_auc_score(truth, score),
        "average_precision": metrics.average_precision_score(truth, score),
        "log_loss": metrics.log_loss(truth, score),
        "brier": metrics.brier_score_loss(truth, score),
    }
    return {name: round(float(value), 6) for name, value in values.items()}


def schema(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what a caller must send: each column's name and type, and whether it may be null."""
    types = {"b": "boolean", "i": "integer", "u": "integer", "f": "number"}
    return [
        {"name": name, "type": types.get(column.dtype.kind, "string")}
        | ({"nullable": True} if column.hasnans else {})
        for name, column in rows.items()
    ]


def examples(rows: pd.DataFrame, predictions: pd.DataFrame) -> str:
    """Return requests with this model's answers, as JSON lines: a server must answer the same."""
    chosen = predictions.sort_values("row_id").groupby("y_pred").head(EXAMPLES_PER_CLASS)
    inputs = rows.loc[chosen.index].astype(object)
    inputs = inputs.where(inputs.notna(), None)  # JSON has null, and no NaN
    lines = zip(inputs.to_dict("records"), chosen["y_pred"], chosen["y_score"], strict=True)
    return "".join(
        json.dumps({"input": row, "output": {"prediction": answer, "score": score}}) + "\n"
        for row, answer, score in lines
    )


def stop(problem: str) -> NoReturn:
    raise SystemExit(f"train.py: {problem}")


if __name__ == "__main__":
    main()
