import json
import math
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("skl2onnx")

import exporting_models  # noqa: E402
from exporting_models import EQUAL, SCHEMA  # noqa: E402
from sklearn import linear_model, tree  # noqa: E402
from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler  # noqa: E402

from trainshed.exporting import conversion  # noqa: E402
from trainshed.exporting.conversion import ModelCannotBeConverted  # noqa: E402
from trainshed.serving import frame  # noqa: E402
from trainshed.serving.onnx_model import COLUMN, MISSING_TEXT, NUMBERS, OnnxModel  # noqa: E402
from trainshed.serving.schema import UNKNOWN, Column, Schema  # noqa: E402


def read(content: bytes) -> Any:
    return onnx.load_from_string(content)


def test_text_comes_by_its_column_and_all_numbers_as_one_matrix_of_doubles() -> None:
    made = read(conversion.convert(EQUAL["boosted bins"]().model, SCHEMA).content)

    types = {one.name: one.type.tensor_type.elem_type for one in made.graph.input}
    assert types == {
        f"{COLUMN}plan": onnx.TensorProto.STRING,
        f"{COLUMN}region": onnx.TensorProto.STRING,
        NUMBERS: onnx.TensorProto.DOUBLE,
    }


def test_nothing_of_gradient_boosting_over_bins_is_rounded_to_float32() -> None:
    made = read(conversion.convert(EQUAL["boosted bins"]().model, SCHEMA).content)

    inferred = onnx.shape_inference.infer_shapes(made)
    types = {one.type.tensor_type.elem_type for one in inferred.graph.value_info}
    assert onnx.TensorProto.FLOAT not in types
    assert "TreeEnsemble" in {node.op_type for node in made.graph.node}


def test_the_model_says_itself_what_it_answers() -> None:
    made = read(conversion.convert(EQUAL["forest, integer classes"]().model, SCHEMA).content)

    assert len(made.graph.output) == 1
    assert json.loads(made.metadata_props[0].value) == {
        "kind": "scores",
        "classes": [0, 1, 7],
        "numbers": ["age", "balance", "ratio", "vip"],
        "lowered": [],
    }


def test_text_that_is_only_ever_lowered_is_lowered_outside() -> None:
    """In a graph a locale would have to be installed, and İ would not become two letters."""
    fitted = EQUAL["text"]()
    made = read(conversion.convert(fitted.model, fitted.schema).content)

    assert json.loads(made.metadata_props[0].value)["lowered"] == ["note"]
    assert "StringNormalizer" not in {node.op_type for node in made.graph.node}


def test_columns_may_be_called_anything() -> None:
    """Also what skl2onnx, or we, call values inside, and names that it makes the same."""
    names = ["variable", "probabilities", "a b", "a_b", "größe:/", "label", "concat", NUMBERS]
    schema = Schema(columns=tuple(Column(name=name, type="number") for name in names))
    rows = [{name: float(at * place % 7) for place, name in enumerate(names)} for at in range(50)]
    table = frame.of(rows, schema, trained_on=None)
    scaled = make_column_transformer((StandardScaler(), names[::2]), remainder="passthrough")
    model = make_pipeline(scaled, tree.DecisionTreeClassifier(random_state=0))
    model.fit(table, ["yes" if at % 3 else "no" for at in range(50)])

    made = conversion.convert(model, schema)
    answers = OnnxModel.of(made.content, schema, name="odd").predict(rows)

    assert [answer["prediction"] for answer in answers] == model.predict(table).tolist()


def test_a_column_that_is_not_used_need_not_be_there() -> None:
    model = exporting_models.numeric(linear_model.LogisticRegression())
    fitted = exporting_models.classifier(model)

    made = conversion.convert(fitted.model, SCHEMA)

    assert [one.name for one in read(made.content).graph.input] == [NUMBERS]
    used = [{name: row[name] for name in exporting_models.NUMBERS} for row in fitted.rows[:5]]
    assert len(OnnxModel.of(made.content, SCHEMA, name="few").predict(used)) == 5


def test_a_missing_text_is_a_category_of_its_own_where_training_saw_one() -> None:
    schema = Schema(columns=(Column(name="plan", type="string", nullable=True),))
    rows = [{"plan": plan} for plan in ("basic", None, "gold", None)]
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["plan"])),
        linear_model.LinearRegression(),
    ).fit(frame.of(rows, schema, trained_on=None), [1.0, 2.0, 3.0, 2.0])

    made = conversion.convert(model, schema)
    answers = OnnxModel.of(made.content, schema, name="plans").predict(rows)

    assert answers == pytest.approx([1.0, 2.0, 3.0, 2.0])
    assert MISSING_TEXT.encode() in made.content


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        pytest.param(UNKNOWN, "nobody has told its columns", id="no-schema"),
        pytest.param(
            Schema(columns=(Column(name="x", type="any"),)), "x may hold anything", id="any"
        ),
    ],
)
def test_without_types_of_all_columns_there_is_no_conversion(schema: Schema, why: str) -> None:
    with pytest.raises(ModelCannotBeConverted, match=why):
        conversion.convert(linear_model.LinearRegression(), schema)


def test_a_part_without_a_converter_is_named() -> None:
    model = make_pipeline(FunctionTransformer(math.floor), linear_model.LinearRegression())
    schema = Schema(columns=(Column(name="x", type="number"),))

    with pytest.raises(ModelCannotBeConverted, match="FunctionTransformer"):
        conversion.convert(model, schema)


def test_a_model_that_takes_a_bare_matrix_is_given_one() -> None:
    schema = Schema(columns=(Column(name="x", type="number"), Column(name="y", type="integer")))
    model = make_pipeline(StandardScaler(), linear_model.LogisticRegression())
    table = [[0.5, 3], [1.5, 1], [2.5, 2], [3.5, 0]]
    model.fit(table, [0, 0, 1, 1])

    made = conversion.convert(model, schema)
    answers = OnnxModel.of(made.content, schema, name="matrix").predict(
        [{"y": y, "x": x} for x, y in table]
    )

    assert [one["prediction"] for one in answers] == model.predict(table).tolist()


def test_several_outputs_at_once_are_not_converted() -> None:
    model = tree.DecisionTreeClassifier().fit([[0], [1]], [[0, 1], [1, 0]])
    schema = Schema(columns=(Column(name="x", type="number"),))

    with pytest.raises(ModelCannotBeConverted, match="several outputs"):
        conversion.convert(model, schema)
