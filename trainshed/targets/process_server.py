"""One release's server process: the folder it lives in, its libraries, code, start and fitness."""

import secrets
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from trainshed import http_client, ports, processes, serving_plan, state_files
from trainshed.manifest import Manifest
from trainshed.processes import Process
from trainshed.project import Project
from trainshed.serving import golden
from trainshed.targets import GoldenRowsDiffer, ReleaseIsNotHealthy

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.01


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
        """Start a release's server on a free port; it is recorded before it can be forgotten."""
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
        state_files.write(folder / "server.json", asdict(server))
        return server, child


def await_ready(server: Server, child: "subprocess.Popen[bytes]", *, log: Path) -> None:
    """Return once the server is ready.

    Raises:
        ReleaseIsNotHealthy: it ended, or was not ready within a minute.
    """
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        if http_client.get(server.port, "/readyz", timeout=2.0).is_ok:
            return
        time.sleep(_POLL_SECONDS)
    code = child.poll()
    ended = f"is not ready after {_READY_SECONDS:.0f} s" if code is None else f"ended with {code}"
    raise ReleaseIsNotHealthy(
        f"{server.release} was started beside the live release but {ended}. "
        f"It said:\n{state_files.tail(log)}",
        fix="The live release was not touched. Start it by hand to see more: "
        f"scripts/serve.py --run {server.run_id[:12]}",
    )


def check_golden_rows(server: Server, examples_file: Path) -> int:
    """Send a release's examples to its server; return how many were answered equally.

    Raises:
        GoldenRowsDiffer: names the first that was not.
    """
    examples = golden.read(examples_file)
    rows = [example.input for example in examples]
    answer = http_client.post(server.port, "/predict", {"rows": rows})
    if not answer.is_ok:
        raise GoldenRowsDiffer(
            f"{server.release} answers its own examples with HTTP {answer.status}: {answer.body}",
            fix="The live release was not touched. Check `examples=` and `schema=` of the trainer, "
            "and the predictor.",
        )
    different = golden.differences(examples, answer.body["predictions"])
    if different:
        raise GoldenRowsDiffer(
            f"{server.release} answers {len(different)} of its {len(rows)} examples otherwise than "
            f"when it was trained; the first: {different[0]}",
            fix="The live release was not touched. Does the lock file pin what it was trained "
            "with?",
        )
    return len(rows)
