import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from trainshed import processes
from trainshed.processes import Process

Starter = Callable[[str], Process]

FOR_EVER = "import signal; print('ready', flush=True); signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOR_EVER}"
FORGETFUL = """\
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(child.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Start a Python program and return it once it has said something."""
    started: list[Process] = []

    def begin(program: str) -> Process:
        log = tmp_path / f"{len(started)}.log"
        argv = [sys.executable, "-c", program]
        process, _ = processes.start(argv, cwd=tmp_path, env=dict(os.environ), log=log)
        started.append(process)
        while not log.read_text():
            assert process.is_alive, "it ended before it said anything"
        return process

    yield begin
    for process in started:
        process.stop(grace=0)


def test_a_process_is_alive_until_it_is_stopped(start: Starter) -> None:
    process = start(FOR_EVER)
    assert process.is_alive

    process.stop(grace=60)

    assert not process.is_alive


def test_a_process_that_does_not_want_to_end_is_ended(start: Starter) -> None:
    process = start(STUBBORN)

    process.stop(grace=0.05)

    assert not process.is_alive


def test_a_process_that_ended_by_itself_can_be_stopped(start: Starter) -> None:
    process = start(FOR_EVER)
    os.kill(process.pid, signal.SIGKILL)

    process.stop(grace=60)

    assert not process.is_alive


def test_the_same_pid_with_another_start_is_another_process(start: Starter) -> None:
    process = start(FOR_EVER)
    before = replace(process, started=process.started - 10)

    assert not before.is_alive
    before.stop(grace=0)

    assert process.is_alive


def test_a_process_that_its_parent_never_reaps_is_stopped_all_the_same(
    start: Starter, tmp_path: Path
) -> None:
    parent = start(FORGETFUL)
    pid = int((tmp_path / "0.log").read_text())
    process = Process(pid=pid, started=psutil.Process(pid).create_time())

    process.stop(grace=60)

    assert not process.is_alive
    assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert parent.is_alive


def test_both_streams_of_a_process_are_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    program = "import sys; print('out', flush=True); print('error', file=sys.stderr)"

    _, child = processes.start(
        [sys.executable, "-c", program], cwd=tmp_path, env=dict(os.environ), log=log
    )
    child.wait()

    assert log.read_text() == "before\nout\nerror\n"


def test_a_process_outlives_the_session_of_the_program_that_started_it(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from trainshed import processes\n"
        "argv = [sys.executable, '-c', 'import signal; signal.pause()']\n"
        "one, _ = processes.start(argv, cwd=Path(), env=dict(os.environ), log=Path('log'))\n"
        "print(one.pid, one.started)\n"
    )
    deployer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
        capture_output=True,
        text=True,
        check=True,
    )
    pid, started = deployer.stdout.split()
    process = Process(pid=int(pid), started=float(started))

    assert process.is_alive
    assert os.getsid(process.pid) == process.pid
    process.stop(grace=60)


def test_a_process_is_found_by_its_arguments(start: Starter) -> None:
    mine, other = f"{FOR_EVER}  # {os.urandom(8).hex()}", f"{FOR_EVER}  # {os.urandom(8).hex()}"
    process, _ = start(mine), start(other)

    assert processes.find("-c", mine) == [process]
    assert processes.find(mine, "and another") == []

    process.stop(grace=60)
    assert processes.find(mine) == []
