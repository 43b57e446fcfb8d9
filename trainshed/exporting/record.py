"""What is written beside an exported model: `onnx.json`, the facts of its proof."""

import hashlib
import json
import platform
from collections.abc import Collection
from importlib import metadata
from pathlib import Path
from typing import Any

from trainshed.exporting import proof
from trainshed.exporting.conversion import ML_OPSET, OPSET
from trainshed.exporting.export import Export
from trainshed.exporting.graph import ML
from trainshed.exporting.proof import Difference, Proof, Refused
from trainshed.serving import golden

FORMAT = 1
MODEL = "model.onnx"
FACTS = "onnx.json"

_PACKAGES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


def write(
    folder: Path, made: Export, *, artifact: str, private: Collection[str] = ()
) -> dict[str, Any]:
    """Write the model, where it was proved, and the facts in any case; return the facts.

    Args:
        folder: is made when it is not there; a model of an export before goes away.
        made: what came of the export.
        artifact: sha256 of the original.
        private: columns whose values are not written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FACTS).unlink(
        missing_ok=True
    )  # no facts of one export ever lie beside another's model
    (folder / MODEL).unlink(missing_ok=True)
    if made.converted is not None:
        (folder / MODEL).write_bytes(made.converted.content)
    facts = facts_of(made, artifact=artifact, private=private)
    text = json.dumps(facts, indent=2, ensure_ascii=False, default=str) + "\n"
    (folder / FACTS).write_text(text, encoding="utf-8")
    return facts


def facts_of(made: Export, *, artifact: str, private: Collection[str] = ()) -> dict[str, Any]:
    converted = made.converted
    return {
        "format": FORMAT,
        "serves": proof.format_of(made.proof),
        "why": made.proof.why,
        "artifact": artifact,
        "model": None
        if converted is None
        else {
            "path": MODEL,
            "sha256": hashlib.sha256(converted.content).hexdigest(),
            "size": len(converted.content),
            "kind": converted.kind,
            "opset": {**OPSET, ML: ML_OPSET},
        },
        "proof": _proof(made.proof, private),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
    }


def _proof(shown: Proof, private: Collection[str]) -> dict[str, Any]:
    return {
        "data": shown.data,
        "examples": shown.examples,
        "perturbed": shown.perturbed,
        "refused": shown.refused,
        "largest_difference": shown.largest,
        "rtol": golden.RTOL,
        "atol": golden.ATOL,
        "difference": shown.difference and _difference(shown.difference, private),
    }


def _difference(one: Difference, private: Collection[str]) -> dict[str, Any]:
    shown = {name: value for name, value in one.case.row.items() if name not in private}
    return {
        "way": one.case.way,
        "changed": list(one.case.changed),
        "row": shown,
        "expected": _answer(one.expected),
        "actual": _answer(one.actual),
    }


def _answer(answer: Any) -> Any:
    return {"refused": answer.why} if isinstance(answer, Refused) else answer
