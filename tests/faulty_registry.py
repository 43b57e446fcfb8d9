"""A registry that fails as it is told to: the real one stands behind it, on a port of its own.

The engine talks plain HTTP to 127.0.0.0/8 after a try with TLS, which is turned away as any server
without TLS does. What no fault concerns is passed on, body and all, to the real registry.
"""

import base64
import contextlib
import http.client
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from served_project import free_port

PUSHES = r"^(POST|PUT|PATCH) "
"""Requests that bring a registry something."""
MANIFEST_PUSHES = r"^PUT .*/manifests/"
"""The last request of a push. The engine itself tries a blob again, patiently; never a manifest."""
MANIFESTS = r"^(GET|HEAD) .*/manifests/"

_CHUNK = 1 << 16
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Fault:
    """What happens to the requests that `on` matches, written `METHOD /path`."""

    on: str
    status: int
    code: str
    """The registry's own word for it, such as DENIED."""
    left: int | None
    """How often it still happens; None: until it is mended."""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: threading.Event | None = None
    """No answer comes before this is set."""
    count: int = 0
    """How often it has happened."""


class FaultyRegistry:
    """All methods may be used while it serves; each fault lasts as long as its `with` block."""

    def __init__(self, real: str) -> None:
        self.real = real
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.seen: list[str] = []
        """Every request, as `METHOD /path`."""
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self.open()

    def open(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), self)
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextlib.contextmanager
    def gone(self) -> Iterator[None]:
        """Nothing listens on its port."""
        self.close()
        try:
            yield
        finally:
            self.open()

    @contextlib.contextmanager
    def failing(
        self, status: int, *, on: str = ".*", code: str = "UNKNOWN", times: int | None = None
    ) -> Iterator[Fault]:
        """Answer with an HTTP status, so many times or always."""
        with self._with(Fault(on=on, status=status, code=code, left=times)) as fault:
            yield fault

    @contextlib.contextmanager
    def hanging(self, *, on: str = ".*", times: int | None = None) -> Iterator[Fault]:
        """Take a request and never answer it."""
        mended = threading.Event()
        fault = Fault(on=on, status=503, code="UNAVAILABLE", left=times, hangs=mended)
        try:
            with self._with(fault):
                yield fault
        finally:
            mended.set()

    @contextlib.contextmanager
    def locked(self, user: str, password: str) -> Iterator[Fault]:
        """Let in only who brings this name and password."""
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        fault = Fault(
            on=rf"^(?!.*\nBasic {re.escape(token)}$)", status=401, code="UNAUTHORIZED", left=None,
            headers={"WWW-Authenticate": 'Basic realm="test"'},
        )  # fmt: skip
        with self._with(fault):
            yield fault

    def fault_of(self, request: str, authorization: str) -> Fault | None:
        """Note a request; return what shall happen to it, None for nothing."""
        with self._lock:
            self.seen.append(request)
            for fault in self._faults:
                if fault.left != 0 and re.search(fault.on, f"{request}\n{authorization}", re.S):
                    fault.count += 1
                    fault.left = None if fault.left is None else fault.left - 1
                    return fault
        return None

    @contextlib.contextmanager
    def _with(self, fault: Fault) -> Iterator[Fault]:
        with self._lock:
            self._faults.append(fault)
        try:
            yield fault
        finally:
            with self._lock:
                self._faults.remove(fault)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # one that hangs is waited for by nobody

    def __init__(self, address: tuple[str, int], registry: FaultyRegistry) -> None:
        super().__init__(address, _Handler)
        self.registry = registry

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the engine hangs up on whom it has given up."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def handle(self) -> None:
        if self.rfile.peek(1)[:1] == b"\x16":  # TLS begins so; there may be no end of line to await
            self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            return
        super().handle()

    def answer(self) -> None:
        request = f"{self.command} {self.path}"
        fault = self.server.registry.fault_of(request, self.headers.get("Authorization", ""))
        if fault is None:
            self._pass_on()
            return
        if fault.hangs is not None:
            fault.hangs.wait()
        for _ in self._body():  # or the engine sees a broken pipe, not the answer
            pass
        content = json.dumps({"errors": [{"code": fault.code, "message": fault.code.lower()}]})
        self._send(fault.status, [*fault.headers.items(), ("Content-Type", "application/json")],
                   content.encode())  # fmt: skip

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def _pass_on(self) -> None:
        real = http.client.HTTPConnection(self.server.registry.real, timeout=120)
        is_chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
        try:
            real.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # one by one: there are several Accept
                if name.lower() != "connection":
                    real.putheader(name, value)
            real.endheaders(self._body(), encode_chunked=is_chunked)
            response = real.getresponse()
            self._send(response.status, response.getheaders(), response.read())
        finally:
            real.close()

    def _body(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            part = self.rfile.read(min(left, _CHUNK))
            left -= len(part)
            yield part

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value  # of what a GET would bring
            elif name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""
