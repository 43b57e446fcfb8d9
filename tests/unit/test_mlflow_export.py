"""Which files of a run go to MLflow. That they arrive: tests/e2e/test_mlflow.py."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import trainers
from trainers import Repository

from trainshed import ledger_runs, mlflow_export

DATA = "name,y\nAda,yes\nBob,no\n"
TRAINER = f"""\
{trainers.TRAINER}
printf 'row_id,y_true,y_pred,name\\n1,yes,yes,Ada\\n' >"$2.csv"
printf 'one\\n' >"$2.ids"
echo "predictions=$2.csv"
echo "training_rows=$2.ids"
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = trainers.make(
        tmp_path / "repository", files={"code/train.sh": TRAINER, "data/train.csv": DATA}
    )
    made.trainings.train_or_find(made.head, None)
    return made


def uploaded(repository: Repository, model: str = "tiny", **keys: object) -> Mapping[str, bytes]:
    """Return what would be logged, by its place in MLflow; `keys` are of today's trainshed.yml."""
    repository.write({"trainshed.yml": trainers.config(**keys)})
    store = repository.store
    [one] = ledger_runs.join(store.runs(), [])
    scratch = repository.folder.with_name("scratch")
    chosen = repository.project.config().models.get(model)
    found = mlflow_export.uploads(one, store=store, chosen=chosen, scratch=scratch)
    paths = [(Path(file.folder) / Path(file.path).name, Path(file.path)) for file in found]
    return {str(place): path.read_bytes() for place, path in paths}


def test_all_files_go_but_the_ids_of_training_rows(repository: Repository) -> None:
    [run] = repository.store.runs()
    found = uploaded(repository)

    assert run.profile is not None
    assert run.training_rows is not None
    assert found.keys() == {
        "artifact/tiny", "predictions/tiny.csv", "run.json", run.profile.path
    }  # fmt: skip
    assert found["predictions/tiny.csv"].endswith(b"1,yes,yes,Ada\n")


def test_what_is_private_by_now_stays_here(repository: Repository) -> None:
    [run] = repository.store.runs()
    found = uploaded(repository, private=["name"])

    assert run.profile is not None
    assert found["predictions/tiny.csv"] == b"row_id,y_true,y_pred\n1,yes,yes\n"
    assert run.profile.path not in found
    assert not any(b"Ada" in content for content in found.values())


def test_a_profile_that_was_made_of_private_columns_goes(tmp_path: Path) -> None:
    made = trainers.make(
        tmp_path / "repository",
        files={"code/train.sh": TRAINER, "data/train.csv": DATA},
        private=["name"],
    )
    made.trainings.train_or_find(made.head, None)

    found = uploaded(made, private=["name"])

    profile = json.loads(found["profile/profile.json"])
    assert "name" in profile["columns"]
    assert not any(b"Ada" in content for content in found.values())


def test_predictions_that_are_private_as_a_whole_stay_here(repository: Repository) -> None:
    found = uploaded(repository, private=["y"], target="y")

    assert "predictions/tiny.csv" not in found
    assert "artifact/tiny" in found


def test_of_a_model_that_has_gone_nobody_says_what_is_private(repository: Repository) -> None:
    assert uploaded(repository, model="gone").keys() == {"artifact/tiny", "run.json"}


def test_a_run_that_is_damaged_has_no_files(repository: Repository) -> None:
    [run] = repository.store.runs()
    (repository.store.folder(run.run_id) / run.artifact.path).write_text("another")

    assert uploaded(repository) == {}
