"""The prediction server as the process that deployments start."""

import http.client
import json
import pickle
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import serving_run

from trainshed import ports
from trainshed.serving import golden

ROOT = Path(__file__).parents[2]
ROW = serving_run.ROWS[0]


class Start(Protocol):
    def __call__(self, *arguments: str | Path) -> subprocess.Popen[str]: ...


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving_run.fitted_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the server as a deployment does; every process is gone when the test ends."""
    processes = []

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "trainshed.serving", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def connect(process: subprocess.Popen[str]) -> http.client.HTTPConnection:
    """Wait until the server says that it is ready, and open a connection to it."""
    line = process.stdout.readline() if process.stdout else ""
    found = re.search(r"ready on http://127\.0\.0\.1:(\d+)", line)
    assert found, line + (process.stderr.read() if process.stderr else "")
    return http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)


def ask(client: http.client.HTTPConnection, method: str, path: str, content: Any = None) -> Any:
    client.request(method, path, None if content is None else json.dumps(content))
    answer = client.getresponse()
    return answer.status, json.loads(answer.read())


def test_a_release_answers_its_golden_rows_and_says_who_it_is(
    start: Start, run: Path, tmp_path: Path
) -> None:
    manifest = serving_run.write_manifest(tmp_path / "manifest.json", run)
    client = connect(
        start("--run", run, "--manifest", manifest, "--port=0", "--log=logs", "--instance=token-7")
    )
    examples = golden.read(run / "examples.jsonl")

    status, answer = ask(client, "POST", "/predict", {"rows": [one.input for one in examples]})

    assert (status, answer["release"]) == (200, "churn@v1.1.0")
    assert golden.differences(examples, answer["predictions"]) == ()
    assert ask(client, "GET", "/readyz") == (200, {"status": "ready"})
    _, info = ask(client, "GET", "/info")
    assert (info["release"], info["instance"]) == ("churn@v1.1.0", "token-7")
    lines = (tmp_path / "logs/churn@v1.1.0/predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["prediction"] for line in lines] == answer["predictions"]


def test_a_bad_row_gets_a_422_that_names_the_column(start: Start, run: Path) -> None:
    client = connect(start("--run", run, "--port=0"))

    status, answer = ask(client, "POST", "/predict", {"rows": [{**ROW, "age": "old"}]})

    assert status == 422
    assert answer["error"]["problems"][0]["column"] == "age"


def test_the_example_of_the_interfaces_description_can_be_sent(start: Start, run: Path) -> None:
    client = connect(start("--run", run, "--port=0"))
    _, document = ask(client, "GET", "/openapi.json")
    operation = document["paths"]["/predict"]["post"]

    example = operation["requestBody"]["content"]["application/json"]["example"]

    assert ask(client, "POST", "/predict", example)[0] == 200


def test_a_body_over_the_limit_is_refused_and_the_connection_stays(start: Start, run: Path) -> None:
    client = connect(start("--run", run, "--port=0"))

    assert ask(client, "POST", "/predict", {"rows": ["x" * 11_000_000]})[0] == 413
    assert ask(client, "POST", "/predict", {"rows": [ROW]})[0] == 200


def test_an_artifact_with_another_digest_is_never_unpickled(start: Start, tmp_path: Path) -> None:
    opened = tmp_path / "opened"

    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (opened,)

    folder = serving_run.write_run(tmp_path / "run", b"what the run recorded")
    (folder / "model.pkl").write_bytes(pickle.dumps(Trap()))
    process = start("--run", folder, "--port=0")
    _, told = process.communicate()

    assert process.returncode == 5
    assert "error[artifact-has-another-digest]" in told
    assert not opened.exists()


def test_a_port_in_use_ends_it_and_is_named(start: Start, run: Path) -> None:
    with ports.bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        process = start("--run", run, f"--port={port}")
        _, told = process.communicate()

    assert process.returncode == 4
    assert f"error[port-is-in-use]: Port {port} on 127.0.0.1" in told


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["--run=nowhere"], 2, "run-cannot-be-served", id="no-run"),
        pytest.param(["--predictor=no_such:one"], 3, "predictor-cannot-be-loaded", id="predictor"),
        pytest.param(["--manifest=nowhere.json"], 5, "manifest-does-not-fit", id="no-manifest"),
    ],
)
def test_what_cannot_be_served_ends_it_with_the_code_of_its_kind(
    start: Start, run: Path, arguments: list[str], code: int, says: str
) -> None:
    process = start("--run", run, "--port=0", *arguments)
    out, told = process.communicate()

    assert (process.returncode, out) == (code, "")
    assert f"error[{says}]" in told


@pytest.fixture
def slow(tmp_path: Path) -> list[str | Path]:
    """Serve with a predictor that says when it has begun, and ends when it is told to."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/slow.py").write_text(
        "import pathlib, time\n"
        "def predict(rows):\n"
        "    pathlib.Path('begun').touch()\n"
        "    while not pathlib.Path('go-on').exists():\n"
        "        time.sleep(0.01)\n"
        "    return [1] * len(rows)\n"
    )
    return ["--code=code", "--predictor=slow:predict"]


def test_an_open_request_is_answered_before_it_leaves(
    start: Start, run: Path, tmp_path: Path, slow: list[str | Path]
) -> None:
    process = start("--run", run, "--port=0", *slow)
    client = connect(process)
    answers: list[Any] = []
    asking = threading.Thread(
        target=lambda: answers.append(ask(client, "POST", "/predict", {"rows": [ROW]}))
    )
    asking.start()
    while not (tmp_path / "begun").exists():
        assert process.poll() is None

    process.send_signal(signal.SIGTERM)
    (tmp_path / "go-on").touch()
    asking.join()

    assert answers[0][0] == 200
    assert answers[0][1]["predictions"] == [1]
    assert process.wait() == 0


def test_a_kept_alive_client_is_asked_to_go_before_its_connection_closes(
    start: Start, run: Path
) -> None:
    process = start("--run", run, "--port=0")
    client = connect(process)
    client.request("GET", "/healthz")
    client.getresponse().read()
    process.send_signal(signal.SIGTERM)
    asked_to_go = False
    while not asked_to_go:
        client.request("GET", "/healthz")  # it opens no second connection: the first is still there
        answer = client.getresponse()
        assert answer.read() == b'{"status":"alive"}'
        asked_to_go = answer.headers["connection"] == "close"

    assert process.wait() == 0


def test_every_answered_row_survives_a_kill(start: Start, run: Path, tmp_path: Path) -> None:
    process = start("--run", run, "--port=0", "--log=logs")
    client = connect(process)
    for _ in range(5):
        assert ask(client, "POST", "/predict", {"rows": [ROW, ROW]})[0] == 200

    process.kill()
    process.wait()

    lines = (tmp_path / "logs/unreleased/predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in lines] == [0, 1] * 5


def test_the_server_imports_nothing_of_the_framework() -> None:
    """Its environment is the model's: there is no pydantic, YAML, rich or Jinja2 in it."""
    program = (
        "import sys, trainshed.serving.__main__\n"
        "print(*sorted(name for name in sys.modules if name.startswith('trainshed')))\n"
        "print(*{'pydantic', 'yaml', 'rich', 'jinja2', 'joblib', 'pandas'} & set(sys.modules))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    ours, foreign = finished.stdout.splitlines()
    allowed = {"errors", "settings", "github", "script", "ports", "serving"}
    assert {name.split(".")[1] for name in ours.split() if "." in name} <= allowed
    assert foreign == ""
