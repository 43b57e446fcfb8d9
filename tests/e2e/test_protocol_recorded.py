"""What `mlflow models serve` and MLServer answered on a model is what we answer on it.

tests/protocols/record.py asked them. Where we differ on purpose stands in DIFFERENCES, and in
docs/protocols.md.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from protocols import models, server
from protocols.server import Served

from trainshed.serving.protocol import Response

HERE = Path(__file__).parents[1] / "protocols"
MLFLOW = json.loads((HERE / "mlflow.json").read_text())
MLSERVER = json.loads((HERE / "mlserver.json").read_text())

DIFFERENCES = {
    # MLflow drops it, and a misspelt name with it.
    "a column too many": 400,
    # No prediction for no rows is an answer.
    "no rows": 200,
    # MLServer repeats the shorter column.
    "a shape that does not fit": 400,
    "columns of uneven lengths": 400,
}
ARRAYS = {"its client, of an array", "its client, of an array as instances"}


def named(answers: list[dict[str, Any]]) -> Any:
    return [pytest.param(one, id=f"{one['model']}: {one['name']}") for one in answers]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Served]:
    folder = tmp_path_factory.mktemp("runs")
    loaded = {name: server.load(make(folder / name)) for name, make in models.MODELS.items()}
    return lambda name: loaded[name]


def ask(served: Served, request: dict[str, Any]) -> Response:
    headers = [
        (name.encode(), value.encode()) for name, value in request.get("headers", {}).items()
    ]
    body = request.get("body", "").encode()
    return served.answer(request["method"], request["path"], headers, body)


@pytest.mark.parametrize("recorded", named(MLFLOW))
def test_mlflows_answer_is_ours(recorded: dict[str, Any], served: Callable[[str], Served]) -> None:
    theirs = recorded["answer"]
    response = ask(served(recorded["model"]), recorded["request"])

    # An array has no names for a signature to find; we know the order of the columns.
    is_array = recorded["name"] in ARRAYS and recorded["model"] == "kind"
    expected = 200 if is_array else DIFFERENCES.get(recorded["name"], theirs["status"])
    assert response.status == expected, response.body
    if response.status != 200:
        assert json.loads(response.body).keys() == {"error_code", "message"}
    elif recorded["name"] == "ping":
        assert response.body.decode() == theirs["body"]
    elif theirs["status"] == 200:
        predictions = json.loads(response.body)["predictions"]
        assert json.loads(response.body).keys() == theirs["body"].keys()
        assert predictions == near(theirs["body"]["predictions"])
        assert response.content_type == theirs["content_type"]


@pytest.mark.parametrize("recorded", named(MLSERVER))
def test_mlservers_answer_is_ours(
    recorded: dict[str, Any], served: Callable[[str], Served]
) -> None:
    theirs = recorded["answer"]
    response = ask(served(recorded["model"]), recorded["request"])

    # The protocol knows {"error": …} with a 400; FastAPI answers its own way, or falls over.
    status = {422: 400, 500: 400}.get(theirs["status"], theirs["status"])
    assert response.status == DIFFERENCES.get(recorded["name"], status), response.body
    content = json.loads(response.body)
    if response.status != 200:
        assert content.keys() == {"error"}
    elif recorded["request"]["method"] == "POST":
        outputs = content.pop("outputs")
        given = theirs["body"].pop("outputs")
        assert content == {k: v for k, v in theirs["body"].items() if k != "parameters"}
        assert [{**one, "data": None} for one in outputs] == [
            {**one, "data": None} for one in given
        ]
        for one, other in zip(outputs, given, strict=True):
            assert one["data"] == near(other["data"])


def near(values: list[Any]) -> Any:
    """The models are trained anew: on another machine the last digits may be others."""
    if all(isinstance(value, str) for value in values):
        return values
    return pytest.approx(values, rel=1e-5, abs=1e-5)
