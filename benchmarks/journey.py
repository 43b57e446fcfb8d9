"""A repository to measure in: a bare origin, and a clone of this repository's last commit."""

import json
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import ROOT, MeasuredProgramFailed, ours, seconds
from trainshed import git, http_client, ports, project, targets
from trainshed.store import Store


@dataclass(frozen=True, kw_only=True)
class Journey:
    clone: Path
    port: int
    environment: str = "production"

    def script(self, name: str, *arguments: str) -> float:
        """Run one of our scripts in the clone; return its wall time in seconds."""
        return seconds(ours(ROOT / "scripts" / f"{name}.py", *arguments), folder=self.clone)

    def commit(self, path: str, old: str, new: str) -> None:
        file = self.clone / path
        file.write_text(file.read_text().replace(old, new))
        repository = git.Repository(self.clone)
        repository.run("commit", "--quiet", "--all", "--message", f"Change {path}")
        repository.run("push", "--quiet", "origin", "main")

    def answers(self) -> str | None:
        """Return the release that answers on the live port at this moment."""
        answer = http_client.get(self.port, "/info")
        return answer.body.get("release") if answer.is_ok else None

    def seconds_until(self, release: str, start: float) -> float:
        """Return the seconds from `start` until a release answers on the live port."""
        while self.answers() != release:
            if time.perf_counter() - start > 60:
                raise MeasuredProgramFailed(
                    f"{release} did not answer within a minute.",
                    fix="Run the same steps by hand to see why.",
                )
            time.sleep(0.005)
        return time.perf_counter() - start

    def start(self, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        argv = [str(part) for part in ours(ROOT / "scripts" / f"{name}.py", *arguments)]
        return subprocess.Popen(
            argv, cwd=self.clone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def trainer_seconds(self) -> float:
        """Return the trainer's own wall time in the newest run."""
        runs = sorted((self.clone / ".trainshed/runs").glob("*/run.json"), key=_modified)
        return float(json.loads(runs[-1].read_text())["seconds"])

    def stop(self) -> None:
        here = project.open_at(self.clone)
        settings = here.config().environments[self.environment]
        target = targets.make(
            here, Store(here), environment=self.environment, model="churn", settings=settings,
            tell=lambda _: None,
        )  # fmt: skip
        target.stop()


def prepare(folder: Path, *, registry: str | None = None) -> Journey:
    """Make a bare origin and a clone from this repository's last commit.

    With a registry, releases are images there and the target is this machine's engine.
    """
    origin, clone = folder / "origin.git", folder / "clone"
    port = ports.free_port()
    seconds(["git", "init", "--quiet", "--bare", "-b", "main", origin], folder=folder)
    seconds(["git", "push", "--quiet", "--no-verify", origin, "HEAD:refs/heads/main"])
    seconds(["git", "clone", "--quiet", origin, clone], folder=folder)
    made = Journey(clone=clone, port=port, environment=f"bench-{secrets.token_hex(3)}")
    target = "process" if registry is None else "docker"
    place = f"{made.environment}: {{target: {target}, port: {port}}}"
    made.commit("trainshed.yml", "production: {target: process, port: 8080}", place)
    if registry is not None:
        image = f"image: {registry}/trainshed-bench/churn"
        made.commit("trainshed.yml", "timeout: 30m\n", f"timeout: 30m\n    {image}\n")
    return made


def _modified(path: Path) -> float:
    return path.stat().st_mtime
