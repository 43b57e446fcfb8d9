import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("skl2onnx")

import exporting_models  # noqa: E402
from exporting_models import EQUAL, SCHEMA, Fitted  # noqa: E402

from trainshed.exporting import conversion  # noqa: E402
from trainshed.serving import golden, predictor  # noqa: E402
from trainshed.serving.onnx_model import (  # noqa: E402
    METADATA,
    AnswerIsNotFinite,
    OnnxModel,
    OnnxModelDoesNotFit,
)
from trainshed.serving.schema import Schema  # noqa: E402

ROOT = Path(__file__).parents[2]


def loaded(fitted: Fitted) -> OnnxModel:
    made = conversion.convert(fitted.model, fitted.schema)
    return OnnxModel.of(made.content, fitted.schema, name="model.onnx")


@pytest.fixture(scope="module")
def boosted() -> Fitted:
    return EQUAL["boosted bins"]()


@pytest.fixture(scope="module")
def model(boosted: Fitted) -> OnnxModel:
    return loaded(boosted)


@pytest.mark.parametrize(
    "name",
    ["boosted bins", "boosted bins, three classes", "forest, integer classes", "linear regression"],
)
def test_answers_have_the_form_of_the_default_predictor(name: str, tmp_path: Path) -> None:
    fitted = EQUAL[name]()
    original = predictor.load(fitted.saved(tmp_path), reference=None, schema=fitted.schema)

    expected, actual = original(fitted.rows), loaded(fitted).predict(fitted.rows)

    assert all(map(golden.equal, expected, actual))
    assert repr(actual[0])[:14] == repr(expected[0])[:14]


def test_a_row_is_answered_alone_as_among_others_and_again(
    model: OnnxModel, boosted: Fitted
) -> None:
    """The arrays of a single row are filled anew: nothing of the row before may be left in them."""
    rows = boosted.rows[:50]
    together = model.predict(rows)

    for _ in range(2):
        alone = [model.predict([row])[0] for row in rows]
        assert all(map(golden.equal, together, alone))
    assert model.predict(rows) == together


def test_no_rows_have_no_answers(model: OnnxModel) -> None:
    assert model.predict([]) == []


def test_further_keys_of_a_row_and_their_order_do_not_matter(
    model: OnnxModel, boosted: Fitted
) -> None:
    row = boosted.rows[0]
    other = {"further": 1, **dict(reversed(row.items()))}

    assert model.predict([other]) == model.predict([row])


@pytest.mark.parametrize("text", ["\ud800", "x\udfff", "a\x00b", "", "x" * 100_000, "🙂"])
def test_no_text_that_json_can_carry_is_too_odd(
    model: OnnxModel, boosted: Fitted, text: str
) -> None:
    row = boosted.rows[0]
    never_seen = model.predict([{**row, "plan": "never seen"}])

    assert model.predict([{**row, "plan": text}]) == never_seen


def test_text_does_not_end_at_a_null_character(model: OnnxModel, boosted: Fitted) -> None:
    row = {**boosted.rows[0], "plan": "gold"}
    never_seen = model.predict([{**row, "plan": "never seen"}])

    assert model.predict([row]) != never_seen
    assert model.predict([{**row, "plan": "gold\x00"}]) == never_seen


def test_an_answer_that_json_cannot_hold_is_refused() -> None:
    """It would be `NaN` in the body; the original is refused for the same."""
    fitted = EQUAL["linear regression"]()
    row = {**fitted.rows[0], "balance": -1.7e308, "ratio": 1.7e308}
    model = loaded(fitted)

    with pytest.raises(AnswerIsNotFinite):
        model.predict([row])
    with pytest.raises(AnswerIsNotFinite):
        model.predict([fitted.rows[0], row])


def test_a_file_is_loaded_with_the_schema_it_was_made_for(boosted: Fitted, tmp_path: Path) -> None:
    made = conversion.convert(boosted.model, SCHEMA)
    (tmp_path / "model.onnx").write_bytes(made.content)

    assert len(OnnxModel.load(tmp_path / "model.onnx", SCHEMA).predict(boosted.rows)) == 300


def without_metadata(content: bytes) -> bytes:
    made: Any = onnx.load_from_string(content)
    del made.metadata_props[:]
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("what", ["no-model", "no-metadata", "other-columns"])
def test_what_is_no_model_of_this_schema_is_refused(boosted: Fitted, what: str) -> None:
    content, schema = conversion.convert(boosted.model, SCHEMA).content, SCHEMA
    if what == "no-model":
        content, why = b"no model", "onnxruntime cannot load it"
    elif what == "no-metadata":
        content, why = without_metadata(content), "it has no metadata"
    else:
        schema = Schema(columns=tuple(one for one in SCHEMA.columns or () if one.name != "age"))
        why = "the schema has no column 'age'"

    with pytest.raises(OnnxModelDoesNotFit, match=f"model.onnx: cannot be served: {why}"):
        OnnxModel.of(content, schema, name="model.onnx")


def test_serving_imports_neither_pandas_nor_scikit_learn_nor_what_converts() -> None:
    asks = (
        "import sys, trainshed.serving.onnx_model as it; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} "
        "& {'pandas', 'sklearn', 'scipy', 'joblib', 'onnx', 'skl2onnx', 'pydantic', 'yaml'}))"
    )

    said = subprocess.run(
        [sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert said.stdout == "[]\n"


def test_the_metadata_key_is_ours_alone(boosted: Fitted) -> None:
    made: Any = onnx.load_from_string(conversion.convert(boosted.model, SCHEMA).content)

    assert [one.key for one in made.metadata_props] == [METADATA]


def test_scores_add_up(model: OnnxModel) -> None:
    three = loaded(EQUAL["boosted bins, three classes"]())

    for answer in three.predict(exporting_models.rows(20, seed=9)):
        assert math.isclose(sum(answer["scores"].values()), 1.0)
        assert answer["prediction"] == max(answer["scores"], key=answer["scores"].__getitem__)
