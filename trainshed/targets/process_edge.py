"""The edge process of target `process`: it holds the live port and outlives every release."""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from trainshed import http_client, ports, processes, state_files
from trainshed.processes import Process
from trainshed.settings import FRAMEWORK, child_environment
from trainshed.targets import EdgeCannotStart

_MODULE = "trainshed.edge"
_START_SECONDS = 10.0
_STOP_SECONDS = 6.0  # a second more than it gives to open connections
_POLL_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class Edge:
    folder: Path
    """Where its `edge.json`, `edge.log` and the `upstream.json` it follows lie."""
    port: int

    @property
    def upstream(self) -> Path:
        return self.folder / "upstream.json"

    @property
    def is_alive(self) -> bool:
        return self._process() is not None

    def require_port(self) -> None:
        """Find out that the port is taken before anything is started, not after.

        Raises:
            PortIsInUse: by another program than this edge.
        """
        if not self.is_alive:
            ports.bind("127.0.0.1", self.port).close()

    def ensure(self) -> None:
        """Start the edge unless it runs. When this returns it answers on its port, and is alone."""
        process = self._process()
        if process is None:
            process = self._start()
        self._await_answer(process)
        state_files.write(self._record, {**asdict(process), "port": self.port})
        for other in self._running():
            if other.pid != process.pid:  # one of another port: the environment has moved
                other.stop(grace=_STOP_SECONDS)

    def stop(self) -> None:
        for process in self._running():
            process.stop(grace=_STOP_SECONDS)

    @property
    def _record(self) -> Path:
        return self.folder / "edge.json"

    def _process(self) -> Process | None:
        """Return the edge's process; its starter may have been killed before it was recorded."""
        content = state_files.read(self._record)
        if content is not None and content["port"] == self.port:
            recorded = Process(pid=content["pid"], started=content["started"])
            if recorded.is_alive:
                return recorded
        return next(iter(self._running("--port", str(self.port))), None)

    def _running(self, *arguments: str) -> list[Process]:
        return processes.find(_MODULE, "--upstream", str(self.upstream), *arguments)

    def _start(self) -> Process:
        argv = [
            sys.executable, "-m", _MODULE, "--host", "127.0.0.1",
            "--port", str(self.port), "--upstream", str(self.upstream),
        ]  # fmt: skip
        variables = child_environment({"PYTHONPATH": str(FRAMEWORK)})
        process, _ = processes.start(argv, cwd=self.folder, env=variables, log=self._log)
        return process

    @property
    def _log(self) -> Path:
        return self.folder / "edge.log"

    def _await_answer(self, process: Process) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.is_alive:
            if http_client.get(self.port, "/readyz", timeout=1.0).status:
                return
            time.sleep(_POLL_SECONDS)
        raise EdgeCannotStart(
            f"The edge that holds port {self.port} did not start. It said:\n"
            f"{state_files.tail(self._log)}",
            fix="Mend what it says, then run the same command again.",
        )
