"""Target `docker`: the deployer is killed at each step; the next run puts all in order."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from docker_project import Hosted, staged, tag_of
from served_project import free_port

pytest_plugins = ["containers", "docker_project"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("host")]

DRIVER = Path(__file__).with_name("killed_deployer.py")
V0, V1 = tag_of(1), tag_of(2)

TARGET = "trainshed.targets.docker:DockerTarget"
EDGE = "trainshed.targets.docker_edge:Edge"
DOOR = "trainshed.targets.docker_door:Door"
CONTAINER = "docker.models.containers:Container"
FITNESS = "trainshed.targets.fitness"


def after(what: str, *, name: str) -> object:
    return pytest.param("after", what, id=f"after-{name}")


def before(what: str, *, name: str) -> object:
    return pytest.param("before", what, id=f"before-{name}")


@pytest.mark.parametrize(
    ("when", "what"),
    [
        after("trainshed.tombstone:bury", name="tombstone"),
        after("trainshed.registry:pull", name="pull"),
        after(f"{EDGE}.ensure", name="edge"),
        after(f"{DOOR}.ensure", name="door"),
        after(f"{TARGET}._create", name="create"),
        after(f"{CONTAINER}.start", name="start"),
        after(f"{FITNESS}:await_ready", name="ready"),
        after(f"{FITNESS}:check_golden_rows", name="golden-rows"),
        after(f"{TARGET}.switch", name="switch"),
        after("trainshed.deployment:Deployer._record", name="record"),
        after(f"{EDGE}.claim", name="claim"),
        before(f"{CONTAINER}.stop", name="stop"),
        after(f"{CONTAINER}.stop", name="stop"),
        after(f"{TARGET}.retire", name="retire"),
    ],
)
def test_a_killed_rollback_is_finished_by_the_next_run(
    tmp_path: Path, when: str, what: str
) -> None:
    with staged(tmp_path, live=2) as hosted:
        hosted.repo.delete_tag(V1)

        with hosted.asked() as answers:
            assert killed(hosted, when, what, "run") == -signal.SIGKILL
            finished = hosted.here("run")

        assert finished.returncode == 0, finished.stderr
        assert answers.releases == [V1, V0]
        hosted.assert_live(V0)
        assert hosted.told() == [(V0, "live", None), (V1, "live", None), (V0, "live", V1)]
        ((tombstone,),) = hosted.repo.world().ledger.tombstones.values()
        assert tombstone.tag == V1


@pytest.mark.parametrize(
    ("when", "what"),
    [
        after(f"{TARGET}._create", name="create"),
        after(f"{FITNESS}:check_golden_rows", name="golden-rows"),
        after(f"{TARGET}.switch", name="switch"),
    ],
)
def test_a_killed_forward_move_is_finished_by_the_next_run(
    tmp_path: Path, when: str, what: str
) -> None:
    with staged(tmp_path) as hosted:
        with hosted.asked() as answers:
            assert killed(hosted, when, what, "run", "--forward") == -signal.SIGKILL
            finished = hosted.here("run", "--forward")

        assert finished.returncode == 0, finished.stderr
        assert answers.releases == [V0, V1]
        hosted.assert_live(V1)
        assert hosted.told() == [(V0, "live", None), (V1, "live", V0)]


def test_what_a_killed_forward_move_started_is_cleared_away_where_nobody_goes_on(
    tmp_path: Path,
) -> None:
    with staged(tmp_path) as hosted:
        ready = f"{FITNESS}:await_ready"
        assert killed(hosted, "after", ready, "run", "--forward") == -signal.SIGKILL
        assert hosted.containers() == {V0: "running", V1: "running"}

        with hosted.asked() as answers:
            finished = hosted.here("run")

        assert finished.returncode == 0, finished.stderr
        assert answers.releases == [V0]
        hosted.assert_live(V0)
        assert hosted.told() == [(V0, "live", None)]


@pytest.mark.parametrize(
    ("when", "what"),
    [
        after("trainshed.targets.docker_caddy:ensure_network", name="network"),
        after(f"{EDGE}._create", name="making-the-edge"),
        after(f"{CONTAINER}.start", name="starting-the-edge"),
        before(f"{CONTAINER}.put_archive", name="configuring-the-door"),
        after(f"{DOOR}._create", name="making-the-door"),
        after(f"{DOOR}.ensure", name="starting-the-door"),
        after(f"{FITNESS}:check_golden_rows", name="golden-rows"),
    ],
)
def test_a_killed_first_deployment_is_finished_by_the_next_run(
    tmp_path: Path, when: str, what: str
) -> None:
    with staged(tmp_path, releases=1, live=0) as hosted:
        assert killed(hosted, when, what, "run", "--forward") == -signal.SIGKILL

        finished = hosted.here("run", "--forward")

        assert finished.returncode == 0, finished.stderr
        hosted.assert_live(V0)
        assert hosted.told() == [(V0, "live", None)]


@pytest.mark.parametrize(
    ("when", "what"),
    [
        before(f"{CONTAINER}.remove", name="removing-the-try"),
        before(f"{DOOR}._create", name="making-the-new-door"),
    ],
)
def test_a_killed_move_to_another_port_is_finished_by_the_next_run(
    tmp_path: Path, when: str, what: str
) -> None:
    with staged(tmp_path, releases=1) as hosted:
        moved = hosted.at(free_port())
        assert killed(moved, when, what, "run") == -signal.SIGKILL

        finished = moved.here("run")

        assert finished.returncode == 0, finished.stderr
        moved.assert_live(V0)


def killed(hosted: Hosted, when: str, what: str, *arguments: str) -> int:
    return subprocess.run(
        [sys.executable, DRIVER, when, what, "1", *arguments],
        cwd=hosted.repo.folder,
        env=os.environ,
        capture_output=True,
        check=False,
    ).returncode
