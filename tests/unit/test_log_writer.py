import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import logged
import pytest

from trainshed.serving import log_segment
from trainshed.serving.log_policy import Identity, Policy
from trainshed.serving.log_record import Answered
from trainshed.serving.log_writer import LogIsNotWritten, LogWriter

Make = Callable[..., LogWriter]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make writers of this test's folder; close them at its end."""
    made: list[LogWriter] = []

    def one(*, identity: Identity = logged.IDENTITY, **policy: Any) -> LogWriter:
        made.append(LogWriter(tmp_path, Policy(**policy), identity))
        return made[-1]

    yield one
    for writer in made:
        writer.close()


def write(writer: LogWriter, *requests: Answered) -> list[BaseException | None]:
    """Write all at once, and return what each was told."""

    async def all_of_them() -> list[BaseException | None]:
        return await asyncio.gather(*map(writer.write, requests), return_exceptions=True)

    return asyncio.run(all_of_them())


def requests(number: int, **changes: Any) -> list[Answered]:
    return [logged.answered(f"r-{one}", **changes) for one in range(number)]


@pytest.mark.parametrize("sync", ["always", "interval", "off"])
def test_a_row_is_in_the_log_when_its_answer_may_go(tmp_path: Path, make: Make, sync: str) -> None:
    writer = make(sync=sync)

    async def ask() -> None:
        for number in range(5):
            await writer.write(logged.answered(f"r-{number}"))
            assert logged.ids(tmp_path) == [f"r-{one}" for one in range(number + 1)]

    asyncio.run(ask())
    assert [one.is_open for one in log_segment.segments(tmp_path)] == [True]


def test_many_that_wait_share_a_write_and_keep_their_order(tmp_path: Path, make: Make) -> None:
    writer = make(sync="always")

    told = write(writer, *requests(500, rows=2))
    writer.close()

    assert told == [None] * 500
    assert logged.ids(tmp_path) == [f"r-{one}" for one in range(500) for _ in range(2)]
    times = [record.time for record in logged.records(tmp_path)]
    assert times == sorted(times)
    assert writer.counts.written == 1000
    assert writer.counts.groups < 100
    assert writer.counts.bytes == sum(
        one.path.stat().st_size for one in log_segment.segments(tmp_path)
    )


def test_a_release_has_a_folder_of_its_own_and_so_have_unreleased_runs(
    tmp_path: Path, make: Make
) -> None:
    for identity in (logged.IDENTITY, Identity(release=None, dataset="da" * 32)):
        writer = make(identity=identity)
        write(writer, logged.answered())
        writer.close()

    folders = {one.path.parent.name for one in log_segment.segments(tmp_path)}
    assert folders == {"churn@v1.2.0", "unreleased"}


def test_a_large_segment_is_closed_and_the_next_one_begun(tmp_path: Path, make: Make) -> None:
    writer = make(segment_bytes=2000, sync="off")

    for one in requests(30):
        write(writer, one)
    writer.close()

    found = log_segment.segments(tmp_path)
    assert len(found) == writer.counts.segments >= 4
    assert all(one.closing is not None for one in found)
    assert [log_segment.damage(one) for one in found] == [None] * len(found)
    assert sum(one.closing.rows for one in found if one.closing) == 30
    assert logged.ids(tmp_path) == [f"r-{one}" for one in range(30)]


def test_an_old_segment_is_closed_though_nobody_asks_any_more(tmp_path: Path, make: Make) -> None:
    writer = make(segment_seconds=0.05)

    write(writer, logged.answered())
    while not writer.counts.segments:
        threading.Event().wait(0.005)

    (found,) = log_segment.segments(tmp_path)
    assert found.closing is not None
    write(writer, logged.answered("r-2"))
    assert logged.ids(tmp_path) == ["r-1", "r-2"]


def test_a_segment_without_rows_is_never_old(make: Make) -> None:
    writer = make(segment_seconds=1e-9)

    writer.close()

    assert writer.counts.segments == 0
    assert list(writer.folder.iterdir()) == []


def test_several_workers_share_a_folder(tmp_path: Path, make: Make) -> None:
    writers = [make(segment_bytes=5000) for _ in range(3)]

    for number, writer in enumerate(writers):
        write(writer, *(logged.answered(f"{number}-{one}") for one in range(40)))
    for writer in writers:
        writer.close()

    assert sorted(logged.ids(tmp_path)) == sorted(
        f"{number}-{one}" for number in range(3) for one in range(40)
    )


def test_what_was_left_open_anywhere_in_the_log_is_recovered_at_start(
    tmp_path: Path, make: Make
) -> None:
    left = log_segment.create(
        tmp_path / "churn@v1.1.0", writer="0" * 8, number=0, at=logged.AT, sync=False
    )
    left.append(logged.line() + b'{"schema":1,"rel', rows=1, sync=False)
    left.let_go()

    writer = make()
    write(writer, logged.answered("r-2"))
    writer.close()

    assert writer.counts.recovered == 1
    assert logged.ids(tmp_path) == ["r-1", "r-2"]
    assert not [one for one in log_segment.segments(tmp_path) if one.is_open]


