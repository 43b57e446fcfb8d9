"""A program `cml` for tests: it writes down how it was called, and does what CML 0.20.6 does.

Where a real `cml` is on PATH, that one does the work, and this only writes down. It speaks to
`https://<host>/api/v3`, so the API double gets a front with a certificate of its own.

Left out of the imitation: everything but `comment update` on a pull request.
"""

import contextlib
import functools
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = 30


@dataclass(frozen=True)
class Call:
    arguments: list[str]
    environment: dict[str, str]
    report: str
    """What was to be posted."""


@dataclass(frozen=True)
class Recorder:
    folder: Path
    """Put it first on PATH."""

    @property
    def calls(self) -> list[Call]:
        path = self.folder / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Call(**json.loads(line)) for line in lines]

    def fail(self, *, when: str) -> None:
        """Let it end with an error `before` or `after` it has posted; `never` again."""
        (self.folder / "fails").write_text(when)


@contextlib.contextmanager
def serve(folder: Path, api: str) -> Iterator[Recorder]:
    """Make the program in a folder; it works while this lasts. `api` is the double's address."""
    real = shutil.which("cml")
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        settings: dict[str, Any] = {"folder": str(folder), "api": api, "real": real}
        if real is not None:
            certificate, key = _certificate()
            settings["front"] = stack.enter_context(_front(api, certificate, key))
            settings["certificate"] = str(certificate)
        program = [sys.executable, "-I", str(Path(__file__).resolve()), json.dumps(settings)]
        path = folder / "cml"
        path.write_text(f'#!/bin/sh\nexec {shlex.join(program)} "$@"\n')
        path.chmod(0o755)
        yield Recorder(folder)


def main(settings: dict[str, Any], arguments: list[str]) -> int:
    folder = Path(settings["folder"])
    call = Call(arguments, dict(os.environ), Path(arguments[-1]).read_text())
    with (folder / "calls.jsonl").open("a") as file:
        file.write(json.dumps(vars(call)) + "\n")
    when = (folder / "fails").read_text() if (folder / "fails").exists() else "never"
    if when == "before":
        print("error: token " + os.environ["REPO_TOKEN"] + " is no good", file=sys.stderr)
        return 1
    posted = _really(settings, arguments) if settings["real"] else _imitate(settings, call)
    return 1 if when == "after" else posted


def _really(settings: dict[str, Any], arguments: list[str]) -> int:
    """Run CML itself, against the front: it knows no API without a certificate."""
    name = "/".join(_option(arguments, "repo").split("/")[-2:])
    given = [
        f"--repo={settings['front']}/{name}" if one.startswith("--repo=") else one
        for one in arguments
    ]
    done = subprocess.run(
        [settings["real"], *given],
        env=os.environ | {"NODE_EXTRA_CA_CERTS": settings["certificate"]},
        check=False,
    )
    return done.returncode


def _imitate(settings: dict[str, Any], call: Call) -> int:
    assert call.arguments[:2] == ["comment", "update"]
    kind, _, number = _option(call.arguments, "target").partition("/")
    assert kind == "pr"
    assert _option(call.arguments, "publish") == "false"
    title = re.sub(
        r"([_*\[<])", r"\\\1", f"CML watermark {_option(call.arguments, 'watermark-title')}"
    )
    image = "![](https://cml.dev/watermark.png#"
    body = f'{call.report}\n\n{image}{call.environment["GITHUB_SHA"]} "{title}")'
    wanted = re.compile(re.escape(image) + r"[0-9a-fA-F]+" + re.escape(f' "{title}")'))
    repository = "/".join(_option(call.arguments, "repo").split("/")[-2:])
    issues = f"{settings['api']}/repos/{repository}/issues"
    listed = _ask("GET", f"{issues}/{number}/comments", None)[:PAGE]
    found = [one for one in listed if wanted.search(one["body"])]
    if found:
        made = _ask("PATCH", f"{issues}/comments/{found[-1]['id']}", body)
    else:
        made = _ask("POST", f"{issues}/{number}/comments", body)
    print(made["html_url"])
    return 0


def _ask(method: str, url: str, body: str | None) -> Any:
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps({"body": body}).encode(),
        headers={
            "Authorization": f"token {os.environ['REPO_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def _option(arguments: list[str], name: str) -> str:
    return next(one.removeprefix(f"--{name}=") for one in arguments if one.startswith(f"--{name}="))


@functools.cache
def _certificate() -> tuple[Path, Path]:
    folder = Path(tempfile.mkdtemp(prefix="cml-front-"))
    certificate, key = folder / "front.pem", folder / "front.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(key), "-out", str(certificate),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


@contextlib.contextmanager
def _front(api: str, certificate: Path, key: Path) -> Iterator[str]:
    """Listen with TLS on 127.0.0.1 and pass all bytes on to the double."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    behind = urllib.parse.urlsplit(api)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plain, _ = listening.accept()
                    threading.Thread(target=connect, args=[plain], daemon=True).start()

        def connect(plain: socket.socket) -> None:
            with contextlib.suppress(OSError):
                near = context.wrap_socket(plain, server_side=True)
                far = socket.create_connection((behind.hostname or "", behind.port or 80))
                threading.Thread(target=_pump, args=[far, near], daemon=True).start()
                _pump(near, far)

        threading.Thread(target=accept, daemon=True).start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    raise SystemExit(main(json.loads(sys.argv[1]), sys.argv[2:]))
