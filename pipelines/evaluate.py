"""Answer every row of a CSV file with a model that was trained before.

Trainshed asks this of a baseline when its candidate has other evaluation rows: both are then
compared on the same ones. It leaves out those that the baseline was trained on.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import joblib
import train  # type: ignore[import-not-found]  # it lies beside this file


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("model", help="what train.py wrote to --out")
    parser.add_argument("data", help="CSV file with a header and a churn column")
    parser.add_argument("out", type=Path, help="where the predictions go")
    args = parser.parse_args(argv)

    data, row_id = train.read(args.data)
    rows, answers = data.drop(columns=train.TARGET), data[train.TARGET]
    try:
        predictions = train.predict(joblib.load(args.model), rows)
    except ValueError as error:  # scikit-learn's, of columns that the model does not know
        raise SystemExit(f"evaluate.py: {args.model} cannot answer {args.data}: {error}") from None
    predictions = predictions.assign(row_id=row_id, y_true=answers)[train.COLUMNS]
    train.write(predictions, rows, args.out)
    print(f"{len(predictions)} rows of {args.data} answered")


if __name__ == "__main__":
    main()
