"""A fitted scikit-learn model as an ONNX model: one input per column, one output, its own metadata.

Whatever cannot be converted is `ModelCannotBeConverted`, with the reason; the caller then keeps the
original. Whether the result answers equally is not decided here: see `proof`.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
import skl2onnx
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
from sklearn.feature_extraction.text import CountVectorizer

from trainshed.exporting import encoders, lowering, packing, tidying, trees
from trainshed.exporting.graph import ML
from trainshed.serving.onnx_model import COLUMN, METADATA, NUMBERS, Kind
from trainshed.serving.plain import plain
from trainshed.serving.schema import Column, Schema

OPSET = {"": 19, ML: 3}
"""What is asked of skl2onnx: text compares from 19, and it knows no later ai.onnx.ml than 3."""
ML_OPSET = 5
"""What our own converters write: `TreeEnsemble`, and `LabelEncoder` of doubles."""

_PYTHONS_WORDS = r"(?u)\b\w\w+\b"
_WORDS = r"[\pL\pN_]{2,}"  # the same words where `\w` knows ASCII only


class ModelCannotBeConverted(Exception):
    """There is no ONNX model of it. It says why; it is an answer, no crash."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    content: bytes
    """The serialized ModelProto."""
    kind: Kind
    classes: tuple[Any, ...]


def convert(model: Any, schema: Schema) -> Converted:
    """Convert a fitted model that takes a table with the schema's columns.

    Raises:
        ModelCannotBeConverted: it has no schema, several outputs, or a part without a converter.
    """
    columns = _ordered(model, schema)
    kind, classes = _kind(model)
    encoders.register()
    trees.register()
    try:
        made, names = _converted(model, columns, kind)
        next(one for one in made.opset_import if one.domain == ML).version = ML_OPSET
        tidying.keep_output(made, 1 if kind in {"score", "scores"} else 0)
        tidying.rename_inputs(made, names)
        lowered = lowering.lower_outside(made)
        numbers = packing.pack(made, columns)
        onnx.checker.check_model(made)
    except Exception as error:  # of skl2onnx, onnx, or of whatever the model is made of
        raise ModelCannotBeConverted(_said(error)) from error
    content = {"kind": kind, "classes": classes, "numbers": numbers, "lowered": lowered}
    made.metadata_props.add(key=METADATA, value=json.dumps(content, ensure_ascii=False))
    return Converted(content=made.SerializeToString(), kind=kind, classes=tuple(classes))


def _converted(model: Any, columns: Sequence[Column], kind: Kind) -> tuple[Any, dict[str, str]]:
    """Return what skl2onnx made, and our names for its inputs."""
    if any(hasattr(part, "transformers_") for part in _parts(model)):
        given = [(one.name, _type(one)) for one in columns]
        ours = [f"{COLUMN}{one.name}" for one in columns]
    else:  # nothing in it knows names: it takes a matrix
        if any(one.type == "string" for one in columns):
            raise ModelCannotBeConverted("it takes text and numbers at once, with no transformer")
        given, ours = [("matrix", DoubleTensorType([None, len(columns)]))], [NUMBERS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = skl2onnx.convert_sklearn(
            model, initial_types=given, options=_options(model, kind), target_opset=OPSET
        )
    return made, dict(zip((one.name for one in made.graph.input), ours, strict=True))


def _ordered(model: Any, schema: Schema) -> Sequence[Column]:
    """Return the columns as the model was trained on them."""
    if schema.columns is None:
        raise ModelCannotBeConverted("nobody has told its columns (the trainer wrote no schema)")
    odd = [column.name for column in schema.columns if column.type == "any"]
    if odd:
        raise ModelCannotBeConverted(f"the column {odd[0]} may hold anything")
    by_name = {column.name: column for column in schema.columns}
    trained_on = getattr(model, "feature_names_in_", None)
    if trained_on is not None and set(trained_on) == by_name.keys():
        return [by_name[name] for name in trained_on]
    return schema.columns


def _kind(model: Any) -> tuple[Kind, list[Any]]:
    """Return what a model answers, as the default predictor does, and its classes."""
    classes = getattr(model, "classes_", None)
    if classes is None:
        return "value", []
    if getattr(classes, "ndim", 0) != 1:
        raise ModelCannotBeConverted("it answers several outputs at once")
    listed = [plain(one) for one in classes]
    if not hasattr(model, "predict_proba"):
        return "label", listed
    return ("score" if len(listed) == 2 else "scores"), listed


def _options(model: Any, kind: Kind) -> dict[Any, Any]:
    """Ask for probabilities as a matrix, and for words as scikit-learn cuts them."""
    options: dict[Any, Any] = {}
    for part in _parts(model):
        if isinstance(part, CountVectorizer):  # or the one for TF-IDF, which is one, too
            options[id(part)] = {"locale": "C.UTF-8"}  # every small image has that one
            if part.analyzer == "word" and part.token_pattern == _PYTHONS_WORDS:
                options[id(part)]["tokenexp"] = _WORDS
    return options | ({id(model): {"zipmap": False}} if kind in {"score", "scores"} else {})


def _parts(model: Any) -> Iterator[Any]:
    """Walk through pipelines, transformers of columns, and unions."""
    yield model
    for name in ("steps", "transformers_", "transformer_list"):
        for entry in getattr(model, name, ()):
            yield from _parts(entry[1])


def _type(column: Column) -> Any:
    kind = StringTensorType if column.type == "string" else DoubleTensorType
    return kind([None, 1])


def _said(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:300]}"
