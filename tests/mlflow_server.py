"""A real MLflow server on 127.0.0.1, on SQLite and a folder; and one that gets stuck."""

import http.client
import json
import os
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from trainshed import environment, ports
from trainshed.environment import EnvironmentCannotBeBuilt
from trainshed.settings import settings

LOCK = Path(__file__).with_name("mlflow.txt")
_SECONDS = 120.0


@dataclass(frozen=True)
class Server:
    port: int

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, endpoint: str, /, **query: str) -> Any:
        """Ask MLflow's REST API, as documented, without its client."""
        encoded = urllib.parse.urlencode(query)
        with urllib.request.urlopen(f"{self.uri}/api/2.0/{endpoint}?{encoded}") as answer:
            return json.load(answer)

    def post(self, endpoint: str, body: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.uri}/api/2.0/{endpoint}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def runs(self, experiment: str) -> list[dict[str, Any]]:
        """Return all runs of an experiment, by name, the oldest first."""
        found = self.get("mlflow/experiments/get-by-name", experiment_name=experiment)
        ids = [found["experiment"]["experiment_id"]]
        answer = self.post(
            "mlflow/runs/search",
            {"experiment_ids": ids, "order_by": ["attributes.start_time ASC"]},
        )
        runs: list[dict[str, Any]] = answer.get("runs", [])
        return runs

    def files(self, run_id: str, folder: str = "") -> dict[str, bytes]:
        """Return a run's artifacts, by their path."""
        listed = self.get("mlflow/artifacts/list", run_id=run_id, path=folder)
        files: dict[str, bytes] = {}
        for one in listed.get("files", []):
            if one.get("is_dir"):
                files |= self.files(run_id, one["path"])
            else:
                query = urllib.parse.urlencode({"run_uuid": run_id, "path": one["path"]})
                with urllib.request.urlopen(f"{self.uri}/get-artifact?{query}") as answer:
                    files[one["path"]] = answer.read()
        return files


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Run a server whose state lies in a folder; skip, loudly, where MLflow cannot be installed."""
    try:
        made = environment.ensure([LOCK], root=settings().environments, name="mlflow-server")
    except EnvironmentCannotBeBuilt as error:
        pytest.skip(f"that MLflow takes our runs was NOT tested, it cannot be installed: {error}")
    port = ports.free_port()
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [
                *(made.python, "-m", "mlflow", "server", "--host", "127.0.0.1"),
                *("--port", str(port), "--workers", "1"),
                *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
                *("--artifacts-destination", str(folder / "artifacts")),
            ],
            cwd=folder,
            env={
                **os.environ,
                **made.variables(),
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
            stdout=log,
            stderr=log,
            start_new_session=True,  # it starts workers of its own, which end with their group
        )
    try:
        _await(process, port, folder / "log.txt")
        yield Server(port)
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError(f"MLflow does not answer:\n{log.read_text(errors='replace')[-3000:]}")


@contextmanager
def stuck_at_upload(server: Server) -> Iterator[tuple[Server, threading.Event]]:
    """Stand before a server; the first file that is uploaded never arrives, and the event tells."""
    arrived, over = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.command == "PUT":
                arrived.set()
                over.wait()
                return
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            connection.request(self.command, self.path, body=body, headers=dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    between = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=between.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield Server(between.server_port), arrived
    finally:
        over.set()
        between.shutdown()
        between.server_close()
