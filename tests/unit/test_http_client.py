import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trainshed import http_client, ports

JSON = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"here": 1}'


@contextmanager
def answering(answer: bytes, *, until: bytes = b"") -> Iterator[tuple[int, bytearray]]:
    """Listen on a port; answer one connection with these bytes once its request ends so."""
    with ports.bind("127.0.0.1", 0) as listener, answered(listener, answer, until) as request:
        yield listener.getsockname()[1], request


@contextmanager
def answered(listener: socket.socket, answer: bytes, until: bytes = b"") -> Iterator[bytearray]:
    request = bytearray()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while not request or not request.endswith(until):
                request.extend(connection.recv(100_000))
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield request
    thread.join()


def test_a_json_answer_is_decoded() -> None:
    with answering(JSON) as (port, request):
        answer = http_client.get(port, "/info")

    assert (answer.status, answer.body, answer.is_ok) == (200, {"here": 1}, True)
    assert request.startswith(b"GET /info HTTP/1.1\r\n")


def test_a_unix_socket_is_asked_as_a_port_is(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        with answered(listener, JSON) as request:
            answer = http_client.get(tmp_path / "socket", "/info")

    assert (answer.status, answer.body) == (200, {"here": 1})
    assert request.startswith(b"GET /info HTTP/1.1\r\nHost: 127.0.0.1\r\n")


def test_another_address_of_this_machine_is_asked_by_host_and_port() -> None:
    with ports.bind("127.0.0.2", 0) as listener, answered(listener, JSON):
        assert http_client.get(("127.0.0.2", listener.getsockname()[1]), "/").is_ok


def test_a_unix_socket_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    said = http_client.get(tmp_path / "socket", "/")

    assert (said.status, said.body[:17]) == (0, "FileNotFoundError")


def test_what_is_posted_is_json() -> None:
    with answering(JSON, until=b"}]}") as (port, request):
        http_client.post(port, "/predict", {"rows": [{"plan": "größer"}]})

    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /predict HTTP/1.1\r\n")
    assert b"Content-Type: application/json" in head
    assert json.loads(body) == {"rows": [{"plan": "größer"}]}


def test_an_answer_that_is_no_json_is_its_text() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\xff\n") as (port, _):
        answer = http_client.get(port, "/")

    assert answer.body == "a\N{REPLACEMENT CHARACTER}\n"


@pytest.mark.parametrize("status", [301, 422, 500, 503])
def test_a_refusal_is_an_answer(status: int) -> None:
    with answering(f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\n{{}}".encode()) as (port, _):
        answer = http_client.get(port, "/")

    assert (answer.status, answer.body, answer.is_ok) == (status, {}, False)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another-protocol"),
        pytest.param(JSON[:-4], id="cut-off"),
    ],
)
def test_what_is_no_whole_answer_has_the_status_0(answer: bytes) -> None:
    with answering(answer) as (port, _):
        said = http_client.get(port, "/")

    assert (said.status, said.is_ok) == (0, False)


def _unused(hold: Callable[[int], None]) -> None:
    hold(ports.free_port())


def _silent(hold: Callable[[int], None]) -> None:
    with ports.bind("127.0.0.1", 0) as listener:  # connects, and is never accepted
        hold(listener.getsockname()[1])


@pytest.mark.parametrize("server", [_unused, _silent], ids=["nobody-listens", "never-answers"])
def test_no_answer_has_the_status_0_and_says_why(
    server: Callable[[Callable[[int], None]], None],
) -> None:
    answers: list[http_client.Answer] = []

    server(lambda port: answers.append(http_client.get(port, "/", timeout=0.1)))

    assert answers[0].status == 0
    assert str(answers[0].body).startswith(("ConnectionRefusedError", "TimeoutError"))


def test_every_connection_is_closed() -> None:
    with ports.bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        http_client.get(port, "/", timeout=0.1)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            received = b"".join(iter(lambda: connection.recv(1000), b""))

    assert received.startswith(b"GET / ")
