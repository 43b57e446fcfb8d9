"""Models of every kind: each is proved equal in ONNX, or is served as it is, and it says why.

The example's own pipeline goes the whole way, through the command that packaging runs.
"""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

import exporting_models  # noqa: E402
import numpy as np  # noqa: E402
import serving_run  # noqa: E402
from exporting_models import EITHER, EQUAL, Fitted  # noqa: E402

from trainshed.exporting import export, perturbation, proof, thresholds  # noqa: E402
from trainshed.exporting.export import Export  # noqa: E402
from trainshed.exporting.perturbation import Case  # noqa: E402
from trainshed.exporting.proof import Proof, Refused  # noqa: E402
from trainshed.serving import golden, predictor, schema  # noqa: E402
from trainshed.serving.onnx_model import OnnxModel  # noqa: E402

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data/v1/train.csv"
COUNT = 1_000
"""Of changed rows: fewer than an export asks, for the sake of time."""


def exported(fitted: Fitted, folder: Path) -> Export:
    artifact = fitted.saved(folder)
    return export.of(artifact, fitted.schema, data=fitted.rows, count=COUNT)


@pytest.mark.parametrize("name", EQUAL)
def test_it_answers_in_onnx_as_it_does(name: str, tmp_path: Path) -> None:
    fitted = EQUAL[name]()

    made = exported(fitted, tmp_path)

    assert made.proof.why is None, made.proof
    assert made.proof.perturbed == COUNT
    assert made.proof.largest < 1e-6
    assert made.converted is not None


@pytest.mark.parametrize("name", EITHER)
def test_it_is_proved_or_stays_as_it_is_with_a_reason(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are fitted too briefly, others are deprecated
        made = exported(EITHER[name](), tmp_path)

    assert (made.converted is None) == (made.proof.why is not None)
    assert made.proof.why != ""
    assert proof.format_of(made.proof) == ("onnx" if made.converted else "joblib")


def test_a_model_that_refuses_unseen_categories_stays_as_it_is(tmp_path: Path) -> None:
    made = exported(EITHER["strict one-hot"](), tmp_path)

    assert made.proof.why is not None
    assert made.proof.why.startswith("the original refuses a row (unseen values of")
    assert made.proof.difference is not None
    assert isinstance(made.proof.difference.expected, Refused)


def test_without_a_row_there_is_no_proof(tmp_path: Path) -> None:
    fitted = EQUAL["one tree"]()

    made = export.of(fitted.saved(tmp_path), fitted.schema)

    assert made.converted is None
    assert made.proof.why == "there is no row to prove it with"


def attribute(made: Any, name: str) -> Any:
    node = next(node for node in made.graph.node if node.op_type == "TreeEnsemble")
    return next(one for one in node.attribute if one.name == name)


def change(name: str, changed: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return what changes a tensor among the attributes of a model's trees."""

    def act(made: Any) -> None:
        given = attribute(made, name)
        values = changed(onnx.numpy_helper.to_array(given.t).copy())
        given.t.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float64)))

    return act


def missing_elsewhere(made: Any) -> None:
    given = attribute(made, "nodes_missing_value_tracks_true")
    given.ints[:] = [1 - one for one in given.ints]


def without_a_member(values: Any) -> Any:
    return values[1:]


