import os
import signal
import subprocess
import threading
from collections.abc import Callable

import pytest

from trainshed import parallel


def test_results_come_in_the_order_of_the_calls() -> None:
    second_is_done = threading.Event()

    def first() -> str:
        assert second_is_done.wait(timeout=60)
        return "first"

    def second() -> str:
        second_is_done.set()
        return "second"

    assert parallel.run([first, second], jobs=2) == ["first", "second"]


def test_no_more_run_at_once_than_they_may() -> None:
    lock, running, most = threading.Lock(), [0], [0]
    meeting = threading.Barrier(2)

    def call() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        meeting.wait(timeout=60)
        with lock:
            running[0] -= 1

    parallel.run([call] * 6, jobs=2)

    assert most == [2]


def test_the_first_error_is_raised_when_all_have_ended() -> None:
    ended: list[int] = []

    def call(number: int) -> Callable[[], None]:
        def do() -> None:
            ended.append(number)
            if number in {1, 2}:
                raise ValueError(number)

        return do

    with pytest.raises(ValueError, match="1"):
        parallel.run([call(number) for number in range(5)], jobs=1)

    assert ended == [0, 1, 2, 3, 4]


def test_an_interrupt_ends_the_programs_of_every_call_and_makes_no_more() -> None:
    """Programs that lead a session, as trainers do; one is started only after the interrupt."""
    ended: dict[int, int] = {}
    all_run = threading.Barrier(3)
    is_interrupted = threading.Event()

    def call(number: int) -> Callable[[], None]:
        def do() -> None:
            if number == 2:
                all_run.wait(timeout=60)
                os.kill(os.getpid(), signal.SIGINT)
                is_interrupted.set()
            program = subprocess.Popen(["sleep", "600"], start_new_session=True)
            if number < 2:
                all_run.wait(timeout=60)
            assert is_interrupted.wait(timeout=60)
            ended[number] = program.wait(timeout=60)

        return do

    with pytest.raises(KeyboardInterrupt):
        parallel.run([call(number) for number in range(4)], jobs=3)

    assert ended == dict.fromkeys(range(3), -signal.SIGTERM)


def test_lines_that_are_told_at_once_do_not_mix() -> None:
    inside = threading.Semaphore(1)
    told: list[str] = []

    def tell(line: str) -> None:
        assert inside.acquire(blocking=False), "two at once"
        told.append(line)
        inside.release()

    one_at_a_time = parallel.one_at_a_time(tell)

    def call() -> None:
        for _ in range(200):
            one_at_a_time("line")

    parallel.run([call] * 4, jobs=4)

    assert len(told) == 800
