"""Where the run of a live release is found; out of its image: tests/e2e/test_live_run_image.py."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import repositories
import trainers
from trainers import Repository

from trainshed import engine, live_run
from trainshed.manifest import Manifest
from trainshed.training import Outcome, Trainings

TRAINER = """\
mkdir -p "$(dirname "$2")"
cp "$1" "$2"
printf 'row_id,y_true,y_pred\\n1,yes,yes\\n' >"$2.csv"
printf 'dataset=%s\\nmetric.score=0.9\\nartifact=%s\\npredictions=%s.csv\\n' "$1" "$2" "$2"
"""
RANDOM = "od -An -tx8 -N8 /dev/urandom | tr -d ' '"
IMAGE = "127.0.0.1:1/test/tiny@sha256:" + "0" * 64


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return trainers.make(tmp_path / "repository", files={"code/train.sh": TRAINER})


@pytest.fixture
def without_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere")
    engine.connect.cache_clear()
    yield
    engine.connect.cache_clear()


def test_a_run_in_the_store_is_it(repository: Repository) -> None:
    trained = train(repository)

    found, why = find(manifest_of(trained), repository.trainings)

    assert why == ""
    assert found is not None
    assert (found.run, found.folder) == (trained.run, trained.folder)
    assert (found.was_found, found.commit) == (True, repository.head)


def test_elsewhere_it_is_trained_again_from_its_commit(
    repository: Repository, tmp_path: Path
) -> None:
    manifest = manifest_of(train(repository))
    repository.commit({"code/score": "0.1\n"})
    clone = repository.clone(tmp_path / "clone")

    found, why = find(manifest, clone.trainings)

    assert why == ""
    assert found is not None
    assert (found.run.run_id, found.was_found) == (manifest.run_id, False)
    assert found.run.artifact.digest == manifest.artifact


def test_a_job_that_trains_nothing_says_so(repository: Repository, tmp_path: Path) -> None:
    manifest = manifest_of(train(repository))
    clone = repository.clone(tmp_path / "clone")

    found, why = find(manifest, dataclasses.replace(clone.trainings, may_train=False))

    assert found is None
    assert why == "it has no image, and this job trains nothing"


def test_an_image_is_not_looked_into_where_there_is_no_engine(
    repository: Repository, tmp_path: Path, without_engine: None
) -> None:
    manifest = manifest_of(train(repository), image=IMAGE)
    clone = repository.clone(tmp_path / "clone")

    found, why = find(manifest, dataclasses.replace(clone.trainings, may_train=False))

    assert found is None
    assert why == (
        "no container engine is here to look into its image, and this job trains nothing"
    )


@pytest.mark.parametrize("name", ["artifact", "predictions"])
def test_a_stored_run_that_is_not_what_was_released_does_not_count(
    repository: Repository, name: str
) -> None:
    """Its training is not deterministic: what was trained here is not what users get."""
    manifest = manifest_of(train(repository), **{name: "0" * 64})
    trainings = dataclasses.replace(repository.trainings, may_train=False)

    assert find(manifest, trainings) == (None, "it has no image, and this job trains nothing")


@pytest.mark.parametrize(
    ("changes", "is_usable"),
    [
        pytest.param({"artifact": "0" * 64}, True, id="equal-answers"),
        pytest.param({"predictions": "0" * 64}, True, id="equal-model"),
        pytest.param({"artifact": "0" * 64, "predictions": "1" * 64}, False, id="neither"),
        pytest.param({"artifact": "0" * 64, "predictions": None}, False, id="no-answers"),
    ],
)
def test_trained_again_the_model_or_its_answers_must_be_those_that_were_released(
    repository: Repository, changes: dict[str, Any], is_usable: bool
) -> None:
    trained = train(repository)

    found, why = find(manifest_of(trained, **changes), repository.trainings)

    if is_usable:
        assert (found and found.run, why) == (trained.run, "")
    else:
        assert found is None
        assert why == (
            "it has no image, and trained again it answers differently: its training is not "
            "deterministic"
        )


def test_a_training_that_differs_each_time_is_not_what_was_released(
    repository: Repository, tmp_path: Path
) -> None:
    random = TRAINER.replace("cp ", f'{RANDOM} >"$2"; : ').replace("1,yes", f"'$({RANDOM})',yes")
    repository.commit({"code/train.sh": random})
    manifest = manifest_of(train(repository))
    clone = repository.clone(tmp_path / "clone")

    found, why = find(manifest, clone.trainings)

    assert found is None
    assert "not deterministic" in why


def test_a_commit_that_gives_another_run_here_is_not_trained(repository: Repository) -> None:
    manifest = manifest_of(train(repository), run_id="0" * 64)
    here = repository.trainings.python.version
    before = list(repository.store.runs())

    assert find(manifest, repository.trainings) == (
        None,
        f"it has no image, and its commit gives another run here, where Python is {here}",
    )
    assert find(dataclasses.replace(manifest, python="3.7"), repository.trainings) == (
        None,
        f"it has no image, and it was trained with Python 3.7, which is {here} here",
    )
    assert list(repository.store.runs()) == before


@pytest.mark.parametrize(
    "what", ["its-training-fails", "its-commit-is-not-here", "its-model-is-unknown"]
)
def test_what_stops_its_training_is_told_and_is_a_reason(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    repository.commit({"code/train.sh": '[ -z "$BROKEN" ] || exit 1\n' + TRAINER})
    manifest = manifest_of(train(repository))
    monkeypatch.setenv("BROKEN", "yes")
    if what == "its-commit-is-not-here":
        manifest = dataclasses.replace(manifest, commit="0" * 40)
    if what == "its-model-is-unknown":
        manifest = dataclasses.replace(manifest, model="other")
    told: list[str] = []
    clone = repository.clone(tmp_path / "clone")

    found, why = live_run.find(manifest, trainings=clone.trainings, tell=told.append)

    assert (found, why) == (None, "it has no image, and it cannot be trained again")
    assert len(told) == 1


def manifest_of(trained: Outcome, **changes: Any) -> Manifest:
    run = trained.run
    assert run.predictions is not None
    made = dataclasses.replace(
        repositories.manifest_of(f"{run.model}@v1.0.0"),
        commit=run.commit,
        run_id=run.run_id,
        artifact=run.artifact.digest,
        predictions=run.predictions.digest,
    )
    return dataclasses.replace(made, **changes)


def find(manifest: Manifest, trainings: Trainings) -> tuple[Outcome | None, str]:
    return live_run.find(manifest, trainings=trainings, tell=trainers.ignore)


def train(repository: Repository) -> Outcome:
    return repository.trainings.train_or_find(repository.head, None)
