import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trainers
from trainers import REPORT, Content, Repository

from trainshed import training
from trainshed.checkout import InputIsMissing
from trainshed.config_file import ConfigIsMissing, ModelIsUnknown
from trainshed.environment import LockFileIsMissing, PythonCannotBeRun
from trainshed.trainer import TrainerFailed
from trainshed.training import RunIsNotTrained

LOCK = {"requirements.txt": "# none\n"}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return trainers.make(tmp_path / "repository")


def test_a_model_is_trained_and_its_run_is_stored(repository: Repository) -> None:
    outcome = train(repository)

    run = outcome.run
    assert not outcome.was_found
    assert outcome.told == f"run {run.run_id[:12]} trained"
    assert (run.model, run.commit, run.metrics) == ("tiny", repository.head, {"score": 0.9})
    assert (outcome.folder / "artifact/tiny").read_text() == "trained on 3 rows with seed 0\n"
    assert "metric.score=0.9" in (outcome.folder / "train.log").read_text()
    assert repository.store.find(run.run_id) == run
    assert run.dataset.digest == hashlib.sha256(trainers.DATA.encode()).hexdigest()


def test_nothing_but_the_run_is_left_behind(repository: Repository) -> None:
    outcome = train(repository)

    state = repository.folder / ".trainshed"
    assert os.listdir(state / "runs") == [outcome.run.run_id]  # noqa: PTH208
    assert list((state / "checkouts").iterdir()) == []
    assert len(repository.git("worktree", "list").splitlines()) == 1
    assert repository.git("status", "--porcelain") == ""


def test_a_plan_tells_the_run_and_trains_nothing(repository: Repository) -> None:
    plan = repository.trainings.plan(repository.head, None)

    assert list(repository.store.runs()) == []
    assert train(repository).run.run_id == plan.run_id


def test_the_data_of_a_plan_is_on_the_disk_for_a_while(repository: Repository) -> None:
    trainings = repository.trainings
    plan = trainings.plan(repository.head, None)

    with trainings.data(plan) as path:
        assert path.read_text() == trainers.DATA
        assert {one.name for one in path.parents[1].iterdir()} == {"data", ".git"}
    assert not path.exists()


def test_the_second_time_it_is_found(repository: Repository) -> None:
    first = train(repository)

    second = train(repository)

    assert second.was_found
    assert second.run == first.run
    assert second.told == f"run {first.run.run_id[:12]} found, not trained again"


def test_again_trains_again_and_replaces_the_run_that_was_there(repository: Repository) -> None:
    repository.commit({"code/train.sh": 'date +%N >"$2"\n' + REPORT})
    first = train(repository)

    second = repository.trainings.train_or_find(repository.head, None, again=True)

    assert not second.was_found
    assert second.run.run_id == first.run.run_id
    assert second.run.artifact != first.run.artifact
    assert repository.store.find(first.run.run_id) == second.run


def test_again_keeps_the_run_that_was_there_when_training_fails(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"code/train.sh": '[ -z "$BROKEN" ] || exit 1\n' + trainers.TRAINER})
    first = train(repository)
    monkeypatch.setenv("BROKEN", "1")

    with pytest.raises(TrainerFailed):
        repository.trainings.train_or_find(repository.head, None, again=True)

    assert repository.store.find(first.run.run_id) == first.run


def test_another_commit_with_equal_ingredients_finds_the_same_run(repository: Repository) -> None:
    first = train(repository)
    repository.commit({"README.md": "words"})

    second = train(repository)

    assert second.was_found
    assert second.run.commit == first.run.commit != repository.head


def test_a_damaged_artifact_is_trained_again(repository: Repository) -> None:
    first = train(repository)
    (first.folder / "artifact/tiny").write_text("damage")

    second = train(repository)

    assert not second.was_found
    assert second.run.artifact == first.run.artifact
    assert (second.folder / "artifact/tiny").read_text() == "trained on 3 rows with seed 0\n"


