"""A server that logs and answers, for test_log_killed: `log_server.py FOLDER SYNC ANSWERS`.

It prints its port once it answers. The answer to POST is the request's own id. It kills itself in
the very moment in which it has sent that many answers; 0 leaves that to others.
"""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

from trainshed.serving.log_policy import Identity, Policy
from trainshed.serving.log_record import Answered
from trainshed.serving.log_writer import LogWriter

SEGMENT = 300_000  # bytes; small, so that kills hit rotations too


class App:
    def __init__(self, writer: LogWriter, *, kill_after: int) -> None:
        self._writer = writer
        self._left = kill_after

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        request_id = dict(scope["headers"])[b"x-request-id"]
        await self._writer.write(
            Answered(
                request_id=request_id.decode(),
                features=[{"text": body.decode()}],
                predictions=["no"],
                latency_ms=0.1,
            )
        )
        headers = [(b"content-length", str(len(request_id)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": request_id})
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    policy = Policy(sync=sys.argv[2], segment_bytes=SEGMENT, sync_seconds=0.02)  # type: ignore[arg-type]
    identity = Identity(release="churn@v1.0.0", dataset="da" * 32)
    writer = LogWriter(Path(sys.argv[1]), policy, identity)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    app = App(writer, kill_after=int(sys.argv[3]))
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    await uvicorn.Server(config).serve(sockets=[listener])
    writer.close()


if __name__ == "__main__":
    asyncio.run(main())
