import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from trainshed import edge, ports
from trainshed.edge import Edge, Upstream

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    return tmp_path / "upstream.json"


def switch(upstream: Path, port: int, release: str = "churn@v1.0.0") -> None:
    """Do what the deployer does: one file takes the place of another, in one step."""
    new = upstream.with_suffix(".new")
    new.write_text(json.dumps({"host": "127.0.0.1", "port": port, "release": release}))
    new.replace(upstream)


@contextlib.asynccontextmanager
async def running_edge(upstream: Path) -> AsyncIterator[tuple[Edge, int]]:
    running, listener, stop = Edge(upstream), ports.bind("127.0.0.1", 0), asyncio.Event()
    port = listener.getsockname()[1]
    serving = asyncio.create_task(edge.serve(running, listener, stop))
    yield running, port
    stop.set()
    await serving


@contextlib.asynccontextmanager
async def running_server(handler: Handler) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def saying(name: str) -> Handler:
    """Make a tiny HTTP server that answers each request with its own name."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name.encode())
        )
        await writer.drain()

    return handle


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def get(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: edge\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_every_request_is_answered_across_switches_and_no_new_one_reaches_the_server_before(
    upstream: Path,
) -> None:
    async def story() -> None:
        async with (
            running_server(saying("even")) as even,
            running_server(saying("odd")) as odd,
            running_edge(upstream) as (_, port),
        ):
            switch(upstream, even)
            switches, answers, is_over = 0, 0, False

            async def client() -> None:
                nonlocal answers
                while not is_over:
                    before = switches
                    answer = await get(port)
                    answers += 1
                    assert answer.startswith(b"HTTP/1.1 200 OK")
                    if switches == before:
                        assert answer.endswith(b"odd" if before % 2 else b"even")

            async def deployer() -> None:
                nonlocal switches, is_over
                for number in range(1, 21):
                    switch(upstream, odd if number % 2 else even)
                    switches = number
                    enough = answers + 25
                    await until(lambda enough=enough: answers >= enough)
                is_over = True

            await asyncio.gather(deployer(), *(client() for _ in range(8)))
            assert answers >= 500

    asyncio.run(story())


def test_a_second_switch_within_one_tick_of_the_clock_counts_too(upstream: Path) -> None:
    """The file may then have the inode, size and time of the one that was read before."""

    async def story() -> None:
        async with (
            running_server(saying("a")) as a,
            running_server(saying("b")) as b,
            running_edge(upstream) as (_, port),
        ):
            for _ in range(50):
                switch(upstream, a)
                assert (await get(port)).endswith(b"a")
                switch(upstream, b)
                switch(upstream, b)
                assert (await get(port)).endswith(b"b")

    asyncio.run(story())


def test_large_bodies_pass_whole_in_both_directions_at_once(upstream: Path) -> None:
    async def story() -> None:
        async with running_server(echo) as server, running_edge(upstream) as (_, port):
            switch(upstream, server)
            sent = os.urandom(20_000_000)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def send() -> None:
                writer.write(sent)
                await writer.drain()
                writer.write_eof()

            received, _ = await asyncio.gather(reader.read(), send())
            writer.close()
            assert received == sent

    asyncio.run(story())


def test_a_side_that_does_not_read_holds_the_other_back(upstream: Path) -> None:
    async def story() -> None:
        go_on, taken = asyncio.Event(), []

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await go_on.wait()
            taken.append(len(await reader.read()))

        async with running_server(slow) as server, running_edge(upstream) as (running, port):
            switch(upstream, server)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            size = 50_000_000  # more than all the buffers of the kernel on the way
            writer.write(b"x" * size)
            await until(lambda: bool(running.clients))
            (client,) = running.clients
            await until(lambda: not client.transport.is_reading() and client.other is not None)

            assert client.other is not None
            assert client.other.transport.get_write_buffer_size() < 1_000_000

            go_on.set()
            writer.write_eof()
            await reader.read()
            writer.close()
            assert taken == [size]

    asyncio.run(story())


def test_a_client_that_has_said_all_still_gets_its_answer(upstream: Path) -> None:
    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read()  # to the end of that direction
        writer.write(b"you said " + said)
        await writer.drain()

    async def story() -> None:
        async with running_server(patient) as server, running_edge(upstream) as (_, port):
            switch(upstream, server)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello")
            writer.write_eof()

            assert await reader.read() == b"you said hello"
            writer.close()

    asyncio.run(story())


def test_a_server_that_has_said_all_is_still_told_the_rest(upstream: Path) -> None:
    async def story() -> None:
        heard = asyncio.get_running_loop().create_future()

        async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"enough")
            writer.write_eof()
            heard.set_result(await reader.read())

        async with running_server(hasty) as server, running_edge(upstream) as (_, port):
            switch(upstream, server)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            assert await reader.read() == b"enough"
            writer.write(b"the rest")
            writer.write_eof()

            assert await heard == b"the rest"
            writer.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param("{", id="not-json"),
        pytest.param("[]", id="not-an-object"),
        pytest.param('{"host": "127.0.0.1"}', id="no-port"),
        pytest.param('{"host": "127.0.0.1", "port": 99999}', id="not-a-port"),
        pytest.param('{"host": "127.0.0.1", "port": %d}', id="nobody-listens"),
    ],
)
def test_without_a_server_every_client_gets_a_503(upstream: Path, content: str | None) -> None:
    if content is not None:
        upstream.write_text(content.replace("%d", str(ports.free_port())))

    async def story() -> None:
        async with running_edge(upstream) as (running, port):
            answer = await get(port)
            head, body = answer.split(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert b"Retry-After: 1" in head
            assert b"Content-Length: %d" % len(body) in head
            assert "No release answers" in json.loads(body)["error"]["message"]
            await until(lambda: not running.clients)

    asyncio.run(story())


def test_a_client_that_is_refused_may_finish_its_request_first(upstream: Path) -> None:
    async def story() -> None:
        async with running_edge(upstream) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000)
            await writer.drain()

            assert (await reader.read()).startswith(b"HTTP/1.1 503")
            writer.close()

    asyncio.run(story())


def test_a_release_that_comes_back_is_served_without_a_restart(upstream: Path) -> None:
    async def story() -> None:
        async with running_edge(upstream) as (_, port), running_server(saying("back")) as server:
            assert (await get(port)).startswith(b"HTTP/1.1 503")

            switch(upstream, server)

            assert (await get(port)).endswith(b"back")

    asyncio.run(story())


def test_a_client_that_leaves_early_leaves_nothing_behind(upstream: Path) -> None:
    async def story() -> None:
        async with running_server(echo) as server, running_edge(upstream) as (running, port):
            switch(upstream, server)
            tasks = len(asyncio.all_tasks())
            for number in range(40):
                client = socket.create_connection(("127.0.0.1", port))
                if number % 2:
                    client.send(b"half a requ")
                if number % 4 > 1:  # with an error rather than an end
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.close()
                await asyncio.sleep(0)
            await until(lambda: not running.clients and len(asyncio.all_tasks()) == tasks)
            assert await _echoed(port)

    asyncio.run(story())


async def _echoed(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"still here")
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def test_an_edge_that_is_told_to_stop_lets_an_open_request_end(upstream: Path) -> None:
    async def story() -> None:
        go_on = asyncio.Event()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await go_on.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        async with running_server(slow) as server:
            switch(upstream, server)
            async with running_edge(upstream) as (running, port):
                asking = asyncio.create_task(get(port))
                await until(lambda: any(client.other for client in running.clients))
                asyncio.get_running_loop().call_soon(go_on.set)
            assert (await asking).startswith(b"HTTP/1.1 200 OK")

    asyncio.run(story())


def test_the_upstream_is_read_with_its_release(upstream: Path) -> None:
    switch(upstream, 40123, "churn@v1.1.0")

    assert edge.read(upstream) == Upstream(host="127.0.0.1", port=40123, release="churn@v1.1.0")
    assert str(edge.read(upstream)) == "churn@v1.1.0 on 127.0.0.1:40123"