def test_clones_in_other_folders_have_the_same_run(repository: Repository, tmp_path: Path) -> None:
    clone = repository.clone(tmp_path / "elsewhere/other name")
    shallow = repository.clone(tmp_path / "shallow", "--depth=1")

    assert len({run_id(repository), run_id(clone), run_id(shallow)}) == 1


def test_the_run_id_is_the_same_on_every_machine(repository: Repository) -> None:
    """A change of this value makes every stored run unknown: it takes a new format and a note."""
    plan = repository.trainings.plan(repository.head, None)
    elsewhere = dataclasses.replace(plan.ingredients, python="3.11")

    assert elsewhere.run_id == "685234b6614525bf3ce9d31d6b085ea891b3870389ac7dff29d4fd14a122f101"


CHANGES: Mapping[str, tuple[Mapping[str, Content], Mapping[str, Any]]] = {
    "code": ({"code/score": "0.8\n"}, {}),
    "new-code": ({"code/new.sh": ""}, {}),
    "removed-code": ({"code/score": None}, {}),
    "data": ({"data/train.csv": trainers.DATA + "4,no\n"}, {}),
    "line-ends-of-the-data": ({"data/train.csv": trainers.DATA.replace("\n", "\r\n")}, {}),
    "command": ({}, {"train": ["sh", "code/train.sh", "{data}", "{out}", "{seed}", "--fast"]}),
    "order-of-the-command": ({}, {"train": ["sh", "code/train.sh", "{out}", "{data}", "{seed}"]}),
    "inputs": ({}, {"inputs": ["code/", "README.md"]}),
    "whole-tree": ({}, {"inputs": None}),
    "seed": ({}, {"seed": 1}),
    "variable": ({}, {"env": {"DEPTH": "4"}}),
    "variable-with-the-seed": ({}, {"env": {"DEPTH": "{seed}"}}),
    "lock": ({}, {"lock": "requirements.txt"}),
}


def test_whatever_decides_the_outcome_changes_the_run(repository: Repository) -> None:
    repository.commit({"README.md": "words", **LOCK})
    ids = {"unchanged": run_id(repository)}
    start = repository.head

    for name, (files, keys) in CHANGES.items():
        repository.git("checkout", "--quiet", "--detach", start)
        repository.commit({"trainshed.yml": trainers.config(**keys), **files})
        ids[name] = run_id(repository)
    repository.commit({"requirements.txt": "# another\n"})
    ids["content-of-the-lock"] = run_id(repository)

    assert len(set(ids.values())) == len(CHANGES) + 2


@pytest.mark.parametrize(
    ("files", "keys"),
    [
        pytest.param({"README.md": "words"}, {}, id="undeclared-file"),
        pytest.param({"code2/train.sh": "words"}, {}, id="folder-with-a-longer-name"),
        pytest.param({}, {"timeout": "2h"}, id="timeout"),
        pytest.param({}, {"target": None}, id="target"),
        pytest.param({}, {"metrics": {"score": {"direction": "minimize"}}}, id="judgement"),
        pytest.param({}, {"inputs": ["code"]}, id="slash"),
        pytest.param({}, {"inputs": [".//code/"], "data": "./data/train.csv"}, id="dots"),
        pytest.param({}, {"seed": 0}, id="default-written-out"),
        pytest.param({}, {"key": ["a"], "private": ["y"]}, id="key-and-private"),
        pytest.param({}, {"gate": {"undecided": "fail"}, "leakage": 0.5}, id="how-it-is-judged"),
    ],
)
def test_what_does_not_decide_the_outcome_keeps_the_run(
    repository: Repository, files: Mapping[str, Content], keys: Mapping[str, Any]
) -> None:
    before = run_id(repository)

    repository.commit({"trainshed.yml": trainers.config(**keys), **files})

    assert run_id(repository) == before


def test_without_inputs_any_file_decides(tmp_path: Path) -> None:
    repository = trainers.make(tmp_path / "repository", inputs=None)
    before = run_id(repository)

    repository.commit({"README.md": "words"})

    assert run_id(repository) != before


