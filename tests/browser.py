"""Chromium without a window: opens pages of this machine, and takes pictures of them.

It is driven by its own protocol, over a pair of pipes. No name resolves: nothing leaves here.
"""

import base64
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

WIDTH = 860
"""About what a comment has on GitHub, in CSS pixels."""

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # with one it does not start as root; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",  # a container's is too small
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_SEEN = """\
new Promise((done) => document.readyState === "complete" ? done() : addEventListener("load", done))
  .then(() => seen)
"""


class BrowserFailed(Exception):
    """The browser ended, or refused what it was asked."""


@dataclass(frozen=True, kw_only=True)
class View:
    seen: dict[str, Any]
    """What the page's own promise `seen` came to."""
    requests: tuple[str, ...]
    """Every address that the page asked for, also in vain."""


@dataclass(kw_only=True)
class Browser:
    _commands: int
    """Descriptor of the pipe on which it listens."""
    _messages: Iterator[dict[str, Any]]
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _requests: list[str] = field(default_factory=list)

    def look(self, page: Path, picture: Path) -> View:
        """Open a page, wait for its promise `seen`, and write a picture of the whole page (PNG)."""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        tab = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._requests.clear()
        self._ask("Network.enable", tab)
        self._resize(tab, height=1)  # then the page is as long as what it holds
        self._ask("Page.navigate", tab, url=page.as_uri())
        told = self._ask(
            "Runtime.evaluate", tab, expression=_SEEN, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in told:
            raise BrowserFailed(f"{page}: {told['exceptionDetails']}")
        height = self._ask("Page.getLayoutMetrics", tab)["cssContentSize"]["height"]
        self._resize(tab, height=height)
        shot = self._ask("Page.captureScreenshot", tab)
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(base64.b64decode(shot["data"]))
        self._ask("Target.closeTarget", targetId=target)
        return View(seen=told["result"]["value"], requests=tuple(self._requests))

    def close(self) -> None:
        self._ask("Browser.close")

    def _resize(self, tab: str, *, height: int) -> None:
        size = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", tab, **size)

    def _ask(self, method: str, tab: str | None = None, **params: object) -> dict[str, Any]:
        """Return the answer to a command; note the requests that pages make meanwhile."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if tab is not None:
            message["sessionId"] = tab
        with os.fdopen(self._commands, "wb", closefd=False) as pipe:
            pipe.write(json.dumps(message).encode() + b"\0")
        for answer in self._messages:
            if answer.get("method") == "Network.requestWillBeSent":
                self._requests.append(answer["params"]["request"]["url"])
            elif answer.get("id") == number:
                if "error" in answer:
                    raise BrowserFailed(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
        raise BrowserFailed(f"{method}: the browser ended")


@contextmanager
def opened(folder: Path) -> Iterator[Browser]:
    """Start a browser whose profile and log lie in `folder`; skip the test where there is none."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip("there is no Chromium here, so nobody looked at the comments")
    listens, commands = os.pipe()
    messages, tells = os.pipe()
    # Its descriptors must be 3 and 4, and a child's can be numbered by a shell only.
    numbered = ["bash", "-c", f'exec "$@" 3<&{listens} 4>&{tells}', "bash"]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            [*numbered, program, *_OPTIONS, f"--user-data-dir={folder / 'profile'}"],
            pass_fds=(listens, tells), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    os.close(listens)
    os.close(tells)
    try:
        browser = Browser(_commands=commands, _messages=_read(messages))
        yield browser
        browser.close()
    finally:
        os.close(commands)  # whom nobody can command any more ends by itself
        process.wait()
        os.close(messages)


def _read(descriptor: int) -> Iterator[dict[str, Any]]:
    """Yield what the browser says: JSON, each message ended by a zero byte."""
    rest = b""
    while piece := os.read(descriptor, 1 << 16):
        *whole, rest = (rest + piece).split(b"\0")
        yield from map(json.loads, whole)
