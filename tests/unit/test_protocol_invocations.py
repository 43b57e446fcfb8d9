import json
from typing import Any

import pytest

from trainshed.serving import invocations
from trainshed.serving.protocol import Response
from trainshed.serving.request import RequestIsRefused, rows_of
from trainshed.serving.schema import UNKNOWN, Column, Schema

PEOPLE = Schema(
    columns=(Column(name="age", type="integer"), Column(name="plan", type="string", nullable=True))
)
ADA = {"age": 36, "plan": "gold"}


def rows(content: Any, schema: Schema = PEOPLE) -> list[Any]:
    return list(invocations.call(json.dumps(content).encode(), [], schema).rows)


def refused(content: Any, schema: Schema = PEOPLE) -> RequestIsRefused:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(RequestIsRefused) as error:
        invocations.call(body, [], schema)
    return error.value


def answer(accept: str, answers: list[Any]) -> Response:
    headers = [(b"accept", accept.encode())]
    return invocations.call(b'{"instances": []}', headers, PEOPLE).render(answers)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"dataframe_records": [ADA]}, id="records"),
        pytest.param({"dataframe_split": {"columns": ["plan", "age"], "data": [["gold", 36]]}},
                     id="columns-in-another-order"),
        pytest.param({"dataframe_split": {"columns": None, "data": [[36, "gold"]]}}, id="no-names"),
        pytest.param({"inputs": ADA}, id="one-row-of-scalars"),
        pytest.param({"instances": [ADA], "params": {"a": 1}}, id="mlflows-params"),
        pytest.param({"instances": [ADA], "signature_name": "b"}, id="tensorflows-signature"),
    ],
)  # fmt: skip
def test_is_taken(content: Any) -> None:
    assert rows(content) == [ADA]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"{", "is not JSON", id="not-json"),
        pytest.param([], "is not an object", id="a-list"),
        pytest.param({}, "has none of the formats", id="no-format"),
        pytest.param({"inputs": [], "instances": []}, "instances and inputs", id="two-formats"),
        pytest.param({"inputs": [], "rows": []}, "unknown keys: rows", id="unknown-key"),
        pytest.param({"dataframe_records": ADA}, "should be a list of objects", id="records"),
        pytest.param({"dataframe_split": []}, 'should be {"columns"', id="split"),
        pytest.param({"dataframe_split": {"data": [], "a": 1}}, "unknown keys: a", id="split-key"),
        pytest.param({"dataframe_split": {"columns": [1], "data": []}}, "list of names", id="name"),
        pytest.param({"dataframe_split": {"columns": ["a", "a"], "data": []}}, "twice", id="twice"),
        pytest.param({"instances": ADA}, "instances should be a list", id="instances"),
        pytest.param({"inputs": {"age": [1], "plan": "a"}}, "inputs should be", id="half-lists"),
        pytest.param({"inputs": "a"}, "inputs should be", id="inputs"),
        pytest.param({"inputs": {"age": [1, 2], "plan": ["a"]}},
                     "'age' has 2 values, 'plan' has 1", id="lengths"),
        pytest.param({"inputs": [[36]]}, "row 0: expected 2 values, got 1", id="short-row"),
        pytest.param({"inputs": [36]}, "row 0: expected 2 values, got 1", id="a-scalar"),
        pytest.param({"instances": [ADA, [36, "gold"]]}, "row 1: expected an object", id="mixed"),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused(content: Any, says: str) -> None:
    assert says in str(refused(content))


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"age": "old", "plan": None}, id="type"),
        pytest.param({"age": 36}, id="missing"),
        pytest.param({**ADA, "extra": 1, "more": 2}, id="two-too-many"),
        pytest.param({**ADA, "age": None}, id="null"),
    ],
)
def test_a_wrong_row_is_refused_in_the_words_of_predict(row: dict[str, Any]) -> None:
    with pytest.raises(RequestIsRefused) as ours:
        rows_of(json.dumps({"rows": [ADA, row]}).encode(), PEOPLE)
    theirs = refused({"dataframe_records": [ADA, row]})

    assert str(theirs) == str(ours.value)
    assert theirs.problems == ours.value.problems


def test_infinity_is_refused_where_a_gap_is_not() -> None:
    number = Schema(columns=(Column(name="x", type="number", nullable=True),))

    assert rows({"inputs": {"x": [float("nan")]}}, number) == [{"x": None}]
    assert "got inf" in str(refused({"inputs": {"x": [float("inf")]}}, number))


def test_values_without_names_need_a_schema() -> None:
    assert "need their names" in str(refused({"instances": [[1]]}, UNKNOWN))
    assert rows({"instances": [{"a": 1}]}, UNKNOWN) == [{"a": 1}]


@pytest.mark.parametrize(
    ("content_type", "says"),
    [
        pytest.param("application/xml", "Send application/json or text/csv", id="xml"),
        pytest.param("application/x-npy", "Send application/json or text/csv", id="numpy"),
        pytest.param("text/csv; charset=latin-1", "only UTF-8", id="latin-1"),
    ],
)
def test_another_content_type_is_refused(content_type: str, says: str) -> None:
    with pytest.raises(RequestIsRefused, match=says) as error:
        invocations.call(b"{}", [(b"content-type", content_type.encode())], PEOPLE)

    assert invocations.refusal(error.value).status == 415


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'],
)
def test_json_is_taken_by_each_of_its_names(content_type: str) -> None:
    headers = [(b"content-type", content_type.encode())]

    assert invocations.call(b'{"instances": []}', headers, PEOPLE).rows == []


@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "application/json", "text/html", "application/json, text/csv", "*/*, text/csv"],
)
def test_the_answer_is_mlflows_unless_csv_is_preferred(accept: str) -> None:
    response = answer(accept, [{"prediction": "yes", "score": 0.7}, 1.5])

    assert response.content_type == "application/json"
    assert json.loads(response.body) == {"predictions": ["yes", 1.5]}


@pytest.mark.parametrize("accept", ["text/csv", "text/csv; charset=utf-8", "text/csv, */*"])
def test_the_answer_is_a_line_for_each_row_when_csv_is_accepted(accept: str) -> None:
    answers = [{"prediction": "a,b", "score": 0.7}, 1.5, [1, 2], None, {"a": 1}, "é"]

    response = answer(accept, answers)

    assert response.content_type == "text/csv; charset=utf-8"
    assert response.body.decode() == '"a,b"\n1.5\n1,2\n""\n"{""a"": 1}"\né\n'


def test_a_refusal_has_mlflows_shape_and_our_words() -> None:
    wrong = refused({"dataframe_records": [{"age": "old", "plan": None}]})

    response = invocations.refusal(wrong)

    assert (wrong.status, response.status) == (422, 400)
    assert json.loads(response.body) == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "row 0, column 'age': expected integer, got string \"old\".",
    }


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "BAD_REQUEST"),
        (404, "ENDPOINT_NOT_FOUND"),
        (413, "BAD_REQUEST"),
        (500, "INTERNAL_ERROR"),
        (503, "TEMPORARILY_UNAVAILABLE"),
    ],
)
def test_a_failure_has_the_code_of_its_status(status: int, code: str) -> None:
    response = invocations.failure(status, "Why.", headers={"retry-after": "1"})

    assert (response.status, response.headers) == (status, {"retry-after": "1"})
    assert json.loads(response.body) == {"error_code": code, "message": "Why."}


def test_ping_is_200_once_predictions_are_answered() -> None:
    assert invocations.ping(is_ready=False).status == 503
    assert (invocations.ping(is_ready=True).status, invocations.ping(is_ready=True).body) == (
        200,
        b"\n",
    )
