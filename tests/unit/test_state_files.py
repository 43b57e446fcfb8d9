import threading
from pathlib import Path

import pytest

from trainshed import state_files


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "environments" / "production" / "upstream.json"

    state_files.write(path, {"release": "churn@v1.0.0", "port": 1})
    state_files.write(path, {"release": "churn@v1.1.0", "port": 2})

    assert state_files.read(path) == {"release": "churn@v1.1.0", "port": 2}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"", id="empty"),
        pytest.param(b'{"port": 1', id="cut-off"),
        pytest.param(b"\0" * 80, id="zeros"),
        pytest.param(b"\xff\xfe", id="not-text"),
    ],
)
def test_a_state_that_is_missing_or_broken_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state.json"
    if content is not None:
        path.write_bytes(content)

    assert state_files.read(path) is None


def test_a_reader_never_sees_half_a_state(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state_files.write(path, {"value": 0})
    seen: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(state_files.read(path))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        state_files.write(path, {"value": number, "filling": "x" * 100_000})
    done.set()
    reader.join()

    assert seen
    assert None not in seen


def test_a_write_that_fails_leaves_the_state_before(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state_files.write(path, {"release": "churn@v1.0.0"})

    with pytest.raises(TypeError):
        state_files.write(path, {"release": object()})

    assert state_files.read(path) == {"release": "churn@v1.0.0"}


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo \xff\nthree\n")

    assert state_files.tail(log, lines=2) == "  two \N{REPLACEMENT CHARACTER}\n  three"


@pytest.mark.parametrize("content", [None, ""], ids=["missing", "empty"])
def test_the_tail_of_a_log_without_lines_says_so(tmp_path: Path, content: str | None) -> None:
    log = tmp_path / "log"
    if content is not None:
        log.write_text(content)

    assert state_files.tail(log) == "  (nothing)"
