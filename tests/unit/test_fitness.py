import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from trainshed.targets import GoldenRowsDiffer, ReleaseIsNotHealthy, fitness

EXAMPLES = [{"input": {"x": 1.0}, "output": 2.0}, {"input": {"x": 7.5}, "output": 15.0}]

Answers = Callable[[int, Any], int]


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Start a server that gives one answer to everything, or none (status 0); return its port."""
    servers = []

    def start(status: int, body: Any) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                if status:
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(json.dumps(body).encode())

            do_GET = do_POST  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    file = tmp_path / "examples.jsonl"
    file.write_text("".join(f"{json.dumps(one)}\n" for one in EXAMPLES))
    return file


def test_golden_rows_that_are_answered_equally_are_counted(
    answers: Answers, examples: Path
) -> None:
    port = answers(200, {"predictions": [2.0, 15.00001]})

    assert fitness.check_golden_rows("churn@v1.0.0", port, examples) == 2


def test_the_first_golden_row_that_differs_is_told(answers: Answers, examples: Path) -> None:
    port = answers(200, {"predictions": [2.0, 15.1]})

    with pytest.raises(GoldenRowsDiffer, match=r"answers 1 of its 2 examples otherwise.*15\.1"):
        fitness.check_golden_rows("churn@v1.0.0", port, examples)


def test_a_refusal_of_its_own_examples_is_told_with_its_status(
    answers: Answers, examples: Path
) -> None:
    port = answers(422, {"error": "x should be a text"})

    with pytest.raises(GoldenRowsDiffer, match=r"HTTP 422.*x should be a text"):
        fitness.check_golden_rows("churn@v1.0.0", port, examples)


def test_no_answer_is_not_told_as_a_wrong_one(answers: Answers, examples: Path) -> None:
    port = answers(0, None)

    with pytest.raises(ReleaseIsNotHealthy, match="gives its own examples no answer"):
        fitness.check_golden_rows("churn@v1.0.0", port, examples)


def test_a_server_that_ended_is_told_with_its_last_lines() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(ReleaseIsNotHealthy, match=r"but ended by itself(.|\n)*No module named"):
        fitness.await_ready(
            "churn@v1.0.0", port, is_alive=lambda: False, limit=60.0,
            log=lambda: "  No module named 'app'",
        )  # fmt: skip


def test_a_server_that_is_never_ready_is_waited_for_only_so_long(answers: Answers) -> None:
    port = answers(503, {"status": "loading"})

    with pytest.raises(ReleaseIsNotHealthy, match="is not ready after 0 s"):
        fitness.await_ready("churn@v1.0.0", port, is_alive=lambda: True, log=lambda: "", limit=0.05)
