"""A full disk: a real one of 64 KB and 20 files, which only the program sees; later made larger."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import asyncio, json, logging, subprocess, sys
from pathlib import Path
import logged
from trainshed.serving import log_segment
from trainshed.serving.log_policy import Policy
from trainshed.serving.log_writer import LogIsNotWritten, LogWriter

logging.basicConfig(format="%(levelname)s %(message)s")
folder, on_full, sync = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

async def ask(writer, numbers):
    async def one(number):
        try:
            await writer.write(logged.answered(f"r-{number}", text="x" * 700))
        except LogIsNotWritten:
            return "refused"
        return "answered"
    return await asyncio.gather(*map(one, numbers))

async def main():
    policy = Policy(on_full=on_full, sync=sync, segment_bytes=int(sys.argv[4]))
    writer = LogWriter(folder, policy, logged.IDENTITY)
    told = []
    while not writer.is_failing:
        told += await ask(writer, range(len(told), len(told) + 7))
    for _ in range(3):
        told += await ask(writer, range(len(told), len(told) + 7))
    assert writer.is_failing
    subprocess.run(["mount", "-o", "remount,size=1m,nr_inodes=100", folder], check=True)
    told += await ask(writer, range(len(told), len(told) + 7))
    writer.close()
    return writer, told

writer, told = asyncio.run(main())
found = log_segment.segments(folder)
print(json.dumps({
    "told": told,
    "logged": logged.ids(folder),
    "counts": [writer.counts.written, writer.counts.dropped, writer.counts.rejected],
    "open": [one.path.name for one in found if one.is_open],
    "damage": [log_segment.damage(one) for one in found],
}))
"""
START = """
import logging, sys
from pathlib import Path
import logged
from trainshed.serving.log_policy import Policy
from trainshed.serving.log_writer import LogIsNotWritten, LogWriter

folder = Path(sys.argv[1])
for number in range(20):
    try:
        (folder / str(number)).touch()
    except OSError:
        break
try:
    LogWriter(folder, Policy(on_full=sys.argv[2], sync=sys.argv[3]), logged.IDENTITY).close()
except LogIsNotWritten as error:
    print(error.problem)
else:
    print("begun")
"""


SEGMENT = "1000000"  # bytes
MODES = pytest.mark.parametrize(
    ("sync", "segment"),
    [
        pytest.param("always", SEGMENT, id="always"),
        pytest.param("off", SEGMENT, id="off"),
        pytest.param("off", "3000", id="no-room-to-close-a-segment"),
    ],
)


@MODES
def test_on_a_full_disk_reject_refuses_exactly_the_answers_that_are_not_logged(
    tmp_path: Path, sync: str, segment: str
) -> None:
    finished = on_a_small_disk(tmp_path, PROGRAM, "reject", sync, segment)
    told, answer = told_by(finished)

    answered = [name for name, one in told.items() if one == "answered"]
    assert answer["logged"] == answered
    refused = len(told) - len(answered)
    assert answer["counts"] == [len(answered), 0, refused]
    assert refused >= 4 * 7
    assert_said_once(finished, "answers are refused", f"0 rows were dropped and {refused} refused")
    assert_whole(answer)


@MODES
def test_on_a_full_disk_drop_and_count_answers_and_counts_what_is_not_logged(
    tmp_path: Path, sync: str, segment: str
) -> None:
    finished = on_a_small_disk(tmp_path, PROGRAM, "drop_and_count", sync, segment)
    told, answer = told_by(finished)

    assert set(told.values()) == {"answered"}
    dropped = len(told) - len(answer["logged"])
    assert answer["counts"] == [len(answer["logged"]), dropped, 0]
    assert dropped >= 4 * 7
    assert answer["logged"][-7:] == list(told)[-7:]
    assert_said_once(
        finished,
        "answers are given without a row in it",
        f"{dropped} rows were dropped and 0 refused",
    )
    assert_whole(answer)


@pytest.mark.parametrize(
    ("on_full", "said"),
    [
        ("reject", "cannot be written: No space left on device."),
        ("drop_and_count", "begun"),
    ],
)
def test_on_a_full_disk_a_server_starts_only_if_it_may_answer(
    tmp_path: Path, on_full: str, said: str
) -> None:
    finished = on_a_small_disk(tmp_path, START, on_full, "off")

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip().endswith(said)


def told_by(finished: subprocess.CompletedProcess[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return what each request was told, by its id, and all that the program found."""
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout)
    return {f"r-{number}": one for number, one in enumerate(answer["told"])}, answer


def assert_said_once(finished: subprocess.CompletedProcess[str], *said: str) -> None:
    lines = [one for one in finished.stderr.splitlines() if "cannot be closed now" not in one]
    error, warning = "\n".join(lines).split("\nWARNING ")
    assert error.startswith("ERROR The inference log")
    assert "No space left on device" in error
    assert said[0] in error
    assert "is written again" in warning
    assert said[1] in warning


def assert_whole(answer: dict[str, Any]) -> None:
    assert answer["open"] == []
    assert set(answer["damage"]) == {None}


def on_a_small_disk(
    folder: Path, program: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with a disk that is seen by nobody else, and gone when it ends."""
    unshare = ["unshare", "--mount", "--map-root-user"]
    options = "size=64k,nr_inodes=20"
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    if not shutil.which("unshare") or subprocess.run([*unshare, *mount], check=False).returncode:
        pytest.skip("no small disk can be mounted here: THE FULL DISK OF THE LOG IS NOT TESTED")
    (folder.parent / "program.py").write_text(program)
    script = f'{" ".join(mount)} && exec "$@"'
    command = [sys.executable, str(folder.parent / "program.py"), str(folder), *arguments]
    return subprocess.run(
        [*unshare, "sh", "-c", script, "sh", *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
