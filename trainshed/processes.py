"""Processes that outlive the program that started them: found again by pid and start time.

A pid alone may have been given to another program meanwhile; with its start time it is unique.
"""

import contextlib
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_KILL_SECONDS = 10.0
_POLL_SECONDS = 0.005


@dataclass(frozen=True, kw_only=True)
class Process:
    pid: int
    started: float
    """Seconds since the epoch, as the operating system tells."""

    @property
    def is_alive(self) -> bool:
        return self._find() is not None

    def stop(self, *, grace: float) -> None:
        """Ask it to end; after `grace` seconds, end it. Returns when it runs no more.

        It may stay a zombie: where nobody reaps orphans (a container's first process, say, that is
        no init), waiting for its pid to disappear would never end.
        """
        for sign, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _KILL_SECONDS)):
            process = self._find()
            if process is None:
                return
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(sign)
            deadline = time.monotonic() + patience
            while self.is_alive and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)

    def _find(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            is_it = abs(process.create_time() - self.started) < 0.05
            is_running = process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        except psutil.NoSuchProcess:
            return None
        return process if is_it and is_running else None


def find(*arguments: str) -> list[Process]:
    """Return the running processes that were started with all of these arguments."""
    found = [
        Process(pid=one.pid, started=one.info["create_time"])
        for one in psutil.process_iter(["cmdline", "create_time"])
        if set(arguments) <= set(one.info["cmdline"] or ())
    ]
    return [process for process in found if process.is_alive]


def start(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path
) -> tuple[Process, subprocess.Popen[bytes]]:
    """Start a process of its own session, so that it lives on; both its streams go to `log`."""
    with log.open("ab") as file:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            close_fds=True,
        )
    return Process(pid=child.pid, started=psutil.Process(child.pid).create_time()), child
