import hashlib
import os
import random
import subprocess
import sys
import time
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainshed import dataset, dataset_files
from trainshed.digest_cache import DigestCache

ROOT = Path(__file__).parents[2]
LATER_NS = 10**18  # added to a moment, it makes every file old enough to be kept

names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0\n\r\\"), min_size=1, max_size=9
).filter(lambda name: name not in {".", ".."})
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def _is_a_tree(files: Mapping[str, bytes]) -> bool:
    places = {str(place) for path in files for place in [Path(path), *Path(path).parents]}
    folders = {str(parent) for path in files for parent in Path(path).parents}
    return (
        any(files.values())
        and not folders & set(files)
        and len({unicodedata.normalize("NFC", place) for place in places}) == len(places)
    )


trees = st.dictionaries(paths, st.binary(max_size=30), min_size=1, max_size=8).filter(_is_a_tree)


@pytest.fixture
def write(tmp_path_factory: pytest.TempPathFactory):
    return _Writer(tmp_path_factory)


class _Writer:
    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory

    def __call__(self, files: Mapping[str, bytes]) -> Path:
        folder = self._factory.mktemp("data")
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder


def naive(folder: Path) -> str:
    found = [path for path in folder.rglob("*") if path.is_file()]
    lines = sorted(
        (os.fsencode(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in found
    )
    text = b"".join(sha256.encode() + b"  " + path + b"\n" for path, sha256 in lines)
    return hashlib.sha256(text).hexdigest()


def test_a_file_has_the_digest_that_sha256sum_prints(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(b"abc")

    assert dataset.digest(tmp_path / "train.csv") == dataset.Digest(
        sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        size=3,
        files=1,
        kind="file",
    )


def test_a_folder_has_the_digest_of_its_sorted_manifest(write) -> None:
    folder = write({"b.txt": b"abc", "a/c d.txt": b"", "a.txt": b"abc"})
    abc = hashlib.sha256(b"abc").hexdigest()
    empty = hashlib.sha256(b"").hexdigest()
    text = f"{abc}  a.txt\n{empty}  a/c d.txt\n{abc}  b.txt\n"

    assert dataset.manifest(folder) == text
    assert dataset.digest(folder) == dataset.Digest(
        sha256=hashlib.sha256(text.encode()).hexdigest(), size=6, files=3, kind="folder"
    )


def test_a_digest_never_changes_between_versions_of_trainshed(write) -> None:
    folder = write({"é/ü.txt": b"1", "z": b"2"})

    assert (
        dataset.digest(folder).sha256
        == "4c0c5aad306f20ff7a7760f4ab2bff93cbc9524ef217c3b20c65336379ea060d"
    )


@given(files=trees)
@settings(max_examples=60, deadline=None)
def test_any_folder_has_the_digest_that_a_naive_program_finds(
    files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = _Writer(tmp_path_factory)(files)

    assert dataset.digest(folder).sha256 == naive(folder)


@given(files=trees, seed=st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_digest_does_not_depend_on_place_order_times_or_empty_folders(
    files: dict[str, bytes], seed: random.Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write = _Writer(tmp_path_factory)
    shuffled = list(files.items())
    seed.shuffle(shuffled)
    folder, other = write(files), write(dict(shuffled))
    (other / "an empty folder").mkdir()
    for path in files:
        os.utime(other / path, (1, 1))

    assert dataset.digest(folder) == dataset.digest(other)


@given(files=trees, data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_changed_byte_and_any_new_name_change_the_digest(
    files: dict[str, bytes], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = _Writer(tmp_path_factory)(files)
    before = dataset.digest(folder).sha256
    path = folder / data.draw(st.sampled_from(sorted(files)))

    renamed = path.rename(path.with_name(path.name + "x"))
    after_rename = dataset.digest(folder).sha256
    content = renamed.read_bytes()
    renamed.write_bytes(bytes([content[0] ^ 1]) + content[1:] if content else b"x")
    renamed.rename(path)
    after_edit = dataset.digest(folder).sha256

    assert len({before, after_rename, after_edit}) == 3


def test_progress_goes_up_to_the_size(write) -> None:
    folder = write({f"{index}": b"x" * 1000 for index in range(5)})
    seen: list[tuple[int, int]] = []

    dataset.digest(folder, progress=lambda done, total: seen.append((done, total)))

    assert seen[-1] == (5000, 5000)
    assert seen == sorted(seen)


def test_only_a_folder_has_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(b"abc")

    with pytest.raises(dataset.DatasetIsNotAFolder):
        dataset.manifest(tmp_path / "train.csv")


@pytest.mark.parametrize("files", [{"a": b"", "b/c": b""}, {}], ids=["empty-files", "no-file"])
def test_a_folder_without_content_is_refused(write, files: dict[str, bytes]) -> None:
    with pytest.raises(dataset.DatasetIsEmpty):
        dataset.digest(write(files))


def test_a_file_without_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").touch()

    with pytest.raises(dataset.DatasetIsEmpty):
        dataset.digest(tmp_path / "train.csv")


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _replace(path: Path) -> None:
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").replace(path)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(bytes(3 << 20))

    with pytest.raises(dataset.DatasetChangedWhileRead, match=r"train\.csv changed"):
        dataset.digest(path, progress=lambda done, total: _append(path))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: _append(folder / "a/1"), id="grown"),
        pytest.param(lambda folder: _replace(folder / "a/1"), id="replaced"),
        pytest.param(lambda folder: (folder / "a/1").unlink(), id="removed"),
        pytest.param(lambda folder: (folder / "a/2").touch(), id="added"),
        pytest.param(lambda folder: (folder / "b").rmdir(), id="empty-folder-removed"),
    ],
)
def test_a_folder_that_changes_while_it_is_read_is_refused(write, change) -> None:
    folder = write({"a/1": b"one"})
    (folder / "b").mkdir()
    os.utime(folder / "a", (1, 1))  # long ago, so that a change within one clock tick shows
    changes = iter([change])

    def once(done: int, total: int) -> None:
        next(changes, lambda _: None)(folder)

    with pytest.raises(dataset.DatasetChangedWhileRead):
        dataset.digest(folder, progress=once)


@pytest.fixture
def cache(tmp_path: Path) -> DigestCache:
    return DigestCache(tmp_path / "cache" / "digests.sqlite")


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, cache: DigestCache) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(b"abc")
    _, stamp = dataset_files.look_at(path)
    cache.remember_file(path, stamp, "what was known", since_ns=time.time_ns() + LATER_NS)

    assert dataset.digest(path, cache=cache).sha256 == "what was known"
    _append(path)
    assert dataset.digest(path, cache=cache) == dataset.digest(path)


def test_of_a_changed_folder_only_the_changed_files_are_read_again(
    write, cache: DigestCache
) -> None:
    folder = write({"a": b"one", "b": b"two"})
    files = dataset_files.list_folder(folder).files
    cache.remember_folder(
        folder,
        files,
        {"a": "a" * 64, "b": "b" * 64},
        "what was known",
        since_ns=time.time_ns() + LATER_NS,
    )

    assert dataset.digest(folder, cache=cache).sha256 == "what was known"
    _append(folder / "b")
    new = hashlib.sha256(b"twomore").hexdigest()
    assert dataset.manifest(folder, cache=cache) == f"{'a' * 64}  a\n{new}  b\n"


def test_what_was_hashed_long_after_its_last_change_is_found_again(
    write, cache: DigestCache
) -> None:
    folder = write({"a": b"one", "b": b"two"})
    files = dataset_files.list_folder(folder).files
    changed_ns = max(map(dataset_files.changed_ns, files.values()))

    dataset.digest(folder, cache=cache)
    assert cache.folder(folder, files) is None
    while time.time_ns() < changed_ns + 2_100_000_000:
        time.sleep(0.05)
    digest = dataset.digest(folder, cache=cache)

    assert cache.folder(folder, files) == digest.sha256 == naive(folder)


def _command_line(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainshed.dataset", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_line_prints_digests_as_sha256sum_does(write, tmp_path: Path) -> None:
    folder = write({"a": b"one"})
    cache = tmp_path / "digests.sqlite"

    finished = _command_line("--cache", cache, folder, folder / "a")

    one = hashlib.sha256(b"one").hexdigest()
    assert finished.stdout == f"{naive(folder)}  {folder}\n{one}  {folder / 'a'}\n"
    assert cache.exists()


def test_the_command_line_ends_with_the_code_of_an_error(tmp_path: Path) -> None:
    finished = _command_line("--no-cache", tmp_path / "nothing")

    assert finished.returncode == 2
    assert "error[dataset-is-missing]: There is no dataset at" in finished.stderr
