"""The edge as the process that deployments start, with real prediction servers behind it."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import serving_run

from trainshed import ports

ROOT = Path(__file__).parents[2]


Started = tuple[subprocess.Popen[str], int]
"""A process and the port it listens on."""


class Start(Protocol):
    def __call__(self, module: str, *arguments: str | Path) -> Started: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a module and return it with its port once it listens; all are gone at the end."""
    processes = []

    def start(module: str, *arguments: str | Path) -> Started:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--port=0", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        line = process.stdout.readline() if process.stdout else ""
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, line
        return process, int(found[1])

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def release(start: Start, tmp_path: Path) -> Callable[[str], Started]:
    """Start the server of a release whose every prediction is its own version."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/versions.py").write_text(
        "def load(path): globals()['version'] = path.read_text()\n"
        "def predict(rows): return [version] * len(rows)\n"
    )

    def release(version: str) -> Started:
        run = serving_run.write_run(tmp_path / f"run-{version}", version.encode())
        manifest = serving_run.write_manifest(tmp_path / f"{version}.json", run, version=version)
        return start(
            "trainshed.serving",
            *("--run", run, "--manifest", manifest, "--code=code"),
            "--predictor=versions:predict",
        )

    return release


def switch(upstream: Path, port: int) -> None:
    new = upstream.with_suffix(".new")
    new.write_text(json.dumps({"host": "127.0.0.1", "port": port}))
    new.replace(upstream)


def predict(client: http.client.HTTPConnection) -> str:
    """Ask on the connection that is kept alive, or on a new one when the server asked for that."""
    client.request("POST", "/predict", json.dumps({"rows": [{}]}))
    answer = client.getresponse()
    content = json.loads(answer.read())
    assert answer.status == 200, content
    version: str = content["predictions"][0]
    return version


def test_clients_that_keep_their_connections_move_to_the_new_release_without_an_error(
    start: Start, release: Callable[[str], Started], tmp_path: Path
) -> None:
    upstream = tmp_path / "upstream.json"
    live, port = release("1.0.0")
    switch(upstream, port)
    _, edge = start("trainshed.edge", "--upstream", upstream)
    answers: list[list[str]] = [[] for _ in range(6)]
    is_over = threading.Event()

    def keep_asking(mine: list[str]) -> None:
        client = http.client.HTTPConnection("127.0.0.1", edge, timeout=60)
        while not is_over.is_set():
            mine.append(predict(client))

    clients = [threading.Thread(target=keep_asking, args=(mine,)) for mine in answers]
    for client in clients:
        client.start()
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        before = live
        live, port = release(version)
        switch(upstream, port)
        before.send_signal(signal.SIGTERM)
        assert before.wait() == 0
        for client, mine in zip(clients, answers, strict=True):
            while version not in mine:
                assert client.is_alive()
    is_over.set()
    for client in clients:
        client.join()

    for mine in answers:
        assert mine == sorted(mine)
        assert sorted(set(mine)) == ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]


def test_a_port_in_use_ends_it_and_is_named(tmp_path: Path) -> None:
    with ports.bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        finished = subprocess.run(
            [sys.executable, "-m", "trainshed.edge", f"--port={port}", "--upstream=none.json"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert finished.returncode == 4
    assert f"error[port-is-in-use]: Port {port} on 127.0.0.1" in finished.stderr


def test_it_starts_before_any_release_and_ends_when_told_to(start: Start) -> None:
    process, port = start("trainshed.edge", "--upstream=none.json", "--instance=token-7")
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", "/readyz")

    assert client.getresponse().status == 503
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
