"""Predictions for tests: files, and runs' answers that are drawn rather than trained."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainshed.question import Comparing, Predicted
from trainshed.rule import Rule
from trainshed.statistics import predictions, sides
from trainshed.statistics.counts import Tally
from trainshed.statistics.predictions import Predictions
from trainshed.statistics.sides import Classified, Measured

Columns = Mapping[str, Sequence[object]]


def write(path: Path, columns: Columns) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def of(folder: Path, columns: Columns, *, name: str = "predictions.csv") -> Predictions:
    return predictions.read(write(folder / name, columns))


def binary(
    rows: int = 60, *, seed: int = 0, positive: float = 0.4, decimals: int = 2
) -> dict[str, list[object]]:
    """Columns of one run. Scores are rounded, so some are equal."""
    random = np.random.default_rng(seed)
    truth = np.random.default_rng(rows).random(rows) < positive
    score = np.clip(0.3 + 0.3 * truth + random.normal(0, 0.25, rows), 0, 1).round(decimals)
    return {
        "row_id": [f"r{number:05}" for number in range(rows)],
        "y_true": np.where(truth, "yes", "no").tolist(),
        "y_pred": np.where(score > 0.5, "yes", "no").tolist(),
        "y_score": score.tolist(),
    }


def asked(folder: Path, baseline: Columns, candidate: Columns, **fields: Any) -> Comparing:
    """Return a question about two runs, whose files are written into the folder."""
    reported = fields.pop("reported", ({}, {}))
    runs = [
        Predicted(
            run_id=name,
            predictions=str(write(folder / f"{name}.csv", columns)),
            source=f"predictions of the {name}",
            metrics=metrics,
        )
        for name, columns, metrics in zip(
            ("baseline", "candidate"), (baseline, candidate), reported, strict=True
        )
    ]
    return Comparing(
        baseline=runs[0],
        candidate=runs[1],
        **{"metrics": ("f1",), "rules": {"f1": Rule(direction="maximize")}, **fields},
    )


def binary_pair(rows: int = 60, *, decimals: int = 2) -> tuple[Classified, Classified]:
    truth = np.random.default_rng(rows).random(rows) < 0.4
    truth[:2] = (False, True)
    found = []
    for seed in (1, 2):
        noise = np.random.default_rng(seed).normal(0, 0.25, rows)
        score = np.clip(0.3 + 0.3 * truth + noise, 0, 1).round(decimals)
        found.append(
            Classified(
                classes=("no", "yes"),
                truth=truth.astype(np.int32),
                answer=(score > 0.5).astype(np.int32),
                score=score,
            )
        )
    return found[0], found[1]


def multiclass_pair(rows: int = 90, *, classes: int = 3) -> tuple[Classified, Classified]:
    truth = np.random.default_rng(rows).integers(classes, size=rows).astype(np.int32)
    truth[:classes] = range(classes)
    found = []
    for seed in (1, 2):
        raw = np.random.default_rng(seed).random((rows, classes)) + np.eye(classes)[truth] * 0.5
        score = raw / raw.sum(axis=1, keepdims=True)
        answer = score.argmax(axis=1).astype(np.int32)
        names = tuple("abcdefgh"[:classes])
        found.append(Classified(classes=names, truth=truth, answer=answer, score=score))
    return found[0], found[1]


def regression_pair(rows: int = 60) -> tuple[Measured, Measured]:
    truth = np.random.default_rng(rows).normal(50, 10, rows)
    first, second = (
        Measured(truth=truth, answer=truth + np.random.default_rng(seed).normal(0, 3, rows))
        for seed in (1, 2)
    )
    return first, second


def side_of(folder: Path, columns: Columns) -> Classified:
    read = of(folder, columns)
    found = sides.classified(read, read)
    assert found is not None
    return found[0]


def tally_of(side: Classified) -> Tally:
    """Return the confusion of one set of rows, counted here rather than by the library."""
    each = np.arange(len(side.classes))
    true, said = side.truth[:, None] == each, side.answer[:, None] == each
    hits, answered, all_true = (
        one.sum(axis=0, keepdims=True).astype(float) for one in (true & said, said, true)
    )
    return Tally(hits=hits, answered=answered, true=all_true)
