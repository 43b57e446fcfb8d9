"""Exporting one model: convert it, ask both, and keep the ONNX model only when it is proved."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from trainshed.exporting import conversion, perturbation, proof, thresholds
from trainshed.exporting.conversion import Converted, ModelCannotBeConverted
from trainshed.exporting.perturbation import Case
from trainshed.exporting.proof import Proof
from trainshed.serving import predictor
from trainshed.serving.onnx_model import OnnxModel, OnnxModelDoesNotFit
from trainshed.serving.schema import Row, Schema


@dataclass(frozen=True, kw_only=True)
class Export:
    """What came of it. Without an equal proof there is nothing to serve."""

    converted: Converted | None
    proof: Proof


def of(
    artifact: Path,
    schema: Schema,
    *,
    data: Sequence[Row] = (),
    examples: Sequence[Row] = (),
    count: int = perturbation.COUNT,
) -> Export:
    """Convert the model of an artifact and prove the result.

    This unpickles: check the digest before.

    Args:
        artifact: what joblib wrote.
        schema: the columns that a caller sends.
        data: the rows to ask both, evaluation rows among them; they fit the schema.
        examples: the golden rows' inputs.
        count: how many changed rows are asked beside them.
    """
    original = predictor.load(artifact, reference=None, schema=schema)
    model = joblib.load(artifact)
    try:
        converted = conversion.convert(model, schema)
        candidate = OnnxModel.of(converted.content, schema, name=artifact.name)
    except ModelCannotBeConverted as error:
        return Export(converted=None, proof=Proof(why=f"it cannot be converted: {error}"))
    except OnnxModelDoesNotFit as error:
        return Export(converted=None, proof=Proof(why=error.problem))
    base = [*data, *examples]
    if not base:
        return Export(converted=None, proof=Proof(why="there is no row to prove it with"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about unseen categories and numbers too large: meant
        shown = proof.prove(original, candidate, _cases(model, schema, data, examples, count))
    return Export(converted=converted if shown.is_equal else None, proof=shown)


def _cases(
    model: Any, schema: Schema, data: Sequence[Row], examples: Sequence[Row], count: int
) -> list[Case]:
    base = [*data, *examples]
    known = thresholds.of(model, schema, base)
    return [
        *(Case(row=row, way="data") for row in data),
        *(Case(row=row, way="example") for row in examples),
        *perturbation.cases(base, schema, thresholds=known, count=count),
    ]
