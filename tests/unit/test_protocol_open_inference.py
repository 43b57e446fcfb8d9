import json
from typing import Any

import pytest

from trainshed.serving import open_inference
from trainshed.serving.open_inference import Asked, Model
from trainshed.serving.protocol import Call
from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import UNKNOWN, Column, Schema

CHURN = Model(name="churn", version="1.1.0")
PEOPLE = Schema(
    columns=(Column(name="age", type="integer"), Column(name="plan", type="string", nullable=True))
)
AGE = {"name": "age", "shape": [2, 1], "datatype": "INT64", "data": [36, 41]}
PLAN = {"name": "plan", "shape": [2], "datatype": "BYTES", "data": ["gold", None]}
YES = {"prediction": "yes", "score": 0.75}
NO = {"prediction": "no", "score": 0.25}
ANSWERS = [YES, NO]


def call(*, schema: Schema = PEOPLE, **content: Any) -> Call:
    body = json.dumps({"inputs": [AGE, PLAN], **content}).encode()
    return open_inference.call(body, [], schema, model=CHURN)


def answered(answers: list[Any], *, model: Model = CHURN, **content: Any) -> dict[str, Any]:
    body = json.dumps({"inputs": [AGE, PLAN], **content}).encode()
    response = open_inference.call(body, [], PEOPLE, model=model).render(answers)
    given: dict[str, Any] = json.loads(response.body)
    return given


@pytest.mark.parametrize(
    ("path", "what", "method"),
    [
        ("/v2", Asked(place="server"), "GET"),
        ("/v2/health/live", Asked(place="live"), "GET"),
        ("/v2/health/ready", Asked(place="ready"), "GET"),
        ("/v2/models/churn", Asked(place="model", model="churn"), "GET"),
        ("/v2/models/churn/ready", Asked(place="model-ready", model="churn"), "GET"),
        ("/v2/models/churn/infer", Asked(place="infer", model="churn"), "POST"),
        ("/v2/models/churn/versions/2", Asked(place="model", model="churn", version="2"), "GET"),
        (
            "/v2/models/churn/versions/2/infer",
            Asked(place="infer", model="churn", version="2"),
            "POST",
        ),
        (
            "/v2/models/churn/versions/2/ready",
            Asked(place="model-ready", model="churn", version="2"),
            "GET",
        ),
    ],
)
def test_a_path_says_what_is_asked_for(path: str, what: Asked, method: str) -> None:
    assert open_inference.asked(path) == what
    assert what.method == method


@pytest.mark.parametrize(
    "path",
    ["/", "/v2/", "/v2/models", "/v2/models/", "/v2/models/churn/config", "/v2/models/a/b/infer",
     "/v2/models/churn/versions/2/3", "/v2/models/churn/infer/", "/v1/models/churn"],
)  # fmt: skip
def test_any_other_path_is_not_of_this_protocol(path: str) -> None:
    assert open_inference.asked(path) is None


@pytest.mark.parametrize(("model", "version"), [(None, None), ("churn", None), ("churn", "1.1.0")])
def test_what_is_served_may_be_named(model: str | None, version: str | None) -> None:
    open_inference.require(CHURN, Asked(place="infer", model=model, version=version))


@pytest.mark.parametrize(
    ("model", "version", "served", "says"),
    [
        ("other", None, CHURN, "There is no model other. This is churn."),
        ("churn", "2", CHURN, "There is no version 2 of churn. This is 1.1.0."),
        ("churn", "2", Model(name="churn", version=None), "not released, so it has no version"),
    ],
)
def test_anything_else_is_not_found(
    model: str, version: str | None, served: Model, says: str
) -> None:
    with pytest.raises(RequestIsRefused) as error:
        open_inference.require(served, Asked(place="infer", model=model, version=version))

    assert error.value.status == 404
    assert says in str(error.value)


def test_a_column_is_a_tensor_of_its_name() -> None:
    assert call().rows == [{"age": 36, "plan": "gold"}, {"age": 41, "plan": None}]
    assert call(inputs=[PLAN, AGE], schema=UNKNOWN).rows == [
        {"plan": "gold", "age": 36},
        {"plan": None, "age": 41},
    ]


