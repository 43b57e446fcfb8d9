import asyncio
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import serving_run

from trainshed.serving import served
from trainshed.serving.app import App
from trainshed.serving.exchange import LARGEST_BODY
from trainshed.serving.inference_log import InferenceLog
from trainshed.serving.schema import Column, Row, Schema

SCHEMA = Schema(
    columns=(Column(name="age", type="integer"), Column(name="plan", type="string", nullable=True))
)
ROW = {"age": 41, "plan": "basic"}


def ages(rows: Sequence[Row], /) -> list[Any]:
    return [row["age"] for row in rows]


@dataclass(frozen=True, kw_only=True)
class Got:
    status: int
    headers: dict[str, str]
    content: Any


async def call(
    app: App, method: str, path: str, *, body: Sequence[bytes] = (b"",), whole: bool = True
) -> Got | None:
    """Speak ASGI to the application as a server does; None when it had nobody to answer."""
    parts: list[Any] = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    parts.append({"type": "http.request"} if whole else {"type": "http.disconnect"})
    sent: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"test"), (b"x-request-id", b"r-1")]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    await app(scope, receive, send)
    if not sent:
        return None
    start, end = sent
    return Got(
        status=start["status"],
        headers={name.decode(): value.decode() for name, value in start["headers"]},
        content=json.loads(end["body"]),
    )


def ask(app: App, method: str, path: str, *, rows: Any = None, body: bytes | None = None) -> Got:
    content = json.dumps({"rows": rows}).encode() if body is None else body
    got = asyncio.run(call(app, method, path, body=[content]))
    assert got is not None
    return got


@pytest.fixture
def release(tmp_path: Path) -> served.Served:
    run = serving_run.write_run(tmp_path / "run", b"weights")
    return served.read(run, serving_run.write_manifest(tmp_path / "manifest.json", run))


@pytest.fixture
def app(release: served.Served, tmp_path: Path) -> App:
    log = InferenceLog(tmp_path / "logs", release)
    made = App(served=release, schema=SCHEMA, example=ROW, instance="token-7", log=log)
    made.predictor = ages
    return made


def test_a_prediction_says_what_made_it(app: App) -> None:
    got = ask(app, "POST", "/predict", rows=[ROW, {"age": 7, "plan": None}])

    assert got.status == 200
    assert got.content == {
        "model": "churn",
        "release": "churn@v1.1.0",
        "dataset": "da" * 32,
        "request_id": "r-1",
        "predictions": [41, 7],
    }
    assert got.headers["x-request-id"] == "r-1"