def test_a_sample_is_kept_and_the_rest_counted(tmp_path: Path, make: Make) -> None:
    writer = make(sample=0.5)

    write(writer, *requests(100, rows=2))
    writer.close()

    kept = {one for one in (f"r-{n}" for n in range(100)) if Policy(sample=0.5).samples(one)}
    assert set(logged.ids(tmp_path)) == kept
    assert writer.counts.written == 2 * len(kept)
    assert writer.counts.sampled_out == 2 * (100 - len(kept))


def test_a_row_that_has_no_form_in_json_fails_alone(tmp_path: Path, make: Make) -> None:
    told = write(make(), logged.answered("a"), logged.answered("b", predictions=[object()]))

    assert told[0] is None
    assert isinstance(told[1], ValueError)
    assert logged.ids(tmp_path) == ["a"]


def test_a_caller_who_leaves_takes_nobody_along(tmp_path: Path, make: Make) -> None:
    writer = make()

    async def leave() -> None:
        first = asyncio.ensure_future(writer.write(logged.answered("left")))
        second = asyncio.ensure_future(writer.write(logged.answered("stayed")))
        await asyncio.sleep(0)
        first.cancel()
        await second

    asyncio.run(leave())
    assert logged.ids(tmp_path) == ["left", "stayed"]


def test_a_loop_that_ended_does_not_stop_the_writer(tmp_path: Path, make: Make) -> None:
    writer = make()

    async def leave() -> None:
        left = asyncio.ensure_future(writer.write(logged.answered("left")))
        await asyncio.sleep(0)
        left.cancel()

    asyncio.run(leave())
    write(writer, logged.answered("stayed"))
    assert logged.ids(tmp_path) == ["left", "stayed"]


def test_closing_writes_what_waits_and_ends_every_thread(tmp_path: Path, make: Make) -> None:
    before = threading.active_count()
    writer = make(sync="interval", sync_seconds=1000.0)

    async def close() -> list[BaseException | None]:
        waiting = [asyncio.ensure_future(writer.write(one)) for one in requests(20)]
        await asyncio.sleep(0)
        writer.close()
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert asyncio.run(close()) == [None] * 20
    assert len(logged.ids(tmp_path)) == 20
    assert threading.active_count() == before


def test_a_closed_log_takes_no_more(make: Make) -> None:
    writer = make()
    writer.close()
    writer.close()

    (told,) = write(writer, logged.answered())

    assert isinstance(told, LogIsNotWritten)
    assert "it was closed" in told.problem


@pytest.mark.parametrize("on_full", ["reject", "drop_and_count"])
def test_more_than_may_wait_is_not_taken(tmp_path: Path, make: Make, on_full: str) -> None:
    writer = make(queue_bytes=3000, on_full=on_full)
    large = logged.answered("large", text="x" * 5000)

    told = write(writer, large, *requests(3, text="y" * 500))
    told += write(writer, logged.answered("later"))

    refused = [type(one) for one in told].count(LogIsNotWritten)
    assert logged.ids(tmp_path) == ["large", "later"]  # alone, even the largest is taken
    assert refused == writer.counts.rejected == (3 if on_full == "reject" else 0)
    assert writer.counts.dropped == (0 if on_full == "reject" else 3)


@pytest.mark.parametrize("on_full", ["reject", "drop_and_count"])
def test_a_folder_that_cannot_be_made_is_refused_at_start(
    tmp_path: Path, make: Make, on_full: str
) -> None:
    (tmp_path / "churn@v1.2.0").write_text("a file in the way")

    with pytest.raises(LogIsNotWritten, match=r"churn@v1\.2\.0 cannot be written: File exists"):
        make(on_full=on_full)


def test_a_folder_that_was_removed_is_begun_again(tmp_path: Path, make: Make) -> None:
    writer = make()
    write(writer, logged.answered("lost"))
    for path in writer.folder.iterdir():
        path.unlink()
    writer.folder.rmdir()

    write(writer, logged.answered("kept"))

    assert logged.ids(tmp_path) == ["kept"]


def test_a_segment_that_cannot_be_closed_is_left_to_the_next_start(
    tmp_path: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    writer = make(segment_bytes=1000)
    (path,) = writer.folder.iterdir()
    in_the_way = log_segment.final_path(path).with_suffix(".json")
    in_the_way.mkdir()

    for one in requests(8):
        write(writer, one)
    writer.close()

    assert f"{path} cannot be closed now: Is a directory" in caplog.text
    assert logged.ids(tmp_path) == [f"r-{one}" for one in range(8)]
    in_the_way.rmdir()
    make().close()
    assert logged.ids(tmp_path) == [f"r-{one}" for one in range(8)]
    assert not [one for one in log_segment.segments(tmp_path) if one.is_open]


def test_interval_brings_rows_to_the_disk_without_being_asked_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = threading.Event()
    fdatasync = os.fdatasync

    def told(file: int) -> None:
        fdatasync(file)
        synced.set()

    monkeypatch.setattr(os, "fdatasync", told)
    writer = make(sync="interval", sync_seconds=0.01)

    write(writer, logged.answered())

    assert synced.wait(60)


def test_off_never_waits_for_the_disk(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, synced.append)
    writer = make(sync="off", segment_bytes=500)

    write(writer, *requests(5))
    writer.close()

    assert writer.counts.segments > 0
    assert synced == []
