"""The engine's socket with somebody in between, who hangs up after so many requests, for good."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from trainshed import engine

REAL = "/var/run/docker.sock"
_REQUEST = re.compile(rb"^(GET|HEAD|POST|PUT|DELETE) /v[\d.]+/", re.MULTILINE)


class CutEngine:
    def __init__(self, path: Path, *, after: int | None) -> None:
        self.seen = 0
        """Requests that came, the last of which was not answered if it was cut."""
        self._after = after
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def is_cut(self) -> bool:
        return self._after is not None and self.seen > self._after

    def close(self) -> None:
        with self._lock, suppress(OSError):
            for one in (self._listener, *self._open):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.socket(socket.AF_UNIX)
                there.connect(REAL)
                with self._lock:
                    self._open += [here, there]
                for pair in ((here, there, True), (there, here, False)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, to: socket.socket, is_asking: bool) -> None:
        with suppress(OSError):
            while content := source.recv(1 << 16):
                if is_asking:
                    self.seen += len(_REQUEST.findall(content))
                    if self.is_cut:
                        self.close()
                        return
                to.sendall(content)
            to.shutdown(socket.SHUT_WR)


@contextmanager
def cut(folder: Path, *, after: int | None) -> Iterator[CutEngine]:
    """Let this process reach the engine for so many requests only; None: for all it sends."""
    path = folder / f"engine-{after}.sock"
    between = CutEngine(path, after=after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{path}")
        engine.connect.cache_clear()
        try:
            yield between
        finally:
            between.close()
            engine.connect.cache_clear()
