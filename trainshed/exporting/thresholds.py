"""The values at which a model's trees split, in terms of the columns that a caller sends.

Trees split on what the steps before them make of a column. Where that is the column itself, or a
scaled one, the split is traced back by trying: whatever the steps are, three values tell a line.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from trainshed.exporting import trees
from trainshed.serving import frame
from trainshed.serving.schema import Row, Schema

_TRIED = (1.0, 2.0, 4.0)


def of(model: Any, schema: Schema, base: Sequence[Row]) -> Mapping[str, Sequence[float]]:
    """Return thresholds by column; a model whose trees cannot be read has none."""
    steps = getattr(model, "steps", None)
    by_feature = _by_feature(model if steps is None else steps[-1][1])
    if not by_feature:
        return {}
    found: dict[str, list[float]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for column in schema.columns or ():
            if column.type not in {"number", "integer"}:
                continue
            for feature, slope, start in _lines(model, schema, base[0], column.name):
                for at in by_feature.get(feature, ()):
                    found.setdefault(column.name, []).append((at - start) / slope)
    return {
        name: sorted({one for one in all_ if math.isfinite(one)}) for name, all_ in found.items()
    }


def _lines(model: Any, schema: Schema, row: Row, column: str) -> Iterable[tuple[int, float, float]]:
    """Yield each feature that is a line of a column: its number, slope, and value at zero."""
    rows = [{**row, column: value} for value in _TRIED]
    try:
        made = _features(model, frame.of(rows, schema, trained_on=_trained_on(model)))
    except Exception:  # the steps are anyone's; without them there is no line
        return
    first, second, third = made
    for feature in np.flatnonzero(first != second):
        slope = (second[feature] - first[feature]) / (_TRIED[1] - _TRIED[0])
        start = first[feature] - slope * _TRIED[0]
        if np.isclose(third[feature], start + slope * _TRIED[2], rtol=1e-9):
            yield int(feature), float(slope), float(start)


def _features(model: Any, table: Any) -> Any:
    made = model[:-1].transform(table) if len(getattr(model, "steps", ())) > 1 else table
    made = made.toarray() if hasattr(made, "toarray") else np.asarray(made)
    return made.astype(np.float64)


def _trained_on(model: Any) -> Any:
    return getattr(model, "feature_names_in_", None)


def _by_feature(model: Any) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for feature, threshold in _splits(model):
        found.setdefault(feature, []).append(threshold)
    return found


def _splits(model: Any) -> Iterable[tuple[int, float]]:
    if hasattr(model, "_predictors"):
        order, _ = trees.columns_of(model)
        for predictor in (one for stage in model._predictors for one in stage):
            nodes = predictor.nodes
            asks = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
            for feature, at in zip(asks["feature_idx"], asks["num_threshold"], strict=True):
                yield int(order[feature]), float(at)
    elif hasattr(model, "tree_"):
        nodes = model.tree_
        inner = nodes.children_left != -1
        yield from zip(nodes.feature[inner].tolist(), nodes.threshold[inner].tolist(), strict=True)
    for name in ("estimators_", "estimator_", "best_estimator_", "calibrated_classifiers_"):
        for part in np.ravel(np.asarray(getattr(model, name, []), dtype=object)):
            yield from _splits(getattr(part, "estimator", part) if part is not model else None)
