import json
import multiprocessing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import serving_run

from trainshed.serving import served
from trainshed.serving.inference_log import InferenceLog, LogCannotBeWritten
from trainshed.serving.served import Served


@pytest.fixture
def release(tmp_path: Path) -> Served:
    run = serving_run.write_run(tmp_path / "run", b"weights")
    return served.read(run, serving_run.write_manifest(tmp_path / "manifest.json", run))


def append(log: InferenceLog, *, rows: int = 1, text: str = "") -> None:
    log.append(
        request_id="r-1",
        rows=[{"a": row, "text": text} for row in range(rows)],
        predictions=[{"prediction": "no"}] * rows,
        latency_ms=1.23456,
    )


def lines(log: InferenceLog) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.path.read_text().splitlines() if line]


def test_every_row_is_a_line_that_says_what_answered_it(tmp_path: Path, release: Served) -> None:
    log = InferenceLog(tmp_path / "logs", release)

    append(log, rows=2)

    first, second = lines(log)
    assert log.path == tmp_path / "logs" / "churn@v1.1.0" / "predictions.jsonl"
    assert datetime.fromisoformat(first.pop("time")).utcoffset() == timedelta(0)
    assert first == {
        "request_id": "r-1",
        "row": 0,
        "release": "churn@v1.1.0",
        "run_id": "ab" * 32,
        "dataset": "da" * 32,
        "input": {"a": 0, "text": ""},
        "prediction": {"prediction": "no"},
        "latency_ms": 1.235,
    }
    assert second["row"] == 1


def test_an_unreleased_run_has_a_folder_of_its_own(tmp_path: Path) -> None:
    run = serving_run.write_run(tmp_path / "run", b"weights")
    log = InferenceLog(tmp_path / "logs", served.read(run))

    append(log)

    assert log.path.parent.name == "unreleased"
    assert lines(log)[0]["release"] is None


def test_a_line_break_in_a_value_does_not_break_a_line(tmp_path: Path, release: Served) -> None:
    log = InferenceLog(tmp_path, release)

    append(log, text="one\ntwo\u2028three\ud800")

    assert lines(log)[0]["input"]["text"] == "one\ntwo\u2028three\ud800"


def test_a_line_cut_short_spoils_only_itself(tmp_path: Path, release: Served) -> None:
    log = InferenceLog(tmp_path, release)
    append(log)
    with log.path.open("a") as file:
        file.write('{"time": "20')

    append(log)

    kept = log.path.read_text().splitlines()
    assert len(kept) == 3
    assert kept[1] == '{"time": "20'
    assert json.loads(kept[2])["row"] == 0


def test_a_log_moved_away_for_rotation_is_begun_again(tmp_path: Path, release: Served) -> None:
    log = InferenceLog(tmp_path, release)
    append(log)
    log.path.rename(tmp_path / "old.jsonl")

    append(log, rows=2)

    assert len(lines(log)) == 2


def test_a_full_disk_is_an_error_not_an_unlogged_answer(tmp_path: Path, release: Served) -> None:
    log = InferenceLog(tmp_path, release)
    log.path.symlink_to("/dev/full")

    with pytest.raises(LogCannotBeWritten, match="No space left on device"):
        append(log)


def test_a_folder_that_cannot_be_made_is_refused_at_start(tmp_path: Path, release: Served) -> None:
    (tmp_path / "logs").write_text("a file in the way")

    with pytest.raises(LogCannotBeWritten, match=r"predictions\.jsonl cannot be written"):
        InferenceLog(tmp_path / "logs", release)


def _append_often(log: InferenceLog) -> None:
    for _ in range(50):
        append(log, rows=20, text="x" * 500)


def test_two_servers_of_one_release_never_mix_their_lines(tmp_path: Path, release: Served) -> None:
    log = InferenceLog(tmp_path, release)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_often, args=(log,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    rows = [line["row"] for line in lines(log)]

    assert rows == list(range(20)) * 100
