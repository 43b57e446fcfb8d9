import _thread
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


def test_an_interrupt_ends_every_call_with_its_clean_up_and_starts_no_more() -> None:
    cleaned: list[int] = []
    all_run = threading.Barrier(3)

    def call(number: int) -> Callable[[], None]:
        def do() -> None:
            try:
                all_run.wait(timeout=60)
                if number == 2:
                    _thread.interrupt_main()
                while True:
                    threading.Event().wait(0.01)
            finally:
                cleaned.append(number)

        return do

    with pytest.raises(KeyboardInterrupt):
        parallel.run([call(number) for number in range(4)], jobs=3)

    assert sorted(cleaned) == [0, 1, 2]


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
