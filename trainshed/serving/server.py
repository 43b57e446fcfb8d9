"""Running the application: loading beside it, and leaving without dropping a request."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType

import uvicorn

from trainshed.serving.app import App
from trainshed.serving.predictor import Predictor

_GRACE = 10  # seconds for open requests once the server was told to stop
_DRAIN = 1.0  # seconds in which kept-alive connections are asked to go, before they are closed
_KEEP_ALIVE = 150  # seconds; longer than proxies keep theirs (Caddy: 120), so they close first


def run(
    app: App,
    *,
    listener: socket.socket,
    load: Callable[[], Predictor],
    ready: Callable[[], None],
) -> None:
    """Answer on a listening socket until SIGTERM; call `ready` once the model is loaded.

    Raises whatever `load` raises: a server without a model is of no use.
    """
    server = _Server(app)
    signal.signal(signal.SIGTERM, _leave)
    loading = app.worker.submit(load)

    def loaded(finished: Future[Predictor]) -> None:
        if finished.exception() is not None:
            server.should_exit = True
        elif not server.should_exit:
            app.predictor = finished.result()
            ready()

    loading.add_done_callback(loaded)
    server.run(sockets=[listener])
    error = loading.exception() if loading.done() else None
    if error is not None:
        raise error


class _Server(uvicorn.Server):
    def __init__(self, app: App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                log_level="warning",
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say `connection: close` in answers for a moment, still accepting, then close.

        A client may send its next request at the very moment at which its idle connection is
        closed, and would get no answer; so would one whose connection is not yet accepted.
        """
        self._app.draining = True
        loop = asyncio.get_running_loop()
        end = loop.time() + _DRAIN
        while self.server_state.connections and loop.time() < end:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """End with 0: being told to stop is no failure. uvicorn raises the signal again at its end."""
    sys.exit(0)
