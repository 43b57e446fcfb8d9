"""The edge process of target `process`: it holds the live port and outlives every release."""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from trainshed import http_client, ports, processes, state_files
from trainshed.processes import Process
from trainshed.settings import FRAMEWORK, child_environment
from trainshed.targets import EdgeCannotStart

_START_SECONDS = 10.0
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
        process = self._process()
        return process is not None and process.is_alive

    def require_port(self) -> None:
        """Find out that the port is taken before anything is started, not after.

        Raises:
            PortIsInUse: by another program than this edge.
        """
        if not self.is_alive:
            ports.bind("127.0.0.1", self.port).close()

    def ensure(self) -> None:
        """Start the edge unless it runs; it answers on its port when this returns."""
        if self.is_alive:
            return
        argv = [
            sys.executable, "-m", "trainshed.edge", "--host", "127.0.0.1",
            "--port", str(self.port), "--upstream", str(self.upstream),
        ]  # fmt: skip
        variables = child_environment({"PYTHONPATH": str(FRAMEWORK)})
        log = self.folder / "edge.log"
        process, child = processes.start(argv, cwd=self.folder, env=variables, log=log)
        state_files.write(self.folder / "edge.json", {**asdict(process), "port": self.port})
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and child.poll() is None:
            if http_client.get(self.port, "/readyz", timeout=1.0).status:
                return
            time.sleep(_POLL_SECONDS)
        raise EdgeCannotStart(
            f"The edge that holds port {self.port} did not start. It said:\n"
            f"{state_files.tail(log)}",
            fix="Mend what it says, then run the same command again.",
        )

    def stop(self) -> None:
        process = self._process()
        if process is not None:
            process.stop(grace=1.0)

    def _process(self) -> Process | None:
        content = state_files.read(self.folder / "edge.json")
        if content is None or content["port"] != self.port:
            return None
        return Process(pid=content["pid"], started=content["started"])
