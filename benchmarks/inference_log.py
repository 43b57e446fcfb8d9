"""The inference log: rows a second, and what it adds to a request. By hand, no row of `make bench`.

    python -m benchmarks.inference_log [FOLDER]

FOLDER is on the disk that is measured. The second table's server answers over TCP in a process of
its own; each mode is measured in turn, and medians are printed.
"""

import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import get_args

from trainshed.serving.log_policy import Identity, Policy, Sync
from trainshed.serving.log_record import Answered, as_it_came
from trainshed.serving.log_writer import LogWriter

ROW = {
    "state": "KS",
    "international_plan": "no",
    "voice_mail_plan": "yes",
    **{f"total_{number}_minutes": 100.25 + 1.5 * number for number in range(14)},
}
LINE = json.dumps(ROW).encode() + b"\n"
IDENTITY = Identity(release="churn@v1.4.0", dataset="da" * 32, instance="bench")
AT_ONCE = 16
SECONDS = 1.5
TURNS = 5
MODES: tuple[Sync | None, ...] = (None, *get_args(Sync))


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one request, in microseconds."""

    alone: float  # median, on one connection
    p99: float  # on 16 connections
    cpu: float  # of the whole server process, on 16 connections


def main(folder: Path) -> None:
    print(f"rows a second, {AT_ONCE} requests at once, medians of {TURNS}:")
    for sync in get_args(Sync):
        for rows in (1, 100):
            speeds = [asyncio.run(speed(folder, sync, rows=rows)) for _ in range(TURNS)]
            print(f"  {sync:9} {rows:4} rows a request {statistics.median(speeds):10,.0f}")
    found: dict[Sync | None, list[Cost]] = {sync: [] for sync in MODES}
    for _ in range(TURNS):
        for sync in MODES:
            found[sync].append(cost(folder, sync))
    print(f"µs a single-row request:      alone   p99 of {AT_ONCE}    CPU of {AT_ONCE}")
    for sync in MODES:
        alone = median(found[sync], lambda one: one.alone)
        p99 = median(found[sync], lambda one: one.p99)
        cpu = median(found[sync], lambda one: one.cpu)
        print(f"  {sync or 'no log':9} {alone:25,.0f} {p99:11,.0f} {cpu:12,.1f}")


async def speed(folder: Path, sync: Sync, *, rows: int) -> float:
    """Return rows a second through one writer."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        writer = LogWriter(Path(scratch), Policy(sync=sync), IDENTITY)
        end = time.perf_counter() + SECONDS

        async def ask(asker: int) -> None:
            number = 0
            while time.perf_counter() < end:
                await writer.write(answered(f"{asker}-{number}", rows=rows))
                number += 1

        began = time.perf_counter()
        await asyncio.gather(*map(ask, range(AT_ONCE)))
        found = writer.counts.written / (time.perf_counter() - began)
        writer.close()
    return found


def answered(request_id: str, *, rows: int = 1) -> Answered:
    return Answered(
        request_id=request_id,
        features=[as_it_came(ROW, LINE[:-1].decode())] * rows,
        predictions=["no"] * rows,
        scores=[0.126] * rows,
        latency_ms=0.25,
    )


def cost(folder: Path, sync: Sync | None) -> Cost:
    """Measure a server that reads rows and answers each, with or without its log."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        server = context.Process(target=serve, args=(there, scratch, sync))
        server.start()
        port = here.recv()
        alone = asyncio.run(load(port, connections=1))
        here.send("time")
        before = here.recv()
        together = asyncio.run(load(port, connections=AT_ONCE))
        here.send("time")
        cpu = here.recv() - before
        here.send("end")
        server.join()
    return Cost(
        alone=1e6 * statistics.median(alone),
        p99=1e6 * statistics.quantiles(together, n=100)[-1],
        cpu=1e6 * cpu / len(together),
    )


def serve(parent: Connection, folder: str, sync: Sync | None) -> None:
    asyncio.run(_serve(parent, Path(folder), sync))


async def _serve(parent: Connection, folder: Path, sync: Sync | None) -> None:
    writer = LogWriter(folder, Policy(sync=sync), IDENTITY) if sync else None
    tasks: set[asyncio.Task[None]] = set()
    count = 0

    class Answers(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            task = asyncio.create_task(self.answer(data))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        async def answer(self, data: bytes) -> None:
            nonlocal count
            count += 1
            text = data[:-1].decode()
            row = json.loads(text)
            if writer is not None:
                await writer.write(
                    Answered(
                        request_id=f"request-{count}",
                        features=[as_it_came(row, text)],
                        predictions=["no"],
                        scores=[0.126],
                        latency_ms=0.25,
                    )
                )
            self.transport.write(b'{"prediction":"no","score":0.126}\n')

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0)
    parent.send(server.sockets[0].getsockname()[1])
    while await asyncio.to_thread(parent.recv) == "time":
        parent.send(time.process_time())
    if writer is not None:
        writer.close()


async def load(port: int, *, connections: int) -> list[float]:
    """Ask on some connections, each as fast as it is answered; return each answer's seconds."""
    took: list[float] = []
    end = time.perf_counter() + SECONDS
    finished = [asyncio.get_running_loop().create_future() for _ in range(connections)]

    class Asks(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            self.ask()

        def ask(self) -> None:
            self.asked = time.perf_counter()
            self.transport.write(LINE)

        def data_received(self, _: bytes) -> None:
            now = time.perf_counter()
            took.append(now - self.asked)
            if now < end:
                self.ask()
            else:
                self.transport.close()
                finished.pop().set_result(None)

    waiting = list(finished)
    for _ in range(connections):
        await asyncio.get_running_loop().create_connection(Asks, "127.0.0.1", port)
    await asyncio.gather(*waiting)
    return took


def median(costs: list[Cost], of: Callable[[Cost], float]) -> float:
    return statistics.median(map(of, costs))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.gettempdir()))
