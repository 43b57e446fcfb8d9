import threading

import pytest

from trainshed.serving.worker import Worker


def test_calls_run_one_after_the_other_on_one_thread() -> None:
    worker = Worker()
    seen: list[int] = []

    futures = [worker.submit(lambda number=number: seen.append(number)) for number in range(50)]
    threads = {worker.submit(threading.get_ident).result() for _ in range(3)}

    assert [future.result() for future in futures] == [None] * 50
    assert seen == list(range(50))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_an_error_reaches_whoever_waits_and_the_thread_goes_on(error: BaseException) -> None:
    worker = Worker()

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        worker.submit(fail).result()

    assert worker.submit(lambda: "still here").result() == "still here"


def test_a_call_that_was_given_up_is_not_made() -> None:
    worker = Worker()
    go_on = threading.Event()
    seen: list[str] = []
    worker.submit(go_on.wait)
    given_up = worker.submit(lambda: seen.append("given up"))

    given_up.cancel()
    go_on.set()

    worker.submit(lambda: seen.append("next")).result()
    assert seen == ["next"]
