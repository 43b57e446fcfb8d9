import hashlib
import json
from pathlib import Path

import pytest

pytest.importorskip("skl2onnx")

from trainshed.exporting import record
from trainshed.exporting.conversion import Converted
from trainshed.exporting.export import Export
from trainshed.exporting.perturbation import Case
from trainshed.exporting.proof import Difference, Proof, Refused

PROVED = Export(
    converted=Converted(content=b"a model", kind="score", classes=("no", "yes")),
    proof=Proof(why=None, data=4_000, examples=20, perturbed=10_000, largest=3e-16),
)
REFUTED = Export(
    converted=None,
    proof=Proof(
        why="a row is answered differently",
        difference=Difference(
            case=Case(row={"name": "Ada", "age": 36}, way="unseen", changed=("age",)),
            expected=Refused(why="ValueError: no"),
            actual=0.5,
        ),
    ),
)


def test_facts_name_the_model_by_its_digest_and_all_that_was_asked(tmp_path: Path) -> None:
    facts = record.write(tmp_path / "new", PROVED, artifact="ab" * 32)

    assert (tmp_path / "new" / "model.onnx").read_bytes() == b"a model"
    assert json.loads((tmp_path / "new" / "onnx.json").read_text()) == facts
    assert facts["serves"] == "onnx"
    assert facts["artifact"] == "ab" * 32
    assert facts["model"]["sha256"] == hashlib.sha256(b"a model").hexdigest()
    assert facts["model"]["opset"] == {"": 19, "ai.onnx.ml": 5}
    assert facts["proof"]["data"] == 4_000
    assert facts["proof"]["largest_difference"] == 3e-16
    assert {"skl2onnx", "onnx", "onnxruntime", "scikit-learn"} <= facts["versions"].keys()


def test_what_was_not_proved_leaves_no_model_not_even_one_of_before(tmp_path: Path) -> None:
    record.write(tmp_path, PROVED, artifact="ab" * 32)
    facts = record.write(tmp_path, REFUTED, artifact="cd" * 32)

    assert [path.name for path in tmp_path.iterdir()] == ["onnx.json"]
    assert facts["serves"] == "joblib"
    assert facts["model"] is None
    assert facts["why"] == "a row is answered differently"


def test_a_difference_is_told_with_its_row_without_private_columns(tmp_path: Path) -> None:
    record.write(tmp_path, REFUTED, artifact="cd" * 32, private={"name"})

    told = json.loads((tmp_path / "onnx.json").read_text())["proof"]["difference"]
    assert told == {
        "way": "unseen",
        "changed": ["age"],
        "row": {"age": 36},
        "expected": {"refused": "ValueError: no"},
        "actual": 0.5,
    }
    assert "Ada" not in (tmp_path / "onnx.json").read_text()
