"""The HTTP server around the double: two ports of 127.0.0.1, one for the API, one for storage."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from github_double import faults
from github_double.double import PREFIXES, Double, GitHubSchemaViolated, Logged, etag
from github_double.routes import Answer
from github_double.state import EVERYTHING

_CHUNK = 1 << 16
_LIMIT = 5000  # requests an hour, as an installation has


@contextlib.contextmanager
def serve(repository: str = "acme/models", *, git: Path | None = None) -> Iterator[Double]:
    """Serve one repository, with a token that may do all (`EVERYTHING`); more can be added.

    `git` is the bare repository that its refs and commits are read from.

    Raises:
        GitHubSchemaViolated: at the end, when a request or an answer was not as published.
    """
    double = Double()
    double.state.add_repository(repository, git=git)
    double.state.add_token(EVERYTHING)
    with _listening(double, _Api) as api, _listening(double, _Storage) as storage:
        double.url, double.storage_url = api, storage
        try:
            yield double
        except BaseException as error:
            for violation in double.violations:
                error.add_note(f"GitHub's schema was violated: {violation}")
            raise
    if double.violations:
        raise GitHubSchemaViolated("\n".join(double.violations))


@contextlib.contextmanager
def _listening(double: Double, handler: type["_Handler"]) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), handler, double)
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a connection that is kept alive would be waited for
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type["_Handler"], double: Double) -> None:
        super().__init__(address, handler)
        self.double = double

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hung up; what else went wrong fails the test at its end."""
        import sys

        error = sys.exception()
        if not isinstance(error, OSError):
            self.double.violations.append(f"the double failed: {error!r}")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True  # or a body waits 40 ms for the receipt of its head

    def respond(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.respond()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status not in {204, 304}:
            self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""

    def read(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class _Api(_Handler):
    def respond(self) -> None:
        double, raw = self.server.double, self.read()
        prefix = next((one for one in PREFIXES if self.path.startswith(f"{one}/")), "")
        path = self.path[len(prefix) :]
        fault = double.faults.take(self.command, path.partition("?")[0])
        answer = None
        if fault is None or fault.is_done:
            answer = self._answered(raw)
        if fault is not None:
            time.sleep(fault.seconds)
        if fault is not None and not fault.is_only_slow:
            self._log(path, raw, fault.status)
            if fault.status is None:
                self._hang_up()
            else:
                self.send(fault.status, _JSON | fault.headers, faults.content(fault))
            return
        assert answer is not None
        self._log(path, raw, answer.status)
        self._send(answer)

    def _answered(self, raw: bytes) -> Answer:
        method = "GET" if self.command == "HEAD" else self.command
        try:
            return self.server.double.answer(method, self.path, _fields(self), raw)
        except Exception as error:
            # An endpoint with a mistake in it: the client gets what GitHub would send.
            self.server.double.violations.append(f"{method} {self.path}: {error!r}")
            return Answer(status=500, body={"message": "Server Error"})

    def _send(self, answer: Answer) -> None:
        headers = {**_JSON, **_limits(), **answer.headers}
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        if answer.content is not None:
            content = answer.content
        elif self.command in {"GET", "HEAD"} and answer.status == 200:
            headers["ETag"] = etag(answer)
            if self.headers.get("If-None-Match") == headers["ETag"]:
                self.send(304, headers, b"")
                return
        self.send(answer.status, headers, content)

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _log(self, path: str, raw: bytes, status: int | None) -> None:
        logged = Logged(
            method=self.command, path=path, body=_shown(raw), status=status,
            authorization=self.headers.get("Authorization"), headers=_fields(self),
        )  # fmt: skip
        self.server.double.requests.append(logged)


class _Storage(_Handler):
    def respond(self) -> None:
        self.read()
        answer = self.server.double.stored(self.path, _fields(self))
        self.send(answer.status, dict(answer.headers), answer.content or b"")


_JSON = {"Content-Type": "application/json; charset=utf-8", "X-GitHub-Request-Id": "0000:TEST"}


def _limits() -> dict[str, str]:
    reset = int(time.time()) + 3600
    return {
        "X-RateLimit-Limit": str(_LIMIT),
        "X-RateLimit-Remaining": str(_LIMIT - 1),
        "X-RateLimit-Used": "1",
        "X-RateLimit-Reset": str(reset),
        "X-RateLimit-Resource": "core",
    }


def _fields(handler: _Handler) -> dict[str, str]:
    """Return the headers, written as one expects them: clients write them as they like."""
    return {name.title(): value for name, value in handler.headers.items()}


def _shown(raw: bytes) -> Any:
    """Return a body as JSON where it is, else as it came."""
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw
