import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from trainshed import dataset_files
from trainshed.dataset_files import Stamp
from trainshed.hash_process import HashProcess

CONTENTS = {"a": b"", "b c": b"abc", "d/é": b"x" * (3 << 20)}


@pytest.fixture
def files(tmp_path: Path) -> Mapping[str, Stamp]:
    (tmp_path / "d").mkdir()
    for path, content in CONTENTS.items():
        (tmp_path / path).write_bytes(content)
    return dataset_files.list_folder(tmp_path).files


@pytest.fixture
def process(tmp_path: Path) -> Iterator[HashProcess]:
    started = HashProcess(tmp_path)
    yield started
    started.close()


def test_the_process_hashes_one_request_after_another(
    process: HashProcess, files: Mapping[str, Stamp]
) -> None:
    expected = {path: hashlib.sha256(content).hexdigest() for path, content in CONTENTS.items()}

    assert process.hash(files) == expected
    assert process.hash(files) == expected


@pytest.mark.parametrize("change", ["grown", "removed"])
def test_a_changed_file_is_left_to_the_caller(
    process: HashProcess, files: Mapping[str, Stamp], tmp_path: Path, change: str
) -> None:
    if change == "grown":
        (tmp_path / "b c").write_bytes(b"abcd")
    else:
        (tmp_path / "b c").unlink()

    assert process.hash(files) is None


def test_what_a_process_that_cannot_start_should_hash_is_left_to_the_caller(
    process: HashProcess, files: Mapping[str, Stamp], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")

    assert process.hash(files) is None


def test_a_process_that_was_never_needed_is_closed_without_harm(tmp_path: Path) -> None:
    HashProcess(tmp_path).close()
