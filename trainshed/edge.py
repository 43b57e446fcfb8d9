"""Hold a live port while the releases behind it change: the edge of target `process`.

FILE says where the live server is: {"host": "127.0.0.1", "port": 40123, "release": "churn@v1.1.0"}.
Replacing it (os.replace) is the switch: it is read for every new connection, so none that begins
afterwards reaches the server before. A connection stays where it began: the server that is retired
ends its kept-alive connections after an answer, and their clients come back through here.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed import ports, script
from trainshed.edge_connection import Client, Server

EXAMPLES = """\
  python -m trainshed.edge --port 8080 --upstream upstream.json"""

_CONNECTING = 5.0  # seconds for a server to accept
_GRACE = 5.0  # seconds for open connections once the edge was told to stop
_BACKLOG = 2048


@dataclass(frozen=True, kw_only=True)
class Upstream:
    host: str
    port: int
    release: str | None

    def __str__(self) -> str:
        return f"{self.release} on {self.host}:{self.port}"


class Edge:
    """Joins every connection of a client with one of its own to the live server."""

    def __init__(self, upstream: Path) -> None:
        self.clients: set[Client] = set()
        self._upstream = upstream
        self._told = ""

    def accept(self) -> Client:
        return Client(join=self._join, clients=self.clients)

    async def _join(self, client: Client) -> None:
        """Connect a client to the live server, or tell it that none answers."""
        problem = ""
        for _ in range(2):  # the server may be retired between the look and the connection
            upstream = read(self._upstream)
            if upstream is None:
                problem = f"{self._upstream} names no server"
                break
            try:
                await _connect(client, upstream)
            except (OSError, TimeoutError) as error:
                problem = f"{upstream} does not answer ({error or 'it takes too long'})"
            else:
                self._tell(f"traffic goes to {upstream}")
                return
        self._tell(f"answering 503: {problem}")
        client.refuse()

    def _tell(self, state: str) -> None:
        if state != self._told:
            print(state, flush=True)
            self._told = state


def read(path: Path) -> Upstream | None:
    """Return where the live server is; None when the file is missing or malformed.

    It is opened for each connection (20 µs of a few hundred): a modification time would miss the
    second of two switches within one tick of the file system's clock.
    """
    try:
        content = json.loads(path.read_bytes())
        port = int(content["port"])
        host, release = str(content["host"]), content.get("release")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Upstream(host=host, port=port, release=release) if 0 < port < 65536 else None


async def serve(edge: Edge, listener: socket.socket, stop: asyncio.Event) -> None:
    """Forward until told to stop; then let open connections end, for a while."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(edge.accept, sock=listener, backlog=_BACKLOG)
    await stop.wait()
    server.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            while edge.clients:
                await asyncio.sleep(0.02)


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    with ports.bind(args.host, args.port) as listener:
        host, port = listener.getsockname()[:2]
        print(f"the edge listens on {host}:{port}", flush=True)
        asyncio.run(_until_terminated(Edge(args.upstream), listener))


async def _until_terminated(edge: Edge, listener: socket.socket) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(edge, listener, stop)


async def _connect(client: Client, upstream: Upstream) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_CONNECTING):
        await loop.create_connection(lambda: Server(client), upstream.host, upstream.port)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    parser.prog = "python -m trainshed.edge"
    parser.add_argument("--port", type=int, required=True, help="the live port; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--upstream", type=Path, required=True, metavar="FILE", help="see above")
    parser.add_argument("--instance", metavar="TOKEN", help="not used: it marks the process")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
