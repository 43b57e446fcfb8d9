"""A server is killed under load, again and again: no answer is missing from its inference log."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import logged
import pytest

from trainshed.serving import log_recovery, log_segment

SERVER = Path(__file__).with_name("log_server.py")
WORKERS = 2
CONNECTIONS = 16  # for each worker


@contextmanager
def server(folder: Path, sync: str, *, kill_after: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Start one worker, which prints its port; kill it if it still runs at the end."""
    with subprocess.Popen(
        [sys.executable, SERVER, folder, sync, str(kill_after)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


class Load:
    """Asks on many connections at once until the server is gone."""

    def __init__(self, name: str, *, kill_after: int, size: int) -> None:
        self.answered: list[str] = []
        self.asked: set[str] = set()
        self._name = name
        self.kill_after = kill_after
        self._body = b"x" * size

    async def run(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        port = int(await asyncio.to_thread(process.stdout.readline))
        connections = (self._ask(process, port, one) for one in range(CONNECTIONS))
        await asyncio.gather(*connections)

    async def _ask(self, process: subprocess.Popen[str], port: int, connection: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = 0
        try:
            while True:
                request_id = f"{self._name}-{connection}-{number}"
                self.asked.add(request_id)
                writer.write(self._request(request_id))
                answer = await reader.readuntil(b"\r\n\r\n")
                assert answer.startswith(b"HTTP/1.1 200 ")
                assert await reader.readexactly(len(request_id)) == request_id.encode()
                self._note(request_id, process)
                number += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # it was killed
        finally:
            writer.close()

    def _note(self, request_id: str, process: subprocess.Popen[str]) -> None:
        self.answered.append(request_id)
        if len(self.answered) == self.kill_after:
            process.send_signal(signal.SIGKILL)

    def _request(self, request_id: str) -> bytes:
        head = (
            f"POST / HTTP/1.1\r\nhost: x\r\nx-request-id: {request_id}\r\n"
            f"content-length: {len(self._body)}\r\n\r\n"
        )
        return head.encode() + self._body


@pytest.mark.parametrize(
    ("sync", "size", "kills"),
    [
        pytest.param("off", 300, 3, id="off"),
        pytest.param("interval", 300, 3, id="interval"),
        pytest.param("always", 300, 3, id="always"),
        pytest.param("off", 100_000, 4, id="large-rows"),  # a kill cuts their writes in two
    ],
)
def test_every_answered_id_is_in_the_log_exactly_once(
    tmp_path: Path, sync: str, size: int, kills: int
) -> None:
    chance = random.Random(f"{sync} {size}")
    loads = [
        killed_workers(tmp_path, sync, size=size, chance=chance, name=str(turn))
        for turn in range(kills)
    ]
    answered = [one for turn in loads for load in turn for one in load.answered]
    asked = {one for turn in loads for load in turn for one in load.asked}

    assert_holds(tmp_path, answered, asked)

    log_recovery.recover(tmp_path)

    assert_holds(tmp_path, answered, asked)
    segments = log_segment.segments(tmp_path)
    assert any(one.closing is not None and one.closing.recovered for one in segments)
    for segment in segments:
        assert log_segment.damage(segment) is None
        assert segment.closing is not None
        assert segment.closing.rows == len(segment.path.read_bytes().splitlines())


def killed_workers(
    folder: Path, sync: str, *, size: int, chance: random.Random, name: str
) -> list[Load]:
    """Kill two workers that share a folder, each after a number of answers that chance gives.

    One kills itself, with no time between its last answer and its end; the other one is killed.
    """
    most = 800 if size < 1000 else 150
    loads = [
        Load(f"{name}-{worker}", kill_after=chance.randint(1, most), size=size)
        for worker in range(WORKERS)
    ]

    async def load_both(*workers: subprocess.Popen[str]) -> None:
        await asyncio.gather(*(load.run(one) for load, one in zip(loads, workers, strict=True)))

    kills_itself = server(folder, sync, kill_after=loads[0].kill_after)
    with kills_itself as one, server(folder, sync) as other:
        asyncio.run(load_both(one, other))
        assert {one.wait(), other.wait()} == {-signal.SIGKILL}
    return loads


def assert_holds(folder: Path, answered: list[str], asked: set[str]) -> None:
    found = Counter(logged.ids(folder))

    assert [one for one in answered if found[one] != 1] == []
    assert max(found.values()) == 1
    assert found.keys() <= asked
