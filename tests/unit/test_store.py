import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import trainers
from trainers import Repository

from trainshed.run import Dataset, File, Ingredients, Run
from trainshed.store import RunIsUnknown, Store

KEYS = ("artifact", "predictions", "examples", "schema")
FILE_EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.scandir"}
FILE_EVENTS |= {"fcntl.flock", "shutil.rmtree", "sqlite3.connect"}
WAITS = """\
echo trained >>"$TRAININGS"
echo waiting to go on
until [ -e "$GO" ]; do sleep 0.05; done
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return trainers.make(tmp_path / "repository")


@pytest.fixture
def runs(repository: Repository) -> Store:
    return repository.store


def test_a_run_that_was_put_is_found_with_its_files(runs: Store) -> None:
    finished = put(runs)

    assert runs.find(finished.run_id) == finished
    assert (runs.folder(finished.run_id) / finished.artifact.path).read_bytes() == b"artifact 0"
    assert names(runs) == {finished.run_id}


def test_a_run_that_was_never_put_is_not_found(runs: Store) -> None:
    assert runs.find("0" * 64) is None
    assert list(runs.runs()) == []


def test_the_first_of_two_that_put_the_same_run_stays(runs: Store) -> None:
    first = put(runs, sample(seconds=1.0))

    assert put(runs, sample(seconds=2.0)) == first
    assert runs.find(first.run_id) == first
    assert names(runs) == {first.run_id}


def test_runs_are_listed_oldest_first_without_the_unreadable(runs: Store) -> None:
    newer = put(runs, sample(1, created="2026-02-02T00:00:00+00:00"))
    older = put(runs, sample(2, created="2026-01-01T00:00:00+00:00"))
    (runs.home / "notes.txt").write_text("mine")
    (runs.home / "folder").mkdir()
    (runs.folder("f" * 64)).mkdir()
    (runs.folder("f" * 64) / "run.json").write_text("{")

    assert list(runs.runs()) == [older, newer]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("damage", ["changed", "truncated", "emptied", "gone", "a-link"])
def test_a_run_with_a_damaged_file_is_not_found(runs: Store, key: str, damage: str) -> None:
    finished = put(runs, sample(keys=KEYS))
    path = runs.folder(finished.run_id) / getattr(finished, key).path
    content = path.read_bytes()
    path.unlink()
    if damage == "a-link":
        path.symlink_to("/dev/null")
    elif damage != "gone":
        damaged = {"changed": content[::-1], "truncated": content[:3], "emptied": b""}
        path.write_bytes(damaged[damage])

    assert runs.find(finished.run_id) is None
    assert put(runs, sample(keys=KEYS)) == finished
    assert runs.find(finished.run_id) == finished


def test_a_folder_as_artifact_is_checked_file_by_file(runs: Store) -> None:
    finished = put(runs, sample(folder=True))
    assert runs.find(finished.run_id) == finished

    (runs.folder(finished.run_id) / "artifact/model/extra").write_text("added")

    assert runs.find(finished.run_id) is None


def change(**keys: Any) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), **keys})


@pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda text: text[: len(text) // 2], id="truncated"),
        pytest.param(lambda text: "\0" * len(text), id="zeros"),
        pytest.param(lambda _: "[]", id="other-json"),
        pytest.param(change(format=2), id="newer-format"),
        pytest.param(change(metrics={"score": "high"}), id="wrong-type"),
        pytest.param(change(artifact=None), id="no-artifact"),
        pytest.param(change(artifact={"path": "../x", "digest": "0", "size": 1}), id="upwards"),
    ],
)
def test_a_run_whose_record_cannot_be_used_is_not_found(
    runs: Store, rewrite: Callable[[str], str]
) -> None:
    finished = put(runs)
    record = runs.folder(finished.run_id) / "run.json"
    record.write_text(rewrite(record.read_text()))

    assert runs.find(finished.run_id) is None
    assert put(runs) == finished
    assert runs.find(finished.run_id) == finished


def test_the_record_of_another_run_is_not_this_ones(runs: Store) -> None:
    one, other = put(runs, sample(1)), put(runs, sample(2))
    record = (runs.folder(other.run_id) / "run.json").read_text()
    (runs.folder(one.run_id) / "run.json").write_text(record)

    assert runs.find(one.run_id) is None
    assert runs.find(other.run_id) == other


def test_a_key_of_a_newer_trainshed_is_ignored(runs: Store) -> None:
    finished = put(runs)
    record = runs.folder(finished.run_id) / "run.json"
    record.write_text(change(colour="blue")(record.read_text()))

    assert runs.find(finished.run_id) == finished


def test_a_file_in_the_place_of_a_run_is_replaced(runs: Store) -> None:
    finished = sample().run
    runs.home.mkdir()
    runs.folder(finished.run_id).write_text("not a folder")

    assert runs.find(finished.run_id) is None
    assert put(runs) == finished
    assert runs.find(finished.run_id) == finished


def test_a_run_that_cannot_be_stored_is_an_error_and_not_a_loop(runs: Store) -> None:
    above = runs.home.parent  # a folder cannot be moved into one that is inside it
    above.mkdir(exist_ok=True)

    with pytest.raises(OSError, match="Invalid argument"):
        runs.put(sample().run, files=above)


def test_get_takes_the_first_digits_of_an_id(runs: Store) -> None:
    finished = put(runs)

    assert runs.get(finished.run_id) == finished
    assert runs.get(finished.run_id[:6]) == finished


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        pytest.param("{0:.5}", "there is no whole run {0:.5}.", id="too-short"),
        pytest.param("aaaaaaaa", "there is no whole run aaaaaaaa.", id="unknown"),
        pytest.param("cafe12", "several runs begin with cafe12.", id="ambiguous"),
        pytest.param("", "several runs begin with .", id="nothing"),
        pytest.param("{0}0", "there is no whole run {0}0.", id="too-long"),
        pytest.param("../runs/{0}", "there is no whole run ../runs/{0}.", id="a-path"),
    ],
)
def test_get_says_why_there_is_no_such_run(runs: Store, asked: str, problem: str) -> None:
    finished = put(runs)
    for end in ("a", "b"):
        runs.folder(f"cafe12{end}").mkdir()

    with pytest.raises(RunIsUnknown) as caught:
        runs.get(asked.format(finished.run_id))

    assert caught.value.problem == f"In {runs.home} {problem.format(finished.run_id)}"
    assert "scripts/runs.py list" in caught.value.fix


def test_a_put_that_is_killed_at_any_moment_leaves_nothing_that_looks_whole(runs: Store) -> None:
    """Killed at its first file operation, then at its second, and so on until it gets through."""
    finished, moments = sample().run, 0
    while is_killed(lambda: put(runs), moment=moments):
        found = runs.find(finished.run_id)
        assert found in (None, finished)
        assert list(runs.runs()) == ([found] if found else [])
        moments += 1

    assert moments > 10
    assert runs.find(finished.run_id) == finished
    assert names(runs) == {finished.run_id}


def test_a_put_over_a_damaged_run_may_be_killed_at_any_moment_too(runs: Store) -> None:
    finished, moments = put(runs), 0
    artifact = runs.folder(finished.run_id) / finished.artifact.path
    artifact.write_bytes(b"damaged")
    while is_killed(lambda: put(runs), moment=moments):
        if runs.find(finished.run_id) is not None:
            artifact.write_bytes(b"damaged")
        moments += 1

    assert moments > 10
    assert runs.find(finished.run_id) == finished
    assert names(runs) == {finished.run_id}


def test_a_scratch_folder_in_use_is_left_alone(runs: Store) -> None:
    with runs.scratch() as one, runs.scratch() as two:
        assert one != two
        assert one.is_dir()
    assert names(runs) == set()


def test_the_bytes_are_on_the_disk_before_the_name_appears(
    runs: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    sync, rename = os.fsync, Path.rename

    def note_sync(file: int) -> None:
        events.append(Path(f"/proc/self/fd/{file}").resolve().name)
        sync(file)

    def note_rename(self: Path, target: Path) -> Path:
        events.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "rename", note_rename)

    put(runs)

    assert sorted(events[:-1]) == ["model", "run.json"]
    assert events[-1] == "rename"


def test_two_processes_that_train_the_same_run_train_it_once(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"code/train.sh": WAITS + trainers.TRAINER})
    variables = {"TRAININGS": str(tmp_path / "trainings"), "GO": str(tmp_path / "go")}
    first = start(repository, variables)
    await_line(first, "waiting to go on")
    second = start(repository, variables)
    await_line(second, "another process is training run")
    (tmp_path / "go").touch()

    outputs = [process.communicate()[0] for process in (first, second)]

    assert (first.returncode, second.returncode) == (0, 0)
    assert (tmp_path / "trainings").read_text() == "trained\n"
    assert ["found=false" in outputs[0], "found=true" in outputs[1]] == [True, True]
    assert len(names(repository.store)) == 1


def test_a_waiting_process_trains_when_the_first_one_is_killed(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"code/train.sh": WAITS + trainers.TRAINER})
    variables = {"TRAININGS": str(tmp_path / "trainings"), "GO": str(tmp_path / "go")}
    first = start(repository, variables)
    await_line(first, "waiting to go on")
    second = start(repository, variables)
    await_line(second, "another process is training run")
    (program,) = psutil.Process(first.pid).children()
    first.kill()
    first.communicate()
    os.killpg(program.pid, signal.SIGKILL)  # it outlives who started it
    (tmp_path / "go").touch()

    output, _ = second.communicate()

    assert second.returncode == 0
    assert "found=false" in output
    assert (tmp_path / "trainings").read_text() == "trained\n" * 2
    assert len(names(repository.store)) == 1


@dataclass(frozen=True, kw_only=True)
class Sample:
    run: Run
    contents: Mapping[str, bytes]
    """By their path in the run's folder."""


def sample(
    number: int = 0,
    *,
    keys: Sequence[str] = ("artifact",),
    folder: bool = False,
    created: str = "2026-01-01T00:00:00+00:00",
    seconds: float = 1.0,
) -> Sample:
    """Make up a run; another number is another run. Its artifact may be a folder."""
    contents = {f"{key}/model": f"{key} {number}".encode() for key in keys}
    files = {
        key: File(path=path, digest=hashlib.sha256(content).hexdigest(), size=len(content))
        for key, (path, content) in zip(keys, contents.items(), strict=True)
    }
    if folder:
        contents = {"artifact/model/config": b"c", "artifact/model/weights": b"w"}
        lines = "".join(
            f"{hashlib.sha256(content).hexdigest()}  {Path(path).name}\n"
            for path, content in contents.items()
        )
        digest = hashlib.sha256(lines.encode()).hexdigest()
        files = {"artifact": File(path="artifact/model", digest=digest, size=2)}
    ingredients = Ingredients(
        model="tiny", code={"code": "1"}, dataset="d" * 64, command=("sh", "train.sh"),
        params={"seed": str(number)}, lock=None, python="3.11",
    )  # fmt: skip
    run = Run(
        run_id=ingredients.run_id,
        model="tiny",
        commit="c" * 40,
        dataset=Dataset(path="data/train.csv", digest="d" * 64),
        ingredients=ingredients,
        metrics={"score": 0.9},
        params={},
        created=created,
        seconds=seconds,
        **files,
    )
    return Sample(run=run, contents=contents)


