"""The real clients of other tools, unchanged, against what we answer: tritonclient and MLflow's."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow_server
import pytest
from protocols import models, server

from trainshed import environment
from trainshed.environment import EnvironmentCannotBeBuilt
from trainshed.settings import settings

HERE = Path(server.__file__).parent


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    run = models.churn(tmp_path_factory.mktemp("run") / "churn")
    with server.serve(server.load(run)) as place:
        yield place


def ask(lock: Path, name: str, script: str, address: str) -> list[Any]:
    """Run a client's script in the client's environment; return its lines of JSON."""
    try:
        made = environment.ensure([lock], root=settings().environments, name=name)
    except EnvironmentCannotBeBuilt as error:
        pytest.skip(f"that {name} works unchanged was NOT tested, it cannot be installed: {error}")
    finished = subprocess.run(
        [made.python, HERE / script, address],
        env={**os.environ, **made.variables(), "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


@pytest.fixture(scope="module")
def triton(address: str) -> Any:
    [told] = ask(HERE / "tritonclient.txt", "tritonclient", "in_tritonclient.py", address)
    return told


@pytest.mark.parametrize(
    "way",
    ["by default", "one dimension", "in JSON", "of a version", "asynchronous"],
)
def test_tritonclient_gets_predictions(triton: Any, way: str) -> None:
    assert triton[way] == {"predict": {"type": "object", "shape": [2, 1], "values": ["no", "yes"]}}


def test_tritonclient_gets_the_outputs_that_it_asks_for(triton: Any) -> None:
    both = triton["both outputs"]

    assert both["predict"]["values"] == ["no", "yes"]
    assert (both["predict_proba"]["type"], both["predict_proba"]["shape"]) == ("float64", [2, 2])
    no, yes = both["predict_proba"]["values"][:2]
    assert no > 0.5 > yes
    assert no + yes == pytest.approx(1)


def test_tritonclient_sees_that_the_server_and_its_model_are_ready(triton: Any) -> None:
    assert [triton[what] for what in ("live", "ready", "model ready")] == [True] * 3
    assert [triton[f"another {what} ready"] for what in ("version", "model")] == [False] * 2


def test_tritonclient_reads_the_metadata(triton: Any) -> None:
    assert triton["server"]["extensions"] == ["binary_tensor_data"]
    assert (triton["model"]["name"], triton["model"]["versions"]) == ("churn", ["1.1.0"])
    assert [(one["name"], one["datatype"]) for one in triton["model"]["inputs"]] == [
        ("plan", "BYTES"), ("age", "INT64"), ("balance", "FP64"), ("vip", "BOOL"),
    ]  # fmt: skip


def test_tritonclient_gets_its_id_back(triton: Any) -> None:
    assert triton["id"] == "request-1"


@pytest.mark.parametrize(
    ("way", "status", "said"),
    [
        ("without a column", "400", "row 0, column 'age': expected integer, got nothing"),
        ("of another version", "404", "There is no version 9 of churn. This is 1.1.0."),
        ("compressed", "415", "The body is compressed (gzip)."),
    ],
)
def test_tritonclient_shows_what_is_wrong(triton: Any, way: str, status: str, said: str) -> None:
    given, message = triton[way]

    assert given == status
    assert message.startswith(said)


def test_mlflows_client_gets_predictions_and_sees_what_is_wrong(address: str) -> None:
    predicted, refused = ask(mlflow_server.LOCK, "mlflow-server", "in_mlflow_client.py", address)

    assert predicted == {"predictions": ["no", "yes"]}
    assert "error code 400" in refused
    assert "row 0, column 'age': expected integer, got nothing" in refused
