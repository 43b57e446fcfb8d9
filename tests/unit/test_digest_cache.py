import multiprocessing
import random
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainshed.digest_cache import DigestCache

A, B = "a" * 64, "b" * 64
SECOND_NS = 1_000_000_000
CHANGED_NS = 1_700_000_000 * SECOND_NS
LATER_NS = CHANGED_NS + 3 * SECOND_NS
FOLDER = Path("/data/images")


def _stamp(*, size: int = 3, mtime_ns: int = 1, ctime_ns: int = CHANGED_NS, inode: int = 7) -> str:
    return f"{size} {mtime_ns} {ctime_ns} {inode}"


FILES = {"x/1": _stamp(inode=1), "x/2": _stamp(inode=2)}


@pytest.fixture
def cache(tmp_path: Path) -> DigestCache:
    return DigestCache(tmp_path / "state" / "digests.sqlite")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "digests.sqlite"


def _fill(cache: DigestCache) -> None:
    cache.remember_folder(FOLDER, FILES, {"x/1": A, "x/2": B}, A, since_ns=LATER_NS)
    cache.remember_blob("12ab", A)


def _edit(path: Path, statement: str) -> None:
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


def test_a_new_cache_knows_nothing(cache: DigestCache) -> None:
    assert cache.blob("12ab") is None
    assert cache.folder(FOLDER, FILES) is None
    assert cache.files(FOLDER, FILES) == {}
    assert cache.file(FOLDER / "x", _stamp()) is None


def test_what_was_remembered_is_found_by_another_opener(cache: DigestCache, path: Path) -> None:
    _fill(cache)
    other = DigestCache(path)

    assert other.folder(FOLDER, FILES) == A
    assert other.files(FOLDER, FILES) == {"x/1": A, "x/2": B}
    assert other.blob("12ab") == A


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(_stamp(size=4), id="size"),
        pytest.param(_stamp(mtime_ns=2), id="mtime"),
        pytest.param(_stamp(ctime_ns=CHANGED_NS + 1), id="ctime"),
        pytest.param(_stamp(inode=8), id="inode"),
    ],
)
def test_a_file_with_another_stamp_is_unknown(cache: DigestCache, other: str) -> None:
    cache.remember_file(FOLDER, _stamp(), A, since_ns=LATER_NS)
    cache.remember_folder(FOLDER, {"x": _stamp()}, {"x": A}, B, since_ns=LATER_NS)

    assert cache.file(FOLDER, _stamp()) == A
    assert cache.file(FOLDER, other) is None
    assert cache.folder(FOLDER, {"x": other}) is None
    assert cache.files(FOLDER, {"x": other}) == {}


def test_a_file_is_known_by_its_absolute_path(
    cache: DigestCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.remember_file(tmp_path / "a", _stamp(), A, since_ns=LATER_NS)
    monkeypatch.chdir(tmp_path)

    assert cache.file(Path("a"), _stamp()) == A
    assert cache.file(Path("b/../a"), _stamp()) == A
    assert cache.file(Path("b"), _stamp()) is None


def test_a_path_that_is_not_utf8_is_known_too(cache: DigestCache) -> None:
    odd = Path("/data/a\udcffb")
    cache.remember_file(odd, _stamp(), A, since_ns=LATER_NS)

    assert cache.file(odd, _stamp()) == A


@pytest.mark.parametrize("which", ["mtime_ns", "ctime_ns"])
@pytest.mark.parametrize("age_ns", [0, 2 * SECOND_NS, -5 * SECOND_NS])
def test_a_file_that_changed_within_two_seconds_is_not_kept(
    cache: DigestCache, which: str, age_ns: int
) -> None:
    stamp = _stamp(**{"ctime_ns": 1, which: CHANGED_NS})

    cache.remember_file(FOLDER, stamp, A, since_ns=CHANGED_NS + age_ns)

    assert cache.file(FOLDER, stamp) is None


def test_of_a_folder_with_a_new_file_only_the_others_are_kept(cache: DigestCache) -> None:
    files = {**FILES, "new": _stamp(ctime_ns=LATER_NS)}

    cache.remember_folder(FOLDER, files, {"x/1": A, "x/2": B, "new": A}, B, since_ns=LATER_NS)

    assert cache.folder(FOLDER, files) is None
    assert cache.files(FOLDER, files) == {"x/1": A, "x/2": B}


def test_a_folder_with_a_removed_or_renamed_file_is_unknown(cache: DigestCache) -> None:
    _fill(cache)

    assert cache.folder(FOLDER, {"x/1": FILES["x/1"]}) is None
    assert cache.folder(FOLDER, {"x/1": FILES["x/1"], "x/3": FILES["x/2"]}) is None


def test_a_name_with_any_separator_in_it_is_known(cache: DigestCache) -> None:
    files = {"a b\x0b\x0c\x1c\x85\u2028": _stamp()}
    hashes = dict.fromkeys(files, A)

    cache.remember_folder(FOLDER, files, hashes, B, since_ns=LATER_NS)

    assert cache.files(FOLDER, files) == hashes


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"not a database, " * 1000, id="garbage"),
        pytest.param(b"SQLite format 3\0" + b"\xff" * 5000, id="broken-database"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_broken_file_is_rebuilt(cache: DigestCache, path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    _fill(cache)

    assert cache.blob("12ab") == A


def test_a_truncated_file_is_rebuilt(cache: DigestCache, path: Path) -> None:
    _fill(cache)
    path.write_bytes(path.read_bytes()[:5000])

    assert cache.blob("12ab") in {A, None}
    _fill(cache)
    assert cache.blob("12ab") == A


def test_a_database_of_another_program_is_set_aside_whole(cache: DigestCache, path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE theirs (x)")
    theirs.close()

    _fill(cache)

    assert cache.blob("12ab") == A
    kept = sqlite3.connect(path.with_name("digests.sqlite.discarded"))
    assert kept.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    kept.close()


def test_a_cache_of_another_version_is_replaced(cache: DigestCache, path: Path) -> None:
    _fill(cache)
    _edit(path, "DROP TABLE known")
    _edit(path, "CREATE TABLE known (something_else)")
    _edit(path, "PRAGMA user_version = 99")

    assert cache.blob("12ab") is None
    _fill(cache)
    assert cache.blob("12ab") == A


@pytest.mark.parametrize("place", ["/proc/none/digests.sqlite", "/dev/null/digests.sqlite"])
def test_where_no_file_can_be_made_nothing_is_known_and_nothing_fails(place: str) -> None:
    cache = DigestCache(Path(place))

    _fill(cache)

    assert cache.blob("12ab") is None


def test_a_folder_in_its_place_is_not_a_failure(path: Path, cache: DigestCache) -> None:
    path.mkdir(parents=True)

    _fill(cache)

    assert cache.blob("12ab") is None


def test_rows_that_nobody_renewed_for_two_months_are_dropped(
    cache: DigestCache, path: Path
) -> None:
    _fill(cache)
    _edit(path, "UPDATE known SET day = day - 61")

    cache.remember_blob("56ef", B)

    assert cache.blob("12ab") is None
    assert cache.blob("56ef") == B


def test_a_row_whose_content_was_damaged_is_unknown(cache: DigestCache, path: Path) -> None:
    _fill(cache)
    _edit(path, "UPDATE known SET value = replace(CAST(value AS TEXT), 'aaaa', 'abaa')")
    _edit(path, "UPDATE known SET value = CAST(value AS BLOB)")

    assert cache.blob("12ab") is None
    assert cache.folder(FOLDER, FILES) is None
    assert cache.files(FOLDER, FILES) == {}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "digests.sqlite"
    _fill(DigestCache(path))
    return path


@given(damage=st.lists(st.tuples(st.integers(0), st.integers(1, 255)), min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_whatever_bytes_are_damaged_no_wrong_digest_is_found(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "digests.sqlite"
    content = bytearray(whole.read_bytes())
    for place, change in damage:
        content[place % len(content)] ^= change
    path.write_bytes(content)
    cache = DigestCache(path)

    assert cache.blob("12ab") in {A, None}
    assert cache.folder(FOLDER, FILES) in {A, None}
    assert cache.files(FOLDER, FILES) in ({"x/1": A, "x/2": B}, {})
    cache.remember_blob("12ab", A)
    shutil.rmtree(path.parent)


def _remember_many(path: Path, name: str) -> None:
    cache = DigestCache(path)
    for index in range(30):
        cache.remember_blob(f"{name}-{index}", A)


def test_processes_write_at_once_and_nothing_is_lost(path: Path, cache: DigestCache) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_remember_many, args=(path, name)) for name in "pq"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert all(cache.blob(f"{name}-{index}") == A for name in "pq" for index in range(30))


def test_a_process_killed_while_writing_leaves_a_cache_that_works(
    path: Path, cache: DigestCache
) -> None:
    cache.remember_blob("12ab", A)
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_remember_forever, args=(path,))
    writer.start()
    while cache.blob("started") is None:
        time.sleep(0.01)
    writer.kill()
    writer.join()

    assert cache.blob("12ab") == A
    cache.remember_blob("12ab", B)
    assert cache.blob("12ab") == B
    assert not path.with_name("digests.sqlite.discarded").exists()


def _remember_forever(path: Path) -> None:
    cache = DigestCache(path)
    while True:
        cache.remember_folder(
            FOLDER, FILES, dict.fromkeys(FILES, A), f"{random.random()}", since_ns=LATER_NS
        )
        cache.remember_blob("started", A)
