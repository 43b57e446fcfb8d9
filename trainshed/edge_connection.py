"""Two joined TCP connections of the edge: what arrives on one is written to the other.

When one side is slow to take its bytes, the other is not read meanwhile. When one direction ends,
the other may go on: a client may send the end of its request long before the answer has ended.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

_LINGER = 2.0  # seconds in which a refused client may still send its request

_BODY = b'{"error": {"message": "No release answers at the moment. Try again in a second."}}\n'
_UNAVAILABLE = b"\r\n".join(
    [
        b"HTTP/1.1 503 Service Unavailable",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(_BODY),
        b"Retry-After: 1",
        b"Connection: close",
        b"",
        _BODY,
    ]
)


class _Side(asyncio.Protocol):
    transport: asyncio.Transport
    other: "_Side | None" = None
    _has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end of this direction on; True keeps the connection open for the other one."""
        self._has_ended = True
        if self.other is None:
            return False
        self.other.transport.write_eof()
        return not self.other._has_ended

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            other.transport.close()  # once all that was written to it is sent


class Client(_Side):
    """A client's connection. Nothing is read from it until it is joined with a server."""

    def __init__(
        self, *, join: Callable[["Client"], Awaitable[None]], clients: set["Client"]
    ) -> None:
        self._join = join
        self._clients = clients
        self._joining: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._clients.add(self)
        self._joining = asyncio.ensure_future(self._join(self))

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._clients.discard(self)
        if self._joining is not None:
            self._joining.cancel()

    def refuse(self) -> None:
        """Answer 503, and swallow the request: bytes left unread would undo the answer."""
        self.transport.write(_UNAVAILABLE)
        self.transport.write_eof()
        self.transport.resume_reading()
        asyncio.get_running_loop().call_later(_LINGER, self.transport.close)


class Server(_Side):
    """The connection to the live server on behalf of one client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.other, self._client.other = self._client, self
        if self._client.transport.is_closing():
            self.transport.abort()
        self._client.transport.resume_reading()
