"""Git over HTTP on loopback, as github.com speaks it: who pushes needs a token that may.

Everybody may read: the repository is public.
"""

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

MayPush = Callable[[str], bool]
"""Whether a token may push; asked at each push."""


@contextmanager
def serve(root: Path, may_push: MayPush) -> Iterator[str]:
    """Serve `<root>/<owner>/<name>`, bare repositories; return the server's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(root, may_push))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(root: Path, may_push: MayPush) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self._body())

        def log_message(self, *arguments: object) -> None:
            """Stay quiet."""

        def _answer(self, body: bytes) -> None:
            address = urlsplit(self.path)
            is_push = "git-receive-pack" in self.path
            token = self._token()
            if is_push and not (token and may_push(token)):
                # Without a token git asks for one; with one that may not, GitHub forbids.
                self._refuse(403 if token else 401)
                return
            done = subprocess.run(
                ["git", "http-backend"],
                input=body,
                env={
                    "PATH": os.environ["PATH"],
                    "GIT_PROJECT_ROOT": str(root),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "GIT_CONFIG_GLOBAL": os.devnull,
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                    "PATH_INFO": address.path,
                    "QUERY_STRING": address.query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "REMOTE_USER": "token" if is_push else "",
                    "REMOTE_ADDR": "127.0.0.1",
                },
                capture_output=True,
                check=False,
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _token(self) -> str | None:
            kind, _, value = self.headers.get("Authorization", "").partition(" ")
            if kind.lower() == "basic":
                return base64.b64decode(value).decode().partition(":")[2]
            return value or None

        def _refuse(self, status: int) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler
