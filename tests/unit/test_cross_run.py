import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest
import trainers
from trainers import Repository

from trainshed.cross_run import CrossRuns
from trainshed.training import Outcome, RunIsNotTrained
from trainshed.training_data import DatasetHasAnotherDigest, OtherDataHasNoPlace

MORE = trainers.DATA + "4,no\n"
FETCHES = {"path": "data/train.csv", "fetch": ["sh", "code/fetch.sh", "{data}"]}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return trainers.make(tmp_path / "repository")


def test_the_older_code_is_trained_on_the_newer_data(repository: Repository) -> None:
    before = train(repository)
    repository.commit({"data/train.csv": MORE, "code/score": "0.8\n"})
    after = train(repository)

    found = cross(repository, before, after)

    assert not found.was_found
    assert found.run.metrics == before.run.metrics
    assert artifact(found) == "trained on 4 rows with seed 0\n"
    assert (found.run.commit, found.run.dataset) == (before.run.commit, after.run.dataset)
    expected = dataclasses.replace(before.run.ingredients, dataset=after.run.dataset.digest)
    assert found.run.ingredients == expected
    assert found.run.run_id == expected.run_id


def test_the_second_time_it_is_found(repository: Repository) -> None:
    before, after = two_runs(repository)
    first = cross(repository, before, after)

    assert cross(repository, before, after).was_found
    assert cross(repository, before, after).run == first.run


def test_the_seed_is_that_of_the_older_run(repository: Repository) -> None:
    before = repository.trainings.train_or_find(repository.head, None, seed=7)
    repository.commit({"data/train.csv": MORE, "code/score": "0.8\n"})

    found = cross(repository, before, train(repository))

    assert artifact(found) == "trained on 4 rows with seed 7\n"


def test_of_equal_data_it_is_the_older_run_and_of_equal_code_the_newer_one(
    repository: Repository,
) -> None:
    first = train(repository)
    repository.commit({"code/score": "0.8\n"})
    new_code = train(repository)
    repository.commit({"data/train.csv": MORE})
    new_data = train(repository)

    assert cross(repository, first, new_code).run == first.run
    assert cross(repository, new_code, new_data).run == new_data.run


@pytest.mark.parametrize("inputs", [["code/"], ["code/", "data/"], None])
def test_data_that_lies_elsewhere_is_put_where_the_newer_configuration_says(
    repository: Repository, inputs: list[str] | None
) -> None:
    repository.commit({"trainshed.yml": trainers.config(inputs=inputs)})
    before = train(repository)
    moved = trainers.config(inputs=inputs, data="data/v2/new.csv")
    repository.commit(
        {
            "trainshed.yml": moved,
            "data/train.csv": None,
            "data/v2/new.csv": MORE,
            "code/score": "0.8\n",
        }
    )

    found = cross(repository, before, train(repository))

    assert found.run.dataset.path == "data/v2/new.csv"
    assert found.run.metrics == {"score": 0.9}
    assert artifact(found).startswith("trained on 4 rows")


def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round(
    repository: Repository,
) -> None:
    counts = 'find "$1" -type f | sort | tr "\\n" " " >"$2"\n' + trainers.REPORT
    keys: dict[str, Any] = {"data": "data", "target": None, "inputs": None}
    repository.commit({"trainshed.yml": trainers.config(**keys), "code/train.sh": counts})
    folder = train(repository)
    repository.commit({"data/train.csv": None})
    (repository.folder / "data").rmdir()
    repository.commit({"data": "a,y\n1,yes\n", "code/score": "0.8\n"})
    file = train(repository)

    assert artifact(cross(repository, folder, file)) == "data "
    assert artifact(cross(repository, file, folder)) == "data/train.csv "


def test_fetched_data_is_fetched_as_the_newer_commit_does(repository: Repository) -> None:
    before = train(repository)
    repository.commit(fetching(MORE))
    after = train(repository)

    found = cross(repository, before, after)

    assert artifact(found) == "trained on 4 rows with seed 0\n"
    assert found.run.metrics == {"score": 0.9}
    assert cross(repository, after, before).run.dataset == before.run.dataset


def test_fetched_data_is_checked(repository: Repository) -> None:
    before = train(repository)
    good = repository.commit(fetching(MORE))
    after = train(repository)
    wrong = repository.commit({"code/fetch.sh": 'echo a,y >"$1"\n'})
    broken = dataclasses.replace(after, asked=wrong)

    with pytest.raises(DatasetHasAnotherDigest):
        cross(repository, before, broken)
    assert after.commit == good


def test_where_nothing_may_be_trained_the_error_says_which_comparison_makes_it(
    repository: Repository,
) -> None:
    before, after = two_runs(repository)
    finds = CrossRuns(trainings=dataclasses.replace(repository.trainings, may_train=False))

    with pytest.raises(RunIsNotTrained) as caught:
        finds.train(before, after)
    assert "scripts/compare.py --model tiny --attribute" in caught.value.fix


def test_data_with_the_older_code_in_its_way_is_told(repository: Repository) -> None:
    repository.commit({"trainshed.yml": trainers.config(inputs=None), "new": "a file"})
    before = train(repository)
    moved = trainers.config(inputs=None, data="new/train.csv")
    repository.commit({"new": None})
    repository.commit({"trainshed.yml": moved, "new/train.csv": MORE})

    with pytest.raises(OtherDataHasNoPlace, match=r"folder of new/train\.csv"):
        cross(repository, before, train(repository))


def test_the_commit_of_a_found_run_is_the_one_that_was_asked_for(repository: Repository) -> None:
    first = train(repository)
    asked = repository.commit({"README.md": "words"})

    again = train(repository)

    assert (again.commit, again.run.commit) == (asked, first.run.commit)
    assert dataclasses.replace(again, asked=None).commit == first.run.commit


def two_runs(repository: Repository) -> tuple[Outcome, Outcome]:
    before = train(repository)
    repository.commit({"data/train.csv": MORE, "code/score": "0.8\n"})
    return before, train(repository)


def fetching(content: str) -> dict[str, str | None]:
    """Return files of a commit that fetches its data by a program that no older commit has."""
    lines = content.replace("\n", "\\n")
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {
        "trainshed.yml": trainers.config(data={**FETCHES, "sha256": digest}),
        "code/fetch.sh": f"printf '{lines}' >\"$1\"\n",
        "code/score": "0.8\n",
        "data/train.csv": None,
    }


def cross(repository: Repository, before: Outcome, after: Outcome) -> Outcome:
    return CrossRuns(trainings=repository.trainings).train(before, after)


def train(repository: Repository) -> Outcome:
    return repository.trainings.train_or_find(repository.head, None)


def artifact(outcome: Outcome) -> str:
    return (outcome.folder / "artifact/tiny").read_text()