def put(runs: Store, one: Sample | None = None) -> Run:
    """Store a run as training does: its files are written to a scratch folder first."""
    one = one or sample()
    with runs.scratch() as files:
        for path, content in one.contents.items():
            (files / path).parent.mkdir(parents=True, exist_ok=True)
            (files / path).write_bytes(content)
        return runs.put(one.run, files=files)


def is_killed(action: Callable[[], object], *, moment: int) -> bool:
    """Do something in a process that ends itself at its nth file operation; tell whether it did."""
    pid = os.fork()
    if pid == 0:
        operations = itertools.count()

        def listen(event: str, _: object) -> None:
            if event in FILE_EVENTS and next(operations) == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(listen)
        action()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert status in (0, signal.SIGKILL)
    return status == signal.SIGKILL


def names(runs: Store) -> set[str]:
    """Return all that lies in the store, hidden names too."""
    return {path.name for path in runs.home.iterdir()} if runs.home.exists() else set()


def start(repository: Repository, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        trainers.command("train"),
        cwd=repository.folder,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_line(process: subprocess.Popen[str], part: str) -> None:
    """Wait until a process says something on its standard error."""
    assert process.stderr is not None
    for line in process.stderr:
        if part in line:
            return
    pytest.fail(f"it never said: {part}")
