"""One release's server process: the folder it lives in, its libraries, code, start and fitness."""

import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainshed import ports, processes, serving_plan
from trainshed.manifest import Manifest
from trainshed.processes import Process
from trainshed.project import Project


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server process and where it answers; also the content of the edge's `upstream.json`."""

    release: str
    run_id: str
    host: str
    port: int
    pid: int
    started: float
    folder: str
    """Name of its folder below `servers/`."""

    @property
    def process(self) -> Process:
        return Process(pid=self.pid, started=self.started)


@dataclass(frozen=True, kw_only=True)
class Starter:
    """Starts servers of one model in one environment."""

    project: Project
    home: Path
    """The environment's folder of the model."""
    tell: Callable[[str], None]

    def start(
        self, manifest: Manifest, run_folder: Path
    ) -> tuple[Server, "subprocess.Popen[bytes]"]:
        """Start a release's server on a free port; its command line names its manifest's path."""
        token = secrets.token_hex(4)
        folder = self.home / "servers" / f"{manifest.tag}-{token}"
        folder.mkdir(parents=True)
        serving = serving_plan.plan(
            self.project, commit=manifest.commit, model=manifest.model, run=run_folder,
            code=folder / "code", tell=self.tell,
        )  # fmt: skip
        (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
        port = ports.free_port()
        argv = [
            *serving.argv, "--manifest", str(folder / "manifest.json"), "--port", str(port),
            "--log", str(self.home / "log"), "--instance", token,
        ]  # fmt: skip
        process, child = processes.start(
            argv, cwd=folder, env=serving.variables, log=folder / "server.log"
        )
        server = Server(
            release=str(manifest.tag), run_id=manifest.run_id, host="127.0.0.1", port=port,
            pid=process.pid, started=process.started, folder=folder.name,
        )  # fmt: skip
        return server, child