def test_the_python_decides(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run_id(repository)

    monkeypatch.setenv("TRAINSHED_TRAINING_PYTHON", str(python_of_version(tmp_path, "3.9")))

    assert run_id(repository) != before
    assert repository.trainings.plan(repository.head, None).ingredients.python == "3.9"


def test_the_locks_environment_is_made_with_the_python_that_is_named(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_CACHE", str(tmp_path / "cache"))
    python = python_of_version(tmp_path, "3.10")
    monkeypatch.setenv("PATH", f"{python.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TRAINSHED_TRAINING_PYTHON", "python3.10")
    program = 'echo "$VIRTUAL_ENV" >"$2"\n' + REPORT
    keys = trainers.config(lock="requirements.txt")
    repository.commit({"code/train.sh": program, "trainshed.yml": keys, **LOCK})

    outcome = train(repository)

    assert outcome.run.ingredients.python == "3.10"
    folder = Path((outcome.folder / "artifact/tiny").read_text().strip())
    assert folder.name.startswith("train-py3.10-")


def test_a_python_that_is_not_there_is_named(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_TRAINING_PYTHON", "python2.99")

    with pytest.raises(PythonCannotBeRun, match=r"no program python2\.99"):
        repository.trainings.plan(repository.head, None)


def test_where_nothing_may_be_trained_a_run_is_found_or_the_error_says_how_to_train_it(
    repository: Repository,
) -> None:
    finds = dataclasses.replace(repository.trainings, may_train=False)

    with pytest.raises(RunIsNotTrained, match=r"of tiny \(commit") as caught:
        finds.train_or_find(repository.head, None)
    assert f"scripts/train.py --model tiny --commit {repository.head}" in caught.value.fix
    assert list(repository.store.runs()) == []

    made = train(repository)
    assert finds.train_or_find(repository.head, None).run == made.run
    with pytest.raises(RunIsNotTrained):
        finds.train_or_find(repository.head, None, again=True)


def test_a_seed_of_the_command_line_is_another_run_and_reaches_the_trainer(
    repository: Repository,
) -> None:
    first = train(repository)

    outcome = repository.trainings.train_or_find(repository.head, None, seed=7)

    assert outcome.run.run_id != first.run.run_id
    assert outcome.run.ingredients.params == {"seed": "7"}
    assert (outcome.folder / "artifact/tiny").read_text() == "trained on 3 rows with seed 7\n"


def test_training_sees_the_commit_and_never_the_persons_folder(repository: Repository) -> None:
    repository.write({"code/score": "0.1\n", "data/train.csv": "a,y\n", "code/new": "x"})

    assert train(repository).run.metrics == {"score": 0.9}


def test_a_file_that_is_not_declared_is_missing_and_the_error_says_why(
    repository: Repository,
) -> None:
    repository.commit({"code/train.sh": "cat secret/key", "secret/key": "x"})

    with pytest.raises(TrainerFailed, match="secret/key: No such file") as caught:
        train(repository)

    assert "holds only what `inputs:` names (code/) and the data" in caught.value.fix


def test_inputs_may_hold_the_data(repository: Repository) -> None:
    repository.commit({"trainshed.yml": trainers.config(inputs=["code/", "data/", "code/score"])})

    assert train(repository).run.metrics == {"score": 0.9}


def test_an_input_that_is_not_in_the_commit_is_named(repository: Repository) -> None:
    repository.commit({"trainshed.yml": trainers.config(inputs=["code/", "lib/"])})

    with pytest.raises(InputIsMissing, match=r"^lib/ is not in commit"):
        train(repository)


def test_a_lock_that_is_not_in_the_commit_is_named(repository: Repository) -> None:
    repository.commit({"trainshed.yml": trainers.config(lock="requirements.txt")})

    with pytest.raises(LockFileIsMissing, match=r"^The lock file requirements\.txt is not in"):
        repository.trainings.plan(repository.head, None)


def test_the_configuration_of_the_commit_counts(repository: Repository) -> None:
    repository.write({"trainshed.yml": "not: [valid"})
    assert train(repository).run.metrics == {"score": 0.9}

    bare = repository.commit({"trainshed.yml": None})
    with pytest.raises(ConfigIsMissing, match=f"no trainshed.yml in commit {bare[:12]}"):
        train(repository)


def test_the_trainer_runs_outside_the_frameworks_environment(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = 'echo "$PYTHONPATH$VIRTUAL_ENV$GIT_DIR[$THEIRS][$DEPTH]" >"$2"\n'
    keys = {"env": {"DEPTH": "{seed} of {data}"}}
    commit = repository.commit(
        {"code/train.sh": program + REPORT, "trainshed.yml": trainers.config(**keys)}
    )
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "GIT_DIR"):
        monkeypatch.setenv(name, "ours")
    monkeypatch.setenv("THEIRS", "kept")

    outcome = repository.trainings.train_or_find(commit, None)

    artifact = (outcome.folder / "artifact/tiny").read_text()
    assert artifact == "[kept][0 of data/train.csv]\n"
    if sys.prefix != sys.base_prefix:
        path = training.outside_environment()["PATH"].split(os.pathsep)
        assert str(Path(sys.prefix) / "bin") not in path


def test_with_a_lock_it_runs_in_the_locks_environment(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_CACHE", str(tmp_path / "cache"))
    program = "import sys; print(sys.prefix, file=open(sys.argv[2], 'w'))\n"
    program += "print(f'dataset={sys.argv[1]}\\nmetric.score=1\\nartifact={sys.argv[2]}')\n"
    keys = {"train": ["python", "code/train.py", "{data}", "{out}"], "lock": "requirements.txt"}
    repository.commit({"code/train.py": program, "trainshed.yml": trainers.config(**keys), **LOCK})

    outcome = train(repository)

    prefix = Path((outcome.folder / "artifact/tiny").read_text().strip())
    assert prefix.is_relative_to(tmp_path / "cache")
    assert outcome.run.ingredients.lock == hashlib.sha256(b"# none\n").hexdigest()


def test_out_is_where_the_configuration_says(repository: Repository) -> None:
    repository.commit({"trainshed.yml": trainers.config(out="built here/model v1.bin")})

    outcome = train(repository)

    assert outcome.run.artifact.path == "artifact/model v1.bin"


def test_two_models_of_a_repository_have_runs_of_their_own(repository: Repository) -> None:
    models = {"tiny": trainers.model(), "other": trainers.model(inputs=["code/", "other/"])}
    repository.commit({"trainshed.yml": json.dumps({"models": models}), "other/x": "1"})
    tiny, other = (train(repository, name).run.run_id for name in ("tiny", "other"))

    repository.commit({"other/x": "2"})

    assert train(repository, "tiny").run.run_id == tiny != other
    assert not train(repository, "other").was_found
    with pytest.raises(ModelIsUnknown, match="2 models: tiny, other"):
        train(repository)


def test_a_project_in_a_subfolder_is_a_project_like_any_other(repository: Repository) -> None:
    files = {f"teams/a b/{name}": content for name, content in trainers.GOOD.items()}
    repository.commit({"teams/a b/trainshed.yml": trainers.config(), **files})
    inner = Repository(repository.folder / "teams/a b")

    outcome = train(inner)

    assert outcome.folder.is_relative_to(inner.folder)
    assert outcome.run.run_id == run_id(repository)
    assert train(inner).was_found


def python_of_version(folder: Path, version: str) -> Path:
    """Make a Python that says to be of a version: machines have few, and it is only asked."""
    python = folder / f"python{version}"
    asked = 'case "$2" in *version_info*) echo ' + version + "; exit;; esac\n"
    python.write_text(f'#!/bin/sh\n{asked}exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return python


def train(repository: Repository, model: str | None = None) -> training.Outcome:
    return repository.trainings.train_or_find(repository.head, model)


def run_id(repository: Repository) -> str:
    return repository.trainings.plan(repository.head, None).run_id
