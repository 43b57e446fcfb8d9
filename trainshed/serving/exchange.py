"""One HTTP exchange in ASGI's terms: a request comes in, a JSON answer goes out."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed.serving.request import RequestIsRefused, id_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LARGEST_BODY = 10_000_000


class ClientHasLeft(Exception):
    """The connection closed before the request was whole; there is nobody to answer."""


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    id: str
    receive: Receive


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    content: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def request_of(scope: Message, receive: Receive) -> Request:
    return Request(
        method=scope["method"], path=scope["path"], id=id_of(scope["headers"]), receive=receive
    )


def refusal(
    request: Request,
    status: int,
    message: str,
    *,
    problems: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Answer:
    content = {"message": message, "request_id": request.id, "problems": list(problems)}
    return Answer(status=status, content={"error": content}, headers=headers or {})


async def body_of(request: Request) -> bytes:
    """Read a body to its end even when it is too large: a client reads no answer while it sends."""
    chunks, size, more = [], 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientHasLeft
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= LARGEST_BODY:
            chunks.append(chunk)
        more = message.get("more_body", False)
    if size > LARGEST_BODY:
        most = f"{LARGEST_BODY // 1_000_000} MB"
        raise RequestIsRefused(413, f"The body is larger than {most}. Send fewer rows at a time.")
    return b"".join(chunks)


async def send_answer(send: Send, request: Request, answer: Answer, *, last: bool) -> None:
    """Send an answer; the last one on a connection tells the client to open another."""
    body = json.dumps(answer.content, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-request-id": request.id,
        **answer.headers,
        **({"connection": "close"} if last else {}),
    }
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
