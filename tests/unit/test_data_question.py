import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import repositories
import trainers
from repositories import Repo
from trainers import Repository

from trainshed.data_evidence import Changes, Duplicates
from trainshed.data_question import FETCHES_NOTHING, DataQuestions
from trainshed.origin import Origin
from trainshed.statistician import Statistician
from trainshed.statistics.training_rows import TrainingRowsCannotBeRead
from trainshed.store import Store
from trainshed.training import Outcome, Trainings

ONE = "id,a,y\n1,1,yes\n2,2,no\n3,2,no\n"
OTHER = "id,a,y\n1,1,yes\n2,7,no\n4,5,yes\n5,5,yes\n"

SAYS_ROWS = """\
printf 'row_id,y_true,y_pred\\n2,1,1\\n3,1,1\\n' >"$2.predictions"
printf '%s' "$ROWS" >"$2.rows"
printf 'predictions=%s\\ntraining_rows=%s\\n' "$2.predictions" "$2.rows"
"""


@pytest.fixture(scope="module")
def statistician() -> Iterator[Statistician]:
    with Statistician() as one:
        yield one


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    files = {"data/train.csv": ONE}
    return trainers.make(tmp_path / "repository", files=files, key=["id"])


def test_equal_data_differs_in_nothing(repository: Repository, statistician: Statistician) -> None:
    before = train(repository)
    repository.commit({"code/score": "0.8\n"})

    assert between(repository, statistician, before, train(repository)) == (None, "")


def test_tracked_data_is_compared_as_it_is_in_both_commits(
    repository: Repository, statistician: Statistician
) -> None:
    before = train(repository)
    repository.commit({"data/train.csv": OTHER})
    after = train(repository)
    repository.commit({"data/train.csv": None})

    found, why = between(repository, statistician, before, after)

    assert why == ""
    assert found is not None
    assert found.changes == Changes(added=2, removed=1, changed=1, same=1, ambiguous=0)
    assert found.columns.rows == (3, 4)
    assert found.columns.balance is not None
    assert found.duplicates == (Duplicates(rows=3, distinct=2), Duplicates(rows=4, distinct=3))
    assert list((repository.folder / ".trainshed/checkouts").iterdir()) == []


def test_a_commit_and_a_model_are_enough(
    repository: Repository, statistician: Statistician
) -> None:
    before = (repository.head, "tiny")
    after = (repository.commit({"data/train.csv": OTHER}), "tiny")

    found, _ = between(repository, statistician, before, after)

    assert found is not None
    assert list(repository.store.runs()) == []


def test_data_that_moved_is_compared_wherever_it_lies(
    repository: Repository, statistician: Statistician
) -> None:
    before = train(repository)
    repository.commit(
        {
            "data/train.csv": None,
            "data/v2.csv": OTHER,
            "trainshed.yml": trainers.config(key=["id"], data="data/v2.csv"),
        }
    )

    found, _ = between(repository, statistician, before, train(repository))

    assert found is not None
    assert found.columns.rows == (3, 4)


def test_what_is_fetched_is_fetched_where_this_is_allowed_and_a_reason_elsewhere(
    repository: Repository, statistician: Statistician
) -> None:
    before = train(repository)
    digest = hashlib.sha256(OTHER.encode()).hexdigest()
    data = {"path": "data/big.csv", "fetch": ["cp", "code/kept", "{data}"], "sha256": digest}
    repository.commit({"code/kept": OTHER, "trainshed.yml": trainers.config(key=["id"], data=data)})
    after = train(repository)

    found, _ = between(repository, statistician, before, after)
    elsewhere = between(repository, statistician, before, after, may_train=False)

    assert found is not None
    assert found.columns.rows == (3, 4)
    assert elsewhere == (None, FETCHES_NOTHING)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("data/train.json", "{}\n", "data/train.json cannot be read as a table: only CSV and TSV"),
        ("data/train.csv", "id,a,y\n1,2\n", "data/train.csv cannot be read as a table: a row has"),
        ("data/train.csv", "a,y\n1,2\n", "data/train.csv has no column id; it has: a, y"),
    ],
)
def test_data_that_is_no_table_with_the_key_is_a_reason(
    repository: Repository, statistician: Statistician, name: str, content: str, why: str
) -> None:
    before = train(repository)
    repository.commit({name: content, "trainshed.yml": trainers.config(key=["id"], data=name)})

    found, reason = between(repository, statistician, before, train(repository))

    assert found is None
    assert reason.startswith(why)
    assert not reason.endswith(".")


def test_a_key_that_is_new_finds_rows_by_content_alone(
    repository: Repository, statistician: Statistician
) -> None:
    repository.commit({"data/train.csv": "a,y\n1,yes\n2,no\n"})
    before = train(repository)
    repository.commit({"data/train.csv": OTHER})

    found, _ = between(repository, statistician, before, train(repository))

    assert found is not None
    assert found.changes is None
    assert found.columns.added == ("id",)


def test_data_that_cannot_be_found_is_a_reason(
    repository: Repository, statistician: Statistician
) -> None:
    before = (repository.head, "tiny")
    repository.commit({"data/train.csv": None})

    found = between(repository, statistician, before, (repository.head, "tiny"))

    assert found == (None, f"data/train.csv is not in commit {repository.head[:12]}")


def test_a_commit_that_a_shallow_clone_lacks_is_fetched(
    tmp_path: Path, statistician: Statistician
) -> None:
    full = repositories.make(tmp_path, repositories.project_files(target="a"))
    first = full.git("rev-parse", "HEAD")
    second = full.commit_and_push({"data/churn.csv": "a,b\n1,2\n3,4\n"})
    shallow = full.clone("shallow", depth=1)

    without, why = asking(shallow, statistician, None).between(
        (first, "churn"), (second, "churn"), chosen=chosen_of(shallow)
    )
    found, _ = asking(shallow, statistician, shallow.origin).between(
        (first, "churn"), (second, "churn"), chosen=chosen_of(shallow)
    )

    assert without is None
    assert first[:12] in why
    assert found is not None
    assert found.columns.rows == (1, 2)


@pytest.mark.parametrize(
    ("keys", "rows", "leaked", "examples"),
    [
        pytest.param({"key": []}, "1\n2\n", 1, (("2", "2"),), id="by-ids"),
        pytest.param({}, "1\n2\n", 2, (("2", "2"), ("3", "2")), id="by-content"),
        pytest.param({}, "row_id\n1\n", 0, (), id="none"),
        pytest.param({"key": ["name"]}, "2\n", 1, (("2", "2"),), id="key-that-is-not-there"),
        pytest.param({"private": ["id"]}, "2\n", 2, (), id="private"),
    ],
)
def test_rows_of_the_evaluation_that_were_trained_on_are_counted(
    repository: Repository,
    statistician: Statistician,
    *,
    keys: dict[str, Any],
    rows: str,
    leaked: int,
    examples: tuple[tuple[str, str], ...],
) -> None:
    outcome = train_saying(repository, rows, **keys)

    found = leakage(repository, statistician, outcome)

    assert found is not None
    assert (found.rows, found.evaluated) == (leaked, 2)
    assert found.examples == examples


def test_of_a_run_that_does_not_say_what_it_was_trained_on_nothing_is_known(
    repository: Repository, statistician: Statistician
) -> None:
    assert leakage(repository, statistician, train(repository)) is None


def test_training_rows_that_cannot_be_read_are_an_error(
    repository: Repository, statistician: Statistician
) -> None:
    outcome = train_saying(repository, "2\n")
    assert outcome.run.training_rows is not None
    (outcome.folder / outcome.run.training_rows.path).write_bytes(b"\xff\xff")

    with pytest.raises(TrainingRowsCannotBeRead, match=f"run {outcome.run.run_id[:12]}"):
        leakage(repository, statistician, outcome)


def train_saying(repository: Repository, rows: str, **keys: Any) -> Outcome:
    """Train a model that says which rows it was trained on."""
    known = {"key": ["id"], "env": {"ROWS": rows}, **keys}
    trainer = trainers.TRAINER + SAYS_ROWS
    repository.commit({"code/train.sh": trainer, "trainshed.yml": trainers.config(**known)})
    return train(repository)


def between(
    repository: Repository,
    statistician: Statistician,
    before: Outcome | tuple[str, str],
    after: Outcome | tuple[str, str],
    *,
    may_train: bool = True,
) -> tuple[Any, str]:
    trainings = dataclasses.replace(repository.trainings, may_train=may_train)
    questions = DataQuestions(trainings=trainings, statistician=statistician)
    return questions.between(before, after, chosen=chosen_of(repository))


def leakage(repository: Repository, statistician: Statistician, outcome: Outcome) -> Any:
    questions = DataQuestions(trainings=repository.trainings, statistician=statistician)
    return questions.leakage(outcome, chosen_of(repository))


def asking(repo: Repo, statistician: Statistician, origin: Origin | None) -> DataQuestions:
    trainings = Trainings(
        project=repo.project,
        store=Store(repo.project),
        tell=trainers.ignore,
        output=trainers.ignore,
    )
    return DataQuestions(trainings=trainings, statistician=statistician, origin=origin)


def chosen_of(one: Repository | Repo) -> Any:
    (chosen,) = one.project.config().models.values()
    return chosen


def train(repository: Repository) -> Outcome:
    return repository.trainings.train_or_find(repository.head, None)