def test_a_prediction_is_in_the_log_when_its_answer_goes_out(app: App, tmp_path: Path) -> None:
    ask(app, "POST", "/predict", rows=[ROW, ROW])

    lines = (tmp_path / "logs/churn@v1.1.0/predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["request_id"] for line in lines] == ["r-1", "r-1"]


def test_no_rows_are_no_predictions(app: App) -> None:
    assert ask(app, "POST", "/predict", rows=[]).content["predictions"] == []


def test_a_bad_row_gets_the_column_named(app: App) -> None:
    got = ask(app, "POST", "/predict", rows=[ROW, {"age": "old", "plan": "basic"}])

    assert got.status == 422
    assert got.content["error"]["message"] == (
        "row 1, column 'age': expected integer, got string \"old\"."
    )
    assert got.content["error"]["problems"] == [
        {"row": 1, "column": "age", "expected": "integer", "got": 'string "old"'}
    ]


def test_an_answer_lists_no_more_problems_than_a_person_reads(app: App) -> None:
    got = ask(app, "POST", "/predict", rows=[{}] * 1000)

    assert len(got.content["error"]["problems"]) == 100
    assert "(1999 more)" in got.content["error"]["message"]


def test_a_body_that_is_not_json_is_told_what_to_send(app: App) -> None:
    got = ask(app, "POST", "/predict", body=b"age=41")

    assert got.status == 400
    assert 'Send {"rows": [' in got.content["error"]["message"]


def test_a_body_that_is_too_large_is_read_to_its_end_and_refused(app: App) -> None:
    parts = [b"x" * 4_000_000, b"y" * 4_000_000, b"z" * (LARGEST_BODY - 8_000_000), b"!"]

    got = asyncio.run(call(app, "POST", "/predict", body=parts))

    assert got is not None
    assert got.status == 413
    assert "larger than 10 MB" in got.content["error"]["message"]


def test_a_client_that_leaves_before_its_body_ends_gets_nothing_and_does_no_harm(app: App) -> None:
    assert asyncio.run(call(app, "POST", "/predict", body=[b"{"], whole=False)) is None

    assert ask(app, "POST", "/predict", rows=[ROW]).status == 200


def test_a_predictor_that_fails_is_logged_under_the_requests_id(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.predictor = lambda rows: [1 / 0]

    got = ask(app, "POST", "/predict", rows=[ROW])

    assert got.status == 500
    assert got.content["error"]["request_id"] == "r-1"
    assert "r-1" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_prediction_that_cannot_be_logged_is_not_given(app: App, tmp_path: Path) -> None:
    (tmp_path / "logs/churn@v1.1.0/predictions.jsonl").symlink_to("/dev/full")

    got = ask(app, "POST", "/predict", rows=[ROW])

    assert got.status == 503
    assert "log cannot be written" in got.content["error"]["message"]
    assert "predictions" not in got.content


def test_while_it_loads_it_is_alive_but_not_ready(app: App) -> None:
    app.predictor = None

    assert ask(app, "GET", "/healthz").status == 200
    assert ask(app, "GET", "/readyz").status == 503
    assert ask(app, "POST", "/predict", rows=[ROW]).headers["retry-after"] == "1"
    assert ask(app, "GET", "/info").status == 200

    app.predictor = ages

    assert ask(app, "GET", "/readyz").status == 200
    assert ask(app, "HEAD", "/readyz").status == 200


def test_health_is_answered_while_the_model_works(app: App) -> None:
    go_on = threading.Event()

    def slow(rows: Sequence[Row], /) -> list[Any]:
        go_on.wait()
        return ages(rows)

    async def story() -> tuple[Got | None, Got | None]:
        body = [json.dumps({"rows": [ROW]}).encode()]
        working = asyncio.create_task(call(app, "POST", "/predict", body=body))
        await asyncio.sleep(0)
        health = await call(app, "GET", "/healthz")
        assert not working.done()
        go_on.set()
        return health, await working

    app.predictor = slow
    health, prediction = asyncio.run(story())

    assert health is not None
    assert health.status == 200
    assert prediction is not None
    assert prediction.content["predictions"] == [41]


def test_info_is_the_manifest_and_the_run(app: App, release: served.Served) -> None:
    assert ask(app, "GET", "/info").content == {
        "model": "churn",
        "release": "churn@v1.1.0",
        "run_id": "ab" * 32,
        "dataset": "da" * 32,
        "artifact": release.artifact_digest,
        "instance": "token-7",
        "manifest": release.manifest,
    }


def test_openapi_describes_the_columns_and_shows_a_row(app: App) -> None:
    document = ask(app, "GET", "/openapi.json").content

    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    row = body["schema"]["properties"]["rows"]["items"]
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "churn", "version": "churn@v1.1.0"}
    assert row["properties"] == {
        "age": {"type": "integer"},
        "plan": {"type": ["string", "null"]},
    }
    assert row["required"] == ["age", "plan"]
    assert ask(app, "POST", "/predict", body=json.dumps(body["example"]).encode()).status == 200


def test_an_unknown_path_gets_the_known_ones(app: App) -> None:
    got = ask(app, "GET", "/")

    assert got.status == 404
    assert "/predict, /healthz, /readyz, /info, /openapi.json" in got.content["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "takes"), [("GET", "/predict", "POST"), ("PUT", "/info", "GET")]
)
def test_a_wrong_method_gets_the_right_one(app: App, method: str, path: str, takes: str) -> None:
    got = ask(app, method, path)

    assert got.status == 405
    assert got.headers["allow"] == takes
    assert f"{path} takes {takes}" in got.content["error"]["message"]


def test_a_server_that_is_leaving_asks_its_clients_to_go(app: App) -> None:
    assert "connection" not in ask(app, "GET", "/healthz").headers

    app.draining = True

    assert ask(app, "GET", "/healthz").headers["connection"] == "close"