def test_one_tensor_may_hold_all_columns() -> None:
    sizes = Schema(columns=(Column(name="a", type="number"), Column(name="b", type="integer")))
    table = {"name": "input-1", "shape": [2, 2], "datatype": "FP32", "data": [0.5, 1, 1.5, 2]}

    assert call(inputs=[table], schema=sizes).rows == [{"a": 0.5, "b": 1}, {"a": 1.5, "b": 2}]


def test_one_tensor_may_be_the_only_column_under_any_name() -> None:
    one = Schema(columns=(Column(name="x", type="number"),))
    given = {"name": "input-0", "shape": [2, 1], "datatype": "FP64", "data": [0.5, 1.5]}

    assert call(inputs=[given], schema=one).rows == [{"x": 0.5}, {"x": 1.5}]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param({"inputs": {}}, "no list of inputs", id="no-list"),
        pytest.param({"inputs": []}, "is empty", id="no-inputs"),
        pytest.param({"inputs": [1]}, "an object with a name", id="no-object"),
        pytest.param({"inputs": [AGE, AGE]}, "twice: age", id="twice"),
        pytest.param({"inputs": [AGE, {**PLAN, "shape": [1], "data": ["a"]}]},
                     "'age' has 2 values, 'plan' has 1", id="lengths"),
        pytest.param({"inputs": [AGE]}, "row 0, column 'plan': .*missing", id="missing"),
        pytest.param({"inputs": [{**AGE, "shape": [1, 2]}, PLAN]}, "2 values in a row", id="wide"),
        pytest.param({"inputs": [{**AGE, "name": "x", "shape": [1, 3], "data": [1, 2, 3]}]},
                     "row 0: expected 2 values, got 3", id="too-wide"),
        pytest.param({"inputs": [{**AGE, "data": [36, None]}, PLAN]},
                     "row 1, column 'age': expected integer, got null", id="null"),
        pytest.param({"id": 1}, "id should be a string, got integer 1", id="id"),
        pytest.param({"outputs": "predict"}, "outputs should be a list", id="outputs"),
        pytest.param({"outputs": [{}]}, "outputs should be a list", id="no-output"),
        pytest.param({"outputs": [{"name": "depth"}]}, "no output 'depth'", id="unknown-output"),
        pytest.param({"outputs": [{"name": "predict"}] * 2}, "twice: predict", id="output-twice"),
        pytest.param({"outputs": [{"name": "predict", "parameters": {"classification": 1}}]},
                     "asks for classification", id="classification"),
        pytest.param({"outputs": [{"name": "predict", "parameters": 1}]}, "an object", id="odd"),
        pytest.param({"parameters": []}, None, id="empty-parameters"),
        pytest.param({"parameters": [1]}, "parameters should be an object", id="parameters"),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused(content: dict[str, Any], says: str | None) -> None:
    if says is None:
        assert call(**content).rows
        return
    with pytest.raises(RequestIsRefused, match=says):
        call(**content)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"\xff"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(RequestIsRefused) as error:
        open_inference.call(body, [], PEOPLE, model=CHURN)

    assert error.value.status == 400


@pytest.mark.parametrize("given", [b"x", b"-1", b"99", b"\xb2"])
def test_a_length_that_cannot_be_is_refused(given: bytes) -> None:
    headers = [(b"inference-header-content-length", given)]

    with pytest.raises(RequestIsRefused, match="but the body has 2 bytes"):
        open_inference.call(b"{}", headers, PEOPLE, model=CHURN)


def test_bytes_that_no_input_claims_are_refused() -> None:
    body = json.dumps({"inputs": [AGE, PLAN]}).encode()
    headers = [(b"inference-header-content-length", str(len(body)).encode())]

    assert len(open_inference.call(body, headers, PEOPLE, model=CHURN).rows) == 2
    with pytest.raises(RequestIsRefused, match="more bytes than the inputs say"):
        open_inference.call(body + b"\0", headers, PEOPLE, model=CHURN)


def test_without_a_word_about_outputs_the_prediction_is_given() -> None:
    assert answered(ANSWERS) == {
        "model_name": "churn",
        "model_version": "1.1.0",
        "outputs": [
            {
                "name": "predict",
                "shape": [2, 1],
                "datatype": "BYTES",
                "parameters": {"content_type": "np"},
                "data": ["yes", "no"],
            }
        ],
    }


def test_what_is_not_released_has_no_version() -> None:
    assert "model_version" not in answered(ANSWERS, model=Model(name="churn", version=None))


