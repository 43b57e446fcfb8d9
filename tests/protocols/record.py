"""Ask a real `mlflow models serve` and a real MLServer, and keep what they answer.

    python tests/protocols/record.py

Each runs in an environment of its own, made from a lock file, on the models of models.py. Writes
mlflow.json and mlserver.json beside this file: look at the difference before you commit it.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

from protocols import models  # noqa: E402
from trainshed import environment, ports  # noqa: E402
from trainshed.environment import Environment  # noqa: E402
from trainshed.settings import settings  # noqa: E402

_SECONDS = 180.0
_LONGEST = 300  # characters of an error's text that are kept


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        runs = [make(folder / "runs" / name) for name, make in models.MODELS.items()]
        _write("mlflow", [answer for run in runs for answer in of_mlflow(run, folder)])
        _write("mlserver", of_mlserver(runs, folder))


def of_mlflow(run: Path, folder: Path) -> list[dict[str, Any]]:
    made = _environment(HERE.parent / "mlflow.txt", "mlflow-server")
    model = folder / "mlflow" / run.name
    asked = json.loads(_run(made, "in_mlflow.py", run, model))
    port = ports.free_port()
    command = (
        *("-m", "mlflow", "models", "serve", "--model-uri", str(model), "--env-manager", "local"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
    )
    with _serving(made, command, folder / f"mlflow-{run.name}.log", port, "/ping"):
        return [_recorded(port, run.name, one) for one in asked]


def of_mlserver(runs: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
    made = _environment(HERE / "mlserver.txt", "mlserver")
    place = folder / "mlserver"
    asked = json.loads(_run(made, "in_mlserver.py", place, *runs))
    http_port, grpc_port, metrics_port = (ports.free_port() for _ in range(3))
    options = {
        "host": "127.0.0.1",
        "http_port": http_port,
        "grpc_port": grpc_port,
        "metrics_port": metrics_port,
        "parallel_workers": 0,
    }
    (place / "settings.json").write_text(json.dumps(options))
    command = ("-m", "mlserver.cli.main", "start", str(place))
    with _serving(made, command, folder / "mlserver.log", http_port, "/v2/health/ready"):
        return [_recorded(http_port, run.name, one) for run in runs for one in asked[run.name]]


def _recorded(port: int, model: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = asked.get("body", "").encode()
    connection.request(asked["method"], asked["path"], body, asked.get("headers", {}))
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return {
        "name": asked["name"],
        "model": model,
        "request": {key: value for key, value in asked.items() if key != "name"},
        "answer": {
            "status": answer.status,
            "content_type": answer.headers["content-type"],
            "body": "" if answer.status == 500 else _plain(text, body),
        },
    }


def _plain(text: str, asked: bytes) -> Any:
    """Return what is the same each time: no traces, no names made by chance, no long errors."""
    try:
        content = json.loads(text)
    except ValueError:
        return text[:_LONGEST]
    if not isinstance(content, dict):
        return content
    without = {"stack_trace", *([] if b'"id"' in asked else ["id"])}
    return {
        key: value[:_LONGEST] if isinstance(value, str) else value
        for key, value in content.items()
        if key not in without
    }


def _write(name: str, answers: Sequence[Mapping[str, Any]]) -> None:
    path = HERE / f"{name}.json"
    path.write_text(json.dumps(answers, indent=1) + "\n")
    print(f"{path}: {len(answers)} answers")


def _environment(lock: Path, name: str) -> Environment:
    return environment.ensure([lock], root=settings().environments, name=name)


def _run(made: Environment, script: str, *arguments: Path) -> str:
    return subprocess.run(
        [made.python, HERE / script, *arguments],
        env=_variables(made),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def _variables(made: Environment) -> dict[str, str]:
    # Errors that list a set of names should list them alike each time.
    fixed = {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONHASHSEED": "0"}
    return {**os.environ, **made.variables(), **fixed}


@contextmanager
def _serving(
    made: Environment, command: Sequence[str], log: Path, port: int, path: str
) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            [made.python, *command],
            cwd=log.parent,
            env=_variables(made),
            stdout=file,
            stderr=file,
            start_new_session=True,  # it starts workers of its own, which end with their group
        )
    try:
        _await(process, port, path, log)
        yield
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int, path: str, log: Path) -> None:
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.2)
    raise SystemExit(f"The server does not answer:\n{log.read_text(errors='replace')[-3000:]}")


if __name__ == "__main__":
    main()
