"""The engine itself is restarted, or killed, under a live release and in the middle of a move.

No other test is collected with these: they all share that engine. `make test` runs this file last,
alone: `pytest tests/e2e/engine_restart.py`. Only an engine that `make engine` started is touched.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import containers
import pytest
from containers import ROOT
from docker_project import Hosted, staged, tag_of

from trainshed import engine
from trainshed.targets.docker_release import Containers

pytest_plugins = ["containers", "docker_project"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("host")]

V0, V1 = tag_of(1), tag_of(2)


@pytest.fixture(autouse=True)
def ours() -> Iterator[None]:
    """See to it that the engine is one of ours, and that it runs afterwards."""
    if pid() != _read(ROOT / ".trainshed/engine/engine.pid"):
        pytest.skip("the engine here is not one that `make engine` started")
    yield
    start()


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Hosted]:
    """v1.0.0 is live, v1.1.0 is released."""
    with staged(tmp_path) as hosted:
        yield hosted


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["restarted", "killed"])
def test_what_was_live_comes_back_with_the_engine_and_what_was_kept_does_not(
    first: Hosted, how: signal.Signals
) -> None:
    first.put_live(first.manifest(V1))
    first.put_live(first.manifest(V0))
    records = first.told()

    end(how)
    down = first.here("run")
    start()

    assert down.returncode == 4
    assert "No container engine answers" in down.stderr
    assert "systemctl start docker" in down.stderr
    containers.eventually(lambda: first.answering() == V0)
    assert first.here("run").returncode == 0
    assert first.told() == records
    first.assert_live(V0)
    assert first.containers() == {V0: "running", V1: "exited"}


@pytest.mark.parametrize(
    ("how", "is_back", "says"),
    [
        pytest.param(
            signal.SIGKILL, True, "was started again while it was checked", id="killed-and-is-back"
        ),
        pytest.param(signal.SIGTERM, False, "The engine went away while", id="ended"),
    ],
)
def test_a_move_in_the_midst_of_which_the_engine_ends_is_finished_by_the_next_run(
    first: Hosted, monkeypatch: pytest.MonkeyPatch, how: signal.Signals, is_back: bool, says: str
) -> None:
    check = Containers.check

    def interrupted(*arguments: Any) -> None:
        end(how)
        if is_back:
            start()
        check(*arguments)

    monkeypatch.setattr(Containers, "check", interrupted)
    moved = first.here("run", "--forward")
    monkeypatch.undo()
    start()

    assert (moved.returncode, says in moved.stderr) == (4, True), moved.stderr
    containers.eventually(lambda: first.answering() == V0)
    finished = first.here("run", "--forward")
    assert finished.returncode == 0, finished.stderr
    first.assert_live(V1)
    assert [one for one in first.told() if one[1] == "live"][-1] == (V1, "live", V0)


def pid() -> int | None:
    return _read(Path("/var/run/docker.pid"))


def end(how: signal.Signals) -> None:
    running = pid()
    assert running is not None
    os.kill(running, how)
    containers.eventually(lambda: not _lives(running))
    engine.connect.cache_clear()


def start() -> None:
    """Start the engine as CI does, unless it runs."""
    subprocess.run([ROOT / ".ci" / "engine"], check=True, capture_output=True)
    engine.connect.cache_clear()


def _lives(running: int) -> bool:
    try:
        return Path(f"/proc/{running}/exe").readlink().name == "dockerd"  # a zombie has none
    except OSError:
        return False


def _read(file: Path) -> int | None:
    return int(file.read_text()) if file.is_file() else None