DAMAGES: dict[str, Callable[[Any], None]] = {
    "thresholds moved by the smallest step": change(
        "nodes_splits", lambda values: np.nextafter(values, np.inf)
    ),
    "thresholds in float32": change("nodes_splits", lambda values: values.astype(np.float32)),
    "missing values on the other side": missing_elsewhere,
    "a category on the other side": change("membership_values", without_a_member),
    "a weight that is off by 1 in 1,000": change("leaf_weights", lambda values: values * 1.001),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_proof_finds(damage: str, tmp_path: Path) -> None:
    fitted = EQUAL["boosted bins, few categories"]()
    converted = exported(fitted, tmp_path).converted
    assert converted is not None
    made = onnx.load_from_string(converted.content)
    DAMAGES[damage](made)

    assert not shown_of(fitted, tmp_path, made.SerializeToString()).is_equal


def shown_of(fitted: Fitted, folder: Path, content: bytes) -> Proof:
    original = predictor.load(folder / "model.pkl", reference=None, schema=fitted.schema)
    candidate = OnnxModel.of(content, fitted.schema, name="model.onnx")
    known = thresholds.of(fitted.model, fitted.schema, fitted.rows)
    changed = perturbation.cases(fitted.rows, fitted.schema, thresholds=known)
    return proof.prove(
        original, candidate, [*(Case(row=row, way="data") for row in fitted.rows), *changed]
    )


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of the example's own trainer, as the run store keeps it."""
    made = tmp_path_factory.mktemp("example") / "made"
    trainer = [sys.executable, ROOT / "pipelines/train.py", "--data", DATA]
    subprocess.run([*trainer, "--out", made / "model.pkl"], check=True, capture_output=True)
    files = {"examples": "model.examples.jsonl", "schema": "model.schema.json"}
    run = serving_run.write_run(
        made.parent / "run",
        (made / "model.pkl").read_bytes(),
        **{key: {"path": name, "digest": "0" * 64} for key, name in files.items()},
    )
    for name in files.values():
        (run / name).write_bytes((made / name).read_bytes())
    return run


def command(run: Path, out: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainshed.exporting", "--run", run, "--out", out, *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_is_exported_and_proved_on_all_its_data(example: Path, tmp_path: Path) -> None:
    finished = command(example, tmp_path / "onnx", "--data", DATA)

    assert finished.returncode == 0, finished.stderr
    assert "model.onnx answers as model.pkl does on 14,020 rows" in finished.stdout
    facts = json.loads((tmp_path / "onnx" / "onnx.json").read_text())
    assert facts["serves"] == "onnx"
    assert facts["artifact"] == json.loads((example / "run.json").read_text())["artifact"]["digest"]
    shown = facts["proof"]
    assert (shown["data"], shown["examples"], shown["perturbed"]) == (4_000, 20, 10_000)
    assert shown["largest_difference"] < 1e-12

    model = OnnxModel.load(
        tmp_path / "onnx" / "model.onnx", schema.read(example / "model.schema.json")
    )
    examples = golden.read(example / "model.examples.jsonl")
    assert golden.differences(examples, model.predict([one.input for one in examples])) == ()


def test_without_data_the_examples_are_what_is_changed(example: Path, tmp_path: Path) -> None:
    finished = command(example, tmp_path)

    assert "on 10,020 rows" in finished.stdout


def test_an_artifact_that_is_not_the_runs_is_never_loaded(example: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    serving_run.write_run(run, b"no pickle", artifact={"path": "model.pkl", "digest": "ab" * 32})

    finished = command(run, tmp_path / "onnx")

    assert finished.returncode == 5
    assert "artifact-has-another-digest" in finished.stderr
    assert not (tmp_path / "onnx").exists()


def test_a_model_that_stays_as_it_is_is_no_error(tmp_path: Path) -> None:
    fitted = EITHER["strict one-hot"]()
    run = serving_run.write_run(
        tmp_path / "run",
        fitted.saved(tmp_path).read_bytes(),
        schema={"path": "schema.json", "digest": "0" * 64},
        examples={"path": "examples.jsonl", "digest": "0" * 64},
    )
    columns = [vars(one) for one in exporting_models.SCHEMA.columns or ()]
    (run / "schema.json").write_text(json.dumps({"columns": columns}))
    lines = [json.dumps({"input": row, "output": "yes"}) for row in fitted.rows[:20]]
    (run / "examples.jsonl").write_text("\n".join(lines))

    finished = command(run, tmp_path / "onnx", "--private", "region")

    assert finished.returncode == 0, finished.stderr
    assert "model.pkl stays as it is: the original refuses a row" in finished.stdout
    facts = json.loads((tmp_path / "onnx" / "onnx.json").read_text())
    assert facts["serves"] == "joblib"
    assert "region" not in facts["proof"]["difference"]["row"]
    assert not (tmp_path / "onnx" / "model.onnx").exists()
