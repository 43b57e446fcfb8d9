import threading
from pathlib import Path

import pytest

from trainshed import locks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder/lock"


def test_a_lock_that_nobody_holds_is_had_at_once(path: Path) -> None:
    with locks.held(path, waiting=lambda: pytest.fail("nobody holds it")):
        assert path.exists()
    with locks.tried(path) as is_had:
        assert is_had


def test_a_lock_that_somebody_holds_is_not_had(path: Path) -> None:
    with locks.held(path), locks.tried(path) as is_had:
        assert not is_had
    with locks.tried(path), locks.tried(path) as is_had:
        assert not is_had


def test_who_waits_is_told_once_and_has_the_lock_when_it_is_let_go(path: Path) -> None:
    waiting, told, order = threading.Event(), [], []

    def wait() -> None:
        told.append("waiting")
        waiting.set()

    def second() -> None:
        with locks.held(path, waiting=wait):
            order.append("second")

    with locks.held(path):
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait()
        order.append("first")
    thread.join()

    assert (order, told) == (["first", "second"], ["waiting"])


def test_a_lock_that_its_holder_removed_is_made_anew_for_who_waited(path: Path) -> None:
    """Else who waited would hold a file that nobody else can find."""
    waiting, is_alone = threading.Event(), []

    def second() -> None:
        with locks.held(path, waiting=waiting.set), locks.tried(path) as is_had:
            is_alone.append(not is_had)

    with locks.held(path):
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait()
        path.unlink()
    thread.join()

    assert is_alone == [True]
