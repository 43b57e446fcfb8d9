"""Converters of scikit-learn's encoders and imputers: doubles out, missing and unknown as there.

skl2onnx 1.20 rounds numbers to float32 on the way, and has no place for a missing text. Text
that is missing comes as `MISSING_TEXT`; a number that is missing, as NaN.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pandas as pd
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
from sklearn import impute, preprocessing

from trainshed.exporting.graph import Graph
from trainshed.serving.onnx_model import MISSING_TEXT

_STRING, _DOUBLE = onnx.TensorProto.STRING, onnx.TensorProto.DOUBLE


def register() -> None:
    """Put these converters in the place of skl2onnx's own."""
    for kind, shapes, convert in (
        (preprocessing.OrdinalEncoder, _ordinal_shapes, _ordinal),
        (preprocessing.OneHotEncoder, _one_hot_shapes, _one_hot),
        (impute.SimpleImputer, _imputer_shapes, _imputer),
    ):
        update_registered_converter(kind, f"Trainshed{kind.__name__}", shapes, convert)


def _ordinal_shapes(operator: Any) -> None:
    _shape(operator, DoubleTensorType, len(operator.raw_operator.categories_))


def _one_hot_shapes(operator: Any) -> None:
    width = len(operator.raw_operator.get_feature_names_out())
    _shape(operator, DoubleTensorType, width)


def _imputer_shapes(operator: Any) -> None:
    is_text = isinstance(operator.inputs[0].type, StringTensorType)
    width = len(operator.raw_operator.get_feature_names_out())
    _shape(operator, StringTensorType if is_text else DoubleTensorType, width)


def _shape(operator: Any, kind: Any, width: int) -> None:
    operator.outputs[0].type = kind([operator.inputs[0].get_first_dimension(), width])


def _ordinal(scope: Any, operator: Any, container: Any) -> None:
    graph, model = Graph(scope, operator, container), operator.raw_operator
    unknown = model.unknown_value if model.handle_unknown == "use_encoded_value" else np.nan
    groups = getattr(model, "_default_to_infrequent_mappings", None) or []
    encoded = []
    for index, (name, is_text) in enumerate(graph.columns()):
        categories = list(model.categories_[index])
        group = groups[index] if index < len(groups) else None
        codes = range(len(categories)) if group is None else group
        table = dict(zip(map(_key, categories), map(float, codes), strict=False))
        for key in table:
            if _is_missing(key):
                table[key] = float(model.encoded_missing_value)
        encoded.append(_looked_up(graph, name, table, is_text=is_text, default=float(unknown)))
    graph.concat(encoded, to=operator.outputs[0].full_name)


def _looked_up(
    graph: Graph, name: str, table: dict[Any, float], *, is_text: bool, default: float
) -> str:
    missing = [value for key, value in table.items() if _is_missing(key)]
    keys = [key for key in table if not _is_missing(key)]
    values = [table[key] for key in keys]
    if is_text and missing:
        keys, values = [*keys, MISSING_TEXT], [*values, *missing]
    encoded = graph.encoded(name, keys, values, default=default)
    if is_text or not missing:
        return encoded
    return graph.node("Where", graph.node("IsNaN", name), graph.constant(missing), encoded)


def _one_hot(scope: Any, operator: Any, container: Any) -> None:
    graph, model = Graph(scope, operator, container), operator.raw_operator
    if model._infrequent_enabled:
        raise NotImplementedError("OneHotEncoder with min_frequency or max_categories")
    parts = []
    for index, (name, is_text) in enumerate(graph.columns()):
        keys = [_key(value) for value in model.categories_[index]]
        if model.drop_idx_ is not None and model.drop_idx_[index] is not None:
            del keys[model.drop_idx_[index]]
        if keys:
            parts.append(_indicators(graph, name, keys, is_text=is_text))
    graph.concat(parts, to=operator.outputs[0].full_name)


def _indicators(graph: Graph, name: str, keys: Sequence[Any], *, is_text: bool) -> str:
    """Compare [N, 1] with [1, categories]: one column of 0 and 1 for each."""
    if is_text:
        text = [MISSING_TEXT if _is_missing(key) else str(key) for key in keys]
        equal = graph.node("Equal", name, graph.constant([text], kind=_STRING))
        return graph.cast(equal, _DOUBLE)
    numbers = [math.nan if key is None else float(key) for key in keys]
    parts = [
        graph.node("Equal", name, graph.constant([[one for one in numbers if not math.isnan(one)]]))
    ]
    if any(map(_is_missing, keys)):  # always the last
        parts.append(graph.node("IsNaN", name))
    return graph.concat([graph.cast(part, _DOUBLE) for part in parts])


def _imputer(scope: Any, operator: Any, container: Any) -> None:
    graph, model = Graph(scope, operator, container), operator.raw_operator
    if model.add_indicator or not _is_missing(_key(model.missing_values)):
        raise NotImplementedError("SimpleImputer with add_indicator or other missing_values")
    filled = []
    for (name, is_text), value in zip(graph.columns(), model.statistics_, strict=True):
        if _is_missing(_key(value)):
            raise NotImplementedError("SimpleImputer of a column that had no value")
        if is_text:
            missing = graph.node("Equal", name, graph.constant([MISSING_TEXT], kind=_STRING))
            replacement = graph.constant([str(value)], kind=_STRING)
        else:
            missing = graph.node("IsNaN", name)
            replacement = graph.constant([float(value)])
        filled.append(graph.node("Where", missing, replacement, name))
    graph.concat(filled, to=operator.outputs[0].full_name)


def _key(value: Any) -> Any:
    """Return a category as a Python value; a missing one, whatever it is called, as None."""
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _is_missing(key: Any) -> bool:
    return key is None
