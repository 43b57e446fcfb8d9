import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from trainshed import dataset_files, hashing
from trainshed.dataset_files import DatasetCannotBeRead, DatasetChangedWhileRead, Stamp

LARGE = 9 << 20  # bytes: a chunk of its own, hashed by a thread


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two large and 700 small files: several chunks of both sorts."""
    for index in range(700):
        path = tmp_path / f"{index % 3}/{index}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"%d" % index * index)
    for index in range(2):
        (tmp_path / f"large {index}").write_bytes(b"%d" % index * LARGE)
    return tmp_path


def _files(folder: Path) -> Mapping[str, Stamp]:
    return dataset_files.list_folder(folder).files


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_way_of_hashing_finds_the_same(folder: Path, threads: int) -> None:
    files = _files(folder)

    found = hashing.hash_files(folder, files, threads=threads)

    assert found == {
        path: hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in files
    }


@pytest.mark.parametrize("threads", [1, 3])
def test_every_byte_is_reported_in_the_callers_thread(folder: Path, threads: int) -> None:
    files = _files(folder)
    reported: list[int] = []

    def report(count: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        reported.append(count)

    hashing.hash_files(folder, files, threads=threads, report=report)

    assert sum(reported) == sum(map(dataset_files.size_of, files.values()))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("path", ["0/300", "large 1"])
def test_a_file_with_another_stamp_is_named(folder: Path, threads: int, path: str) -> None:
    files = _files(folder)
    with (folder / path).open("ab") as file:
        file.write(b"more")

    with pytest.raises(DatasetChangedWhileRead, match=f"{path} changed"):
        hashing.hash_files(folder, files, threads=threads)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("path", ["0/300", "large 1"])
def test_a_file_that_cannot_be_read_is_named(folder: Path, threads: int, path: str) -> None:
    files = _files(folder)
    (folder / path).unlink()
    (folder / path).mkdir()  # root reads whatever permissions say, but no folder as a file

    with pytest.raises(DatasetCannotBeRead, match=f"{path} cannot be read: Is a directory"):
        hashing.hash_files(folder, files, threads=threads)


def test_no_thread_is_left_after_an_error(folder: Path) -> None:
    files = _files(folder)

    def report(count: int) -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        hashing.hash_files(folder, files, threads=3, report=report)

    assert threading.active_count() == before


def test_it_is_safe_beside_other_threads(folder: Path) -> None:
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        files = _files(folder)
        assert hashing.hash_files(folder, files, threads=3) == hashing.hash_files(
            folder, files, threads=1
        )
    finally:
        stop.set()
        other.join()


def test_nothing_to_hash_is_nothing_found(tmp_path: Path) -> None:
    assert hashing.hash_files(tmp_path, {}) == {}
