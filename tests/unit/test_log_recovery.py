import os
import subprocess
import sys
import time
from pathlib import Path

import logged
import pytest

from trainshed.serving import log_recovery, log_segment
from trainshed.serving.log_segment import OpenSegment

LINE = logged.line()
HOLDER = """
import sys
from pathlib import Path
import logged
from trainshed.serving import log_segment
segment = log_segment.create(Path(sys.argv[1]), writer="0" * 8, number=0, at=logged.AT, sync=False)
segment.append(logged.line(), rows=1, sync=False)
print("holds", flush=True)
sys.stdin.read()
"""


def left_open(folder: Path, content: bytes) -> Path:
    """Leave a segment as a killed process does."""
    segment = create(folder)
    segment.append(content, rows=1, sync=False)
    segment.let_go()
    return segment.path


def create(folder: Path) -> OpenSegment:
    return log_segment.create(folder, writer="3f2a9c01", number=0, at=logged.AT, sync=False)


def test_a_segment_cut_at_any_byte_keeps_each_row_that_is_whole(tmp_path: Path) -> None:
    content = b"".join(logged.line({}, request_id=f"r-{number}") for number in range(3))
    length = len(content) // 3

    for end in range(len(content) + 1):
        left_open(tmp_path / str(end), content[:end])
        log_recovery.recover(tmp_path / str(end))

        whole = [f"r-{number}" for number in range(end // length)]
        assert logged.ids(tmp_path / str(end)) == whole
        for segment in log_segment.segments(tmp_path / str(end)):
            assert segment.closing is not None
            assert segment.closing.recovered
            assert segment.closing.rows == len(whole)
            assert segment.path.stat().st_size == len(whole) * length
            assert log_segment.damage(segment) is None
        assert len(list((tmp_path / str(end)).iterdir())) == (2 if whole else 0)


def test_zeros_that_a_power_cut_left_at_the_end_are_taken_away(tmp_path: Path) -> None:
    path = left_open(tmp_path, LINE * 2 + bytes(4096))

    assert log_recovery.recover(tmp_path) == [log_segment.final_path(path)]

    assert log_segment.final_path(path).read_bytes() == LINE * 2


def test_rows_after_a_spoilt_one_are_kept(tmp_path: Path) -> None:
    left_open(tmp_path, LINE + bytes(10) + LINE[10:] + LINE)

    log_recovery.recover(tmp_path)

    (segment,) = log_segment.segments(tmp_path)
    assert segment.closing is not None
    assert segment.closing.rows == len(logged.ids(tmp_path)) == 2


def test_what_a_living_process_writes_is_left_alone_and_recovered_once_it_was_killed(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"

        assert log_recovery.recover(tmp_path) == []
        assert log_segment.segments(tmp_path)[0].is_open

        holder.kill()
        holder.wait()
        assert len(log_recovery.recover(tmp_path)) == 1
    assert logged.ids(tmp_path) == ["r-1"]


def test_recovering_again_changes_nothing(tmp_path: Path) -> None:
    left_open(tmp_path, LINE)
    log_recovery.recover(tmp_path)
    before = log_segment.segments(tmp_path)

    assert log_recovery.recover(tmp_path) == []

    assert log_segment.segments(tmp_path) == before


def test_a_recovery_killed_between_its_steps_is_finished_by_the_next(tmp_path: Path) -> None:
    path = left_open(tmp_path, LINE + LINE[:9])
    log_segment.final_path(path).with_suffix(".json").write_text("from before")

    log_recovery.recover(tmp_path)

    (segment,) = log_segment.segments(tmp_path)
    assert log_segment.damage(segment) is None
    assert segment.closing is not None


def test_a_folder_of_each_release_is_recovered(tmp_path: Path) -> None:
    left_open(tmp_path / "churn@v1.0.0", LINE)
    left_open(tmp_path / "unreleased", LINE)

    assert len(log_recovery.recover(tmp_path)) == 2


def test_what_cannot_be_recovered_now_is_told_and_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = left_open(tmp_path, LINE)
    in_the_way = log_segment.final_path(path).with_suffix(".json")
    in_the_way.mkdir()

    assert log_recovery.recover(tmp_path) == []

    assert f"{path} cannot be recovered now" in caplog.text
    in_the_way.rmdir()
    assert len(log_recovery.recover(tmp_path)) == 1


@pytest.mark.parametrize("suffix", [".jsonl.open", ".json"])
def test_what_never_got_its_name_is_removed_once_nobody_can_be_at_it(
    tmp_path: Path, suffix: str
) -> None:
    old, new = (
        tmp_path / f".20251124T160000125Z-3f2a9c01-00000{number}{suffix}" for number in (0, 1)
    )
    other = tmp_path / ".notes.json"
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (time.time() - 4000,) * 2)

    log_recovery.recover(tmp_path)

    assert sorted(tmp_path.iterdir()) == sorted([new, other])
