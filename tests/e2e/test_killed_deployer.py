"""The deployer is killed before and after each of its steps; the next run puts all in order."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from served_project import Served, staged, version

DRIVER = Path(__file__).with_name("killed_deployer.py")
V0, V1 = version(1), version(2)

TOMBSTONE = "trainshed.tombstone:bury"
COPY = "shutil:copytree"
PROCESS = "trainshed.processes:start"
STEPS = {
    "server": "trainshed.targets.process_server:Starter.start",
    "ready": "trainshed.targets.process:await_ready",
    "golden-rows": "trainshed.targets.process:check_golden_rows",
    "switch": "trainshed.targets.process:ProcessTarget.switch",
    "edge": "trainshed.targets.process_edge:Edge.ensure",
    "record": "trainshed.deployment:Deployer._record",
    "retire": "trainshed.targets.process:ProcessTarget.retire",
}

Kill = tuple[str, str, int]
"""When, what, and which of its calls."""


def kill(when: str, what: str, *, call: int = 1, name: str) -> object:
    return pytest.param((when, what, call), id=f"{when}-{name}")


MOVES = [
    kill("before", COPY, name="copying-the-code"),  # in the midst of a checkout
    kill("after", PROCESS, name="starting-the-process"),  # its pid is written down nowhere
    *(kill(when, what, name=name) for name, what in STEPS.items() for when in ("before", "after")),
]


@pytest.mark.parametrize(
    "at",
    [kill(when, TOMBSTONE, name="tombstone") for when in ("before", "after")] + MOVES,
)
def test_a_killed_rollback_is_finished_by_the_next_run(tmp_path: Path, at: Kill) -> None:
    with staged(tmp_path, releases=2) as served:
        served.repo.delete_tag(V1)

        with served.asked() as answers:
            assert killed(served, at, "run") == -signal.SIGKILL
            finished = served.deploy("run")

        assert finished.returncode == 0, finished.stderr
        assert answers.releases == [V1, V0]
        served.assert_runs(V0)
        assert served.told() == [(V0, "live", None), (V1, "live", None), (V0, "live", V1)]
        ((tombstone,),) = served.repo.world().ledger.tombstones.values()
        assert tombstone.tag == V1


@pytest.mark.parametrize("at", MOVES)
def test_a_killed_forward_move_is_finished_by_the_next_run(tmp_path: Path, at: Kill) -> None:
    with staged(tmp_path) as served:
        served.release()

        with served.asked() as answers:
            assert killed(served, at, "run", "--forward") == -signal.SIGKILL
            finished = served.deploy("run", "--forward")

        assert finished.returncode == 0, finished.stderr
        assert answers.releases == [V0, V1]
        served.assert_runs(V1)
        assert served.told() == [(V0, "live", None), (V1, "live", V0)]


@pytest.mark.parametrize(
    "at",
    [
        kill("before", STEPS["edge"], name="edge"),
        kill("after", PROCESS, call=2, name="starting-the-process"),  # of the edge
        kill("after", STEPS["edge"], name="edge"),
    ],
)
def test_a_killed_first_deployment_is_finished_by_the_next_run(tmp_path: Path, at: Kill) -> None:
    with staged(tmp_path, live=False) as served:
        assert killed(served, at, "run", "--forward") == -signal.SIGKILL

        finished = served.deploy("run", "--forward")

        assert finished.returncode == 0, finished.stderr
        served.assert_runs(V0)
        assert served.told() == [(V0, "live", None)]


def killed(served: Served, at: Kill, *arguments: str) -> int:
    when, what, call = at
    return subprocess.run(
        [sys.executable, DRIVER, when, what, str(call), *arguments],
        cwd=served.repo.folder,
        env=os.environ,
        capture_output=True,
        check=False,
    ).returncode
