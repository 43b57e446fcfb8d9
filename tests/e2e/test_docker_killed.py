"""Target `docker`: the deployer is killed at each step; the next run puts all in order."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_project import Hosted, staged, tag_of
from served_project import free_port

pytest_plugins = ["containers", "docker_project"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("host")]

KILLED = -signal.SIGKILL
DRIVER = Path(__file__).with_name("killed_deployer.py")
V0, V1 = tag_of(1), tag_of(2)

TARGET = "trainshed.targets.docker:DockerTarget"
EDGE = "trainshed.targets.docker_edge:Edge"
DOOR = "trainshed.targets.docker_door:Door"
CONTAINER = "docker.models.containers:Container"
RELEASES = "trainshed.targets.docker_release:Containers"
FITNESS = "trainshed.targets.fitness"


def after(what: str, *, name: str) -> object:
    return pytest.param("after", what, id=f"after-{name}")


def before(what: str, *, name: str) -> object:
    return pytest.param("before", what, id=f"before-{name}")


@pytest.fixture(scope="module")
def between(host: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """One of two releases is live; each test moves to the other one."""
    with staged(tmp_path_factory.mktemp("between"), live=2) as hosted:
        yield hosted


@pytest.mark.parametrize(
    ("when", "what"),
    [
        after("trainshed.origin:Origin.change", name="tombstone"),
        after("trainshed.registry:pull", name="pull"),
        after(f"{EDGE}.ensure", name="edge"),
        after(f"{DOOR}.ensure", name="door"),
        after(f"{RELEASES}.create", name="create"),
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
def test_a_killed_move_back_or_forth_is_finished_by_the_next_run(
    between: Hosted, when: str, what: str
) -> None:
    live = between.answering()
    assert live is not None
    goal, verb = (V0, "revert") if live == V1 else (V1, "--unrevert")
    records = len(between.told())
    if what.endswith(".create") and goal in between.containers():
        between.part(goal).remove()

    with between.asked() as answers:
        assert killed(between, when, what, *dict.fromkeys(["revert", verb]), V1) == KILLED
        finished = between.here("run")

    assert finished.returncode == 0, finished.stderr
    assert answers.releases == [live, goal]
    between.assert_live(goal)
    assert between.told()[records:] == [(goal, "live", live)]


def test_a_killed_move_to_a_new_release_is_finished_by_the_next_run(tmp_path: Path) -> None:
    with staged(tmp_path) as hosted:
        with hosted.asked() as answers:
            at = f"{FITNESS}:check_golden_rows"
            assert killed(hosted, "after", at, "run", "--forward") == KILLED
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
        assert killed(hosted, "after", ready, "run", "--forward") == KILLED
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
        before(f"{CONTAINER}.put_archive", name="configuring-the-door"),
        after(f"{DOOR}.ensure", name="starting-the-door"),
        after(f"{FITNESS}:check_golden_rows", name="golden-rows"),
    ],
)
def test_a_killed_first_deployment_is_finished_by_the_next_run(
    tmp_path: Path, when: str, what: str
) -> None:
    with staged(tmp_path, releases=1, live=0) as hosted:
        assert killed(hosted, when, what, "run", "--forward") == KILLED

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
        assert killed(moved, when, what, "run") == KILLED

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
