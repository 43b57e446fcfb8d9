"""Target `process`: a server process per release behind a small edge that holds the live port.

All its state lies in one folder, `.trainshed/environments/<environment>/<model>/`:

    upstream.json            where the edge sends traffic: replacing this file is the switch
    edge.json, edge.log      the edge's process
    servers/<tag>-<token>/   one server: manifest.json, code/, server.log
    log/                     the inference log, a folder per release

A server's process is found by its command line, which names its folder: no pid is written down, so
none is missing when the deployer is killed between starting a process and writing that down.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from trainshed import http_client, processes, state_files, tags
from trainshed.manifest import Manifest
from trainshed.project import Project
from trainshed.reconcile import Current
from trainshed.run import Run
from trainshed.store import Store
from trainshed.targets import RunIsNotHere
from trainshed.targets.fitness import await_ready, check_golden_rows
from trainshed.targets.process_edge import Edge
from trainshed.targets.process_server import Server, Starter

_DRAIN_SECONDS = 15.0
_READY_SECONDS = 60.0


class ProcessTarget:
    """One model in one environment of this clone."""

    def __init__(
        self,
        project: Project,
        store: Store,
        *,
        environment: str,
        model: str,
        port: int,
        tell: Callable[[str], None],
    ) -> None:
        self.folder = project.state / "environments" / environment / model
        self._edge = Edge(folder=self.folder, port=port)
        self._starter = Starter(project=project, home=self.folder, tell=tell)
        self._store = store
        self._tell = tell
        self._prepared: Server | None = None

    def current(self) -> Current:
        live = self._live()
        if live is None:
            return Current(tag=None)
        is_healthy = False
        if self._edge.is_alive:
            answer = http_client.get(self._edge.port, "/info")
            says = answer.body if answer.is_ok and isinstance(answer.body, dict) else {}
            is_healthy = says.get("release") == live.release
        return Current(tag=tags.require(live.release), is_healthy=is_healthy)

    def prepare(self, manifest: Manifest) -> None:
        """Start a release beside the live one.

        Raises:
            PortIsInUse: another program holds the environment's port.
            RunIsNotHere: this machine's run store lacks the release's run.
            ReleaseIsNotHealthy, GoldenRowsDiffer: it started, but is not fit to be live.
        """
        self._edge.require_port()
        found = self._run_of(manifest)
        run_folder = self._store.folder(manifest.run_id)
        server, child = self._starter.start(manifest, run_folder)
        try:
            await_ready(
                server.release, server.port, is_alive=lambda: child.poll() is None,
                log=lambda: state_files.tail(self._folder_of(server) / "server.log"),
                limit=_READY_SECONDS,
            )  # fmt: skip
            if found.examples is None:
                self._tell(f"{manifest.tag} has no examples: its golden rows are not checked")
            else:
                check_golden_rows(server.release, server.port, run_folder / found.examples.path)
        except BaseException:
            server.process.stop(grace=1.0)
            raise
        self._prepared = server

    def switch(self, manifest: Manifest) -> None:
        prepared = self._prepared
        assert prepared is not None, "prepare comes before switch"
        assert prepared.release == str(manifest.tag)
        state_files.write(self._edge.upstream, asdict(prepared))
        self._edge.ensure()

    def retire(self) -> None:
        live = self._live()
        for folder in sorted((self.folder / "servers").glob("*")):
            if live is not None and folder.name == live.folder:
                continue
            for process in processes.find(str(folder / "manifest.json")):
                process.stop(grace=_DRAIN_SECONDS)
            shutil.rmtree(folder, ignore_errors=True)

    def stop(self) -> None:
        """Stop everything, the edge too: for a demo or a test that is over."""
        self._edge.stop()
        self._edge.upstream.unlink(missing_ok=True)
        self.retire()

    def _live(self) -> Server | None:
        content = state_files.read(self._edge.upstream)
        return Server(**content) if content is not None else None

    def _folder_of(self, server: Server) -> Path:
        return self.folder / "servers" / server.folder

    def _run_of(self, manifest: Manifest) -> Run:
        found = self._store.find(manifest.run_id)
        if found is None or found.artifact.digest != manifest.artifact:
            raise RunIsNotHere(
                f"The run of {manifest.tag} ({manifest.run_id[:12]}) is not in this machine's run "
                f"store, {self._store.home}, or its artifact is another one.",
                fix=f"Make it again: scripts/train.py --model {manifest.model} "
                f"--commit {manifest.commit[:12]}",
            )
        return found
