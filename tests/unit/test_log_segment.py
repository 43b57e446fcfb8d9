import errno
import json
import os
from pathlib import Path

import logged
import pytest

from trainshed.serving import log_reader, log_segment
from trainshed.serving.log_segment import OpenSegment, Segment

LINE = logged.line()


def create(folder: Path, *, number: int = 0, writer: str = "3f2a9c01") -> OpenSegment:
    return log_segment.create(folder, writer=writer, number=number, at=logged.AT, sync=True)


def closed(folder: Path, *, rows: int = 3, number: int = 0) -> Segment:
    segment = create(folder, number=number)
    segment.append(LINE * rows, rows=rows, sync=False)
    segment.close(sync=True)
    return log_segment.segments(folder)[-1]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_open_segment_is_named_by_its_time_writer_and_number(tmp_path: Path) -> None:
    create(tmp_path / "churn@v1.2.0", number=7)

    assert names(tmp_path / "churn@v1.2.0") == ["20251124T160000125Z-3f2a9c01-000007.jsonl.open"]


def test_a_closed_segment_says_what_it_holds(tmp_path: Path) -> None:
    segment = closed(tmp_path, rows=3)

    assert names(tmp_path) == [
        "20251124T160000125Z-3f2a9c01-000000.json",
        "20251124T160000125Z-3f2a9c01-000000.jsonl",
    ]
    assert segment.closing is not None
    assert (segment.closing.rows, segment.closing.bytes) == (3, 3 * len(LINE))
    assert segment.closing.segment == segment.path.name == segment.name
    assert not segment.closing.recovered
    assert log_segment.damage(segment) is None


def test_a_segment_without_rows_leaves_nothing(tmp_path: Path) -> None:
    create(tmp_path).close(sync=False)

    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param(lambda content: content[:-1], "was closed with", id="shorter"),
        pytest.param(lambda content: content.replace(b'"no"', b'"ok"'), "sha256 is", id="changed"),
    ],
)
def test_damage_is_told(tmp_path: Path, spoil, told: str) -> None:
    segment = closed(tmp_path)

    segment.path.write_bytes(spoil(segment.path.read_bytes()))

    damage = log_segment.damage(segment)
    assert damage is not None
    assert told in damage


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"rows": 3}'])
def test_a_segment_about_which_nothing_is_said_is_still_read(
    tmp_path: Path, content: str | None
) -> None:
    about = closed(tmp_path).path.with_suffix(".json")
    if content is None:
        about.unlink()
    else:
        about.write_text(content)

    (segment,) = log_segment.segments(tmp_path)

    assert segment.closing is None
    assert log_segment.damage(segment) == "nothing says what it should hold"
    assert len(list(log_reader.records(segment))) == 3


def test_segments_are_those_of_all_folders_in_the_order_of_their_opening(tmp_path: Path) -> None:
    for number, folder in enumerate(["b", "a", "b/c"]):
        closed(tmp_path / folder, number=number)
    create(tmp_path / "a", number=3)
    for other in ("predictions.jsonl", "20251124T160000125Z.jsonl", "notes.json"):
        (tmp_path / other).write_text("")

    found = log_segment.segments(tmp_path)

    assert [segment.path.parent.name for segment in found] == ["b", "a", "c", "a"]
    assert [segment.is_open for segment in found] == [False, False, False, True]


def test_a_folder_that_is_not_there_has_no_segments(tmp_path: Path) -> None:
    assert log_segment.segments(tmp_path / "none") == []


def test_a_segment_seen_under_both_names_is_one(tmp_path: Path) -> None:
    segment = closed(tmp_path)
    os.link(segment.path, f"{segment.path}.open")

    (found,) = log_segment.segments(tmp_path)

    assert found == segment


def test_a_segment_closed_after_it_was_found_is_read_under_its_new_name(tmp_path: Path) -> None:
    writing = create(tmp_path)
    writing.append(LINE, rows=1, sync=False)
    (found,) = log_segment.segments(tmp_path)

    writing.close(sync=False)

    assert found.is_open
    assert len(list(log_reader.records(found))) == 1


def test_a_segment_removed_after_it_was_found_has_no_rows(tmp_path: Path) -> None:
    segment = closed(tmp_path)

    segment.path.unlink()

    assert list(log_reader.records(segment)) == []


def test_an_open_segment_is_read_up_to_its_last_whole_row(tmp_path: Path) -> None:
    segment = create(tmp_path)

    segment.append(LINE * 2 + LINE[:-1], rows=3, sync=False)

    assert logged.ids(tmp_path) == ["r-1", "r-1"]


def test_what_a_power_cut_spoilt_is_passed_over_and_what_follows_is_read(tmp_path: Path) -> None:
    segment = closed(tmp_path, rows=4)
    content = bytearray(segment.path.read_bytes())

    content[len(LINE) + 5 : 2 * len(LINE) + 5] = bytes(len(LINE))
    segment.path.write_bytes(content)

    assert logged.ids(tmp_path) == ["r-1", "r-1"]


def test_a_write_that_fails_midway_leaves_no_part_of_it(tmp_path: Path) -> None:
    """In a process of its own: nobody else may be kept from writing long files."""
    program = os.fork()
    if program == 0:  # pragma: no cover
        os._exit(_fail_midway(tmp_path))
    assert os.waitstatus_to_exitcode(os.waitpid(program, 0)[1]) == errno.EFBIG

    (segment,) = log_segment.segments(tmp_path)
    assert segment.path.read_bytes() == LINE * 3
    assert segment.closing is not None
    assert segment.closing.rows == 3
    assert log_segment.damage(segment) is None


def _fail_midway(folder: Path) -> int:
    import resource

    segment = create(folder)
    segment.append(LINE * 2, rows=2, sync=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(LINE) * 7 // 2, resource.RLIM_INFINITY))
    try:
        segment.append(LINE * 4, rows=4, sync=True)
    except OSError as error:
        segment.append(LINE, rows=1, sync=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**30, resource.RLIM_INFINITY))
        segment.close(sync=True)
        return error.errno
    return 0


def test_a_segment_that_cannot_be_closed_now_is_still_open(tmp_path: Path) -> None:
    segment = create(tmp_path)
    segment.append(LINE, rows=1, sync=False)
    in_the_way = log_segment.final_path(segment.path).with_suffix(".json")
    in_the_way.mkdir()

    with pytest.raises(IsADirectoryError):
        segment.close(sync=True)

    in_the_way.rmdir()
    segment.append(LINE, rows=1, sync=False)
    segment.close(sync=True)
    (found,) = log_segment.segments(tmp_path)
    assert found.closing is not None
    assert found.closing.rows == 2
    assert log_segment.damage(found) is None
    assert json.loads(in_the_way.read_text())["rows"] == 2
    assert len(names(tmp_path)) == 2
