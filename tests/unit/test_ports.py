import socket
import subprocess
import sys
from pathlib import Path

import pytest

from trainshed import ports
from trainshed.ports import PortCannotBeOpened, PortIsInUse

ROOT = Path(__file__).parents[2]


def test_a_bound_port_accepts_connections_before_anyone_serves_them() -> None:
    with ports.bind("127.0.0.1", 0) as listener:
        socket.create_connection(listener.getsockname()).close()


def test_a_free_port_can_be_bound() -> None:
    port = ports.free_port()

    with ports.bind("127.0.0.1", port) as listener:
        assert listener.getsockname()[1] == port


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with ports.bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(PortIsInUse, match=rf"Port {port} on 127\.0\.0\.1 .*\n.*ss -ltnp"):
            ports.bind("127.0.0.1", port)


def test_a_port_is_free_again_as_soon_as_its_program_has_ended() -> None:
    """A server that closes first leaves its side in TIME_WAIT, which must not block the next."""
    program = (
        "import socket; from trainshed import ports\n"
        "listener = ports.bind('127.0.0.1', 0)\n"
        "client = socket.create_connection(listener.getsockname())\n"
        "listener.accept()[0].close()\n"
        "print(listener.getsockname()[1])"
    )
    served = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    ports.bind("127.0.0.1", int(served.stdout)).close()


@pytest.mark.parametrize(
    ("host", "port"),
    [
        pytest.param("192.0.2.1", 0, id="not-an-address-of-this-machine"),
        pytest.param("127.0.0.1", 70_000, id="not-a-port"),
        pytest.param("no.such.host.invalid", 0, id="not-a-host"),
    ],
)
def test_an_impossible_address_is_refused(host: str, port: int) -> None:
    with pytest.raises(PortCannotBeOpened, match=r"Cannot listen on port \d+ of"):
        ports.bind(host, port)


def test_asyncio_may_turn_off_the_delay_of_small_answers() -> None:
    """It does so only for sockets that say TCP; without it every answer takes 40 ms longer."""
    with ports.bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