def test_an_id_is_given_back_and_told() -> None:
    assert call(id="request 1").id == "request 1"
    assert answered(ANSWERS, id="request 1")["id"] == "request 1"


def test_probabilities_are_given_when_they_are_asked_for() -> None:
    [output] = answered(ANSWERS, outputs=[{"name": "predict_proba"}])["outputs"]

    assert (output["shape"], output["datatype"]) == ([2, 2], "FP64")
    assert output["data"] == [0.25, 0.75, 0.75, 0.25]


def test_probabilities_of_many_classes_are_in_the_models_order() -> None:
    answers = [
        {"prediction": "b", "scores": {"b": 0.5, "a": 0.25, "c": 0.25}},
        {"prediction": "c", "scores": {"b": 0, "a": 0, "c": 1}},
    ]

    [output] = answered(answers, outputs=[{"name": "predict_proba"}])["outputs"]

    assert (output["shape"], output["data"]) == ([2, 3], [0.5, 0.25, 0.25, 0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    "answer", [1.5, "yes", {"prediction": 1}, {"score": "high"}, {"scores": 1}]
)
def test_a_model_without_probabilities_refuses_to_give_them(answer: Any) -> None:
    asking = call(outputs=[{"name": "predict_proba"}])

    with pytest.raises(RequestIsRefused, match="gives no probabilities"):
        asking.render([answer])


def test_only_the_outputs_that_are_asked_for_in_binary_are_binary() -> None:
    outputs = [{"name": "predict"}, {"name": "predict_proba", "parameters": {"binary_data": True}}]

    response = call(outputs=outputs).render(ANSWERS)

    length = int(response.headers["inference-header-content-length"])
    first, second = json.loads(response.body[:length])["outputs"]
    assert response.content_type == "application/octet-stream"
    assert first["data"] == ["yes", "no"]
    assert second["parameters"] == {"content_type": "np", "binary_data_size": 32}
    assert "data" not in second
    assert len(response.body) == length + 32


def test_a_request_may_ask_for_binary_and_an_output_against_it() -> None:
    binary = {"parameters": {"binary_data_output": True}}
    plain = {"outputs": [{"name": "predict", "parameters": {"binary_data": False}}]}

    assert "inference-header-content-length" in call(**binary).render(ANSWERS).headers
    assert call(**binary, **plain).render(ANSWERS).headers == {}


def test_a_refusal_is_a_400_with_the_text_under_error() -> None:
    with pytest.raises(RequestIsRefused) as error:
        call(inputs=[AGE, {**PLAN, "datatype": "INT64", "data": [1, 2]}])

    response = open_inference.refusal(error.value)

    assert (error.value.status, response.status) == (422, 400)
    expected = "row 0, column 'plan': expected string or null, got integer 1 (1 more)."
    assert json.loads(response.body) == {"error": expected}


def test_the_metadata_tells_inputs_by_the_schema_and_outputs_by_an_example() -> None:
    told = open_inference.model_metadata(CHURN, PEOPLE, platform="onnx_onnxv1", example=YES)

    assert json.loads(told.body) == {
        "name": "churn",
        "versions": ["1.1.0"],
        "platform": "onnx_onnxv1",
        "inputs": [
            {"name": "age", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "plan", "datatype": "BYTES", "shape": [-1, 1]},
        ],
        "outputs": [
            {"name": "predict", "datatype": "BYTES", "shape": [-1, 1]},
            {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]},
        ],
    }


def test_the_metadata_of_a_model_that_nothing_is_known_of_is_short() -> None:
    unreleased = Model(name="churn", version=None)
    told = open_inference.model_metadata(unreleased, UNKNOWN, platform="sklearn_joblib")

    assert json.loads(told.body) == {
        "name": "churn", "platform": "sklearn_joblib", "inputs": [], "outputs": [],
    }  # fmt: skip


def test_the_server_tells_what_it_is_and_whether_it_is_ready() -> None:
    server = json.loads(open_inference.server_metadata(version="1.0").body)
    loading = open_inference.ready(is_ready=False, model=CHURN)

    assert server == {
        "name": "trainshed", "version": "1.0", "extensions": ["binary_tensor_data"],
    }  # fmt: skip
    assert json.loads(open_inference.live().body) == {"live": True}
    assert json.loads(open_inference.ready(is_ready=True).body) == {"ready": True}
    assert (loading.status, json.loads(loading.body)) == (503, {"name": "churn", "ready": False})
