import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
import trainers
from trainers import Repository

from trainshed import locks
from trainshed.drift import profile, profile_file
from trainshed.reference_profile import FORMAT, Profiles
from trainshed.trainer import TrainerFailed
from trainshed.training import Outcome, Trainings

DATA = "id,age,city,y\n1,30,Rome,yes\n2,40,Oslo,no\n3,,Rome,yes\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return trainers.make(tmp_path / "repository", files={"data/train.csv": DATA})


def test_a_run_keeps_what_its_data_looked_like(repository: Repository) -> None:
    outcome, told = train(repository)

    kept = outcome.run.profile
    assert kept is not None
    content = (outcome.folder / kept.path).read_bytes()
    assert kept.size == len(content)
    made = profile.of(repository.folder / "data/train.csv")
    assert content.decode() == profile_file.to_json(made)
    assert profile_file.from_json(content).rows == 3
    assert kept in outcome.run.files
    assert repository.store.find(outcome.run.run_id) == outcome.run
    assert told == []


def test_the_process_that_made_it_is_gone(repository: Repository) -> None:
    assert train(repository)[0].run.profile is not None
    assert [one for one in psutil.Process().children() if is_statistician(one)] == []


def test_the_key_is_left_out_and_of_private_columns_no_value_is_kept(
    repository: Repository,
) -> None:
    repository.commit({"trainshed.yml": trainers.config(key=["id"], private=["city"])})

    outcome, _ = train(repository)

    columns = profile_of(outcome)["columns"]
    assert columns.keys() == {"age", "city", "y"}
    assert "Rome" not in json.dumps(columns["city"])
    assert "yes" in json.dumps(columns["y"])


def test_the_same_data_is_profiled_once(repository: Repository) -> None:
    first, _ = train(repository)
    (kept,) = profiles(repository)
    before = kept.stat().st_mtime_ns
    repository.commit({"code/score": "0.8\n"})

    second, _ = train(repository)

    assert second.run.run_id != first.run.run_id
    assert second.run.profile == first.run.profile
    assert [one.stat().st_mtime_ns for one in profiles(repository)] == [before]


def test_who_profiles_the_same_data_at_once_waits_for_the_first(
    repository: Repository, tmp_path: Path
) -> None:
    train(repository)
    (kept,) = profiles(repository)
    content = kept.read_bytes()
    kept.unlink()
    waits = Profiles(home=kept.parent, tell=trainers.ignore)
    plan = repository.trainings.plan(repository.head, None)

    with locks.held(kept.with_suffix(".lock")):
        making = waits.begin(repository.folder, dataset=plan.dataset, chosen=plan.settings)
        kept.write_bytes(content + b" ")
    made = making.keep(tmp_path)

    assert made is not None
    assert made.size == len(content) + 1
    assert kept.read_bytes() == content + b" "


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"data/train.csv": f"{DATA}4,50,Oslo,no\n"}, id="data"),
        pytest.param({"trainshed.yml": trainers.config(key=["id"], seed=1)}, id="key"),
        pytest.param({"trainshed.yml": trainers.config(private=["y"], seed=1)}, id="private"),
    ],
)
def test_what_decides_a_profile_makes_another_one(
    repository: Repository, change: dict[str, str]
) -> None:
    first, _ = train(repository)
    repository.commit(change)

    second, _ = train(repository)

    assert second.run.profile != first.run.profile
    assert len(profiles(repository)) == 2


def test_a_folder_of_tables_has_one_profile(repository: Repository) -> None:
    keys: dict[str, Any] = {"data": "data", "train": ["sh", "code/train.sh", "{data}", "{out}"]}
    train_folder = 'cat "$1"/*.csv >"$2"\n' + trainers.REPORT
    repository.commit(
        {
            "data/more/b.csv": DATA,
            "data/notes.txt": "words",
            "code/train.sh": train_folder,
            "trainshed.yml": trainers.config(**keys),
        }
    )

    outcome, told = train(repository)

    assert profile_of(outcome)["rows"] == 6
    assert told == []


@pytest.mark.parametrize("path", ["data/images", "data/train.json"])
def test_data_that_is_no_table_is_trained_on_without_a_word_and_without_a_process(
    repository: Repository, path: str
) -> None:
    place = f"{path}/1.png" if path == "data/images" else path
    trains = 'echo x >"$2"\n' + trainers.REPORT
    repository.commit(
        {
            place: b"\x89PNG\0",
            "code/train.sh": trains,
            "trainshed.yml": trainers.config(data=path, target=None),
        }
    )

    outcome, told = train(repository)

    assert outcome.run.profile is None
    assert told == []
    assert not (repository.folder / ".trainshed/profiles").exists()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param("1,2\n3,4\n", "it has no header", id="no-header"),
        pytest.param("a,a,y\n1,2,3\n", "it has two columns of the name a", id="two-of-a-name"),
        pytest.param("a,y\n1,2\n3\n", "a row has 1 cells and the header 2", id="ragged"),
    ],
)
def test_a_table_that_cannot_be_profiled_is_trained_on_and_the_reason_told(
    repository: Repository, data: str, why: str
) -> None:
    repository.commit({"data/train.csv": data, "trainshed.yml": trainers.config(target=None)})

    outcome, told = train(repository)

    assert outcome.run.profile is None
    assert len(told) == 1
    assert told[0].startswith("no profile of the data is kept: data/train.csv")
    assert why in told[0]
    assert profiles(repository) == []


def test_when_the_statistician_dies_training_succeeds_and_says_so(repository: Repository) -> None:
    repository.commit({"data/train.csv": DATA + "7,1,Rome,yes\n" * 300_000})
    stop = threading.Event()
    killer = threading.Thread(target=kill_statisticians, args=(stop,))
    killer.start()
    try:
        outcome, told = train(repository)
    finally:
        stop.set()
        killer.join()

    assert outcome.run.profile is None
    assert outcome.run.metrics == {"score": 0.9}
    assert len(told) == 1
    assert "no profile of the data is kept: The process that computes statistics ended" in told[0]
    assert profiles(repository) == []


def test_of_data_that_training_changes_no_profile_is_kept(repository: Repository) -> None:
    repository.commit({"code/train.sh": 'echo 4,5,Bonn,no >>"$1"\n' + trainers.TRAINER})

    outcome, told = train(repository)

    assert outcome.run.profile is None
    assert told == ["no profile of the data is kept: training changed data/train.csv"]
    assert profiles(repository) == []


def test_a_disk_that_takes_no_profile_stops_no_training(repository: Repository) -> None:
    (repository.project.state / "profiles").write_text("in the way")

    outcome, told = train(repository)

    assert outcome.run.profile is None
    assert len(told) == 1
    assert "FileExistsError" in told[0]


def test_a_trainer_that_fails_is_told_as_ever(repository: Repository) -> None:
    repository.commit({"code/train.sh": "exit 3"})

    with pytest.raises(TrainerFailed, match="exit code 3"):
        train(repository)


def test_the_format_is_that_of_profiles() -> None:
    assert FORMAT == profile_file.FORMAT


def train(repository: Repository) -> tuple[Outcome, list[str]]:
    told: list[str] = []
    trainings: Trainings = dataclasses.replace(repository.trainings, tell=told.append)
    return trainings.train_or_find(repository.head, None), told


def profile_of(outcome: Outcome) -> dict[str, Any]:
    assert outcome.run.profile is not None
    found: dict[str, Any] = json.loads((outcome.folder / outcome.run.profile.path).read_text())
    return found


def profiles(repository: Repository) -> list[Path]:
    home = repository.folder / ".trainshed/profiles"
    return list(home.glob("*.json"))


def kill_statisticians(stop: threading.Event) -> None:
    while not stop.wait(0.005):
        for one in psutil.Process().children():
            if is_statistician(one):
                one.kill()


def is_statistician(process: psutil.Process) -> bool:
    try:
        return "trainshed.statistics" in process.cmdline()
    except psutil.NoSuchProcess:
        return False
