from dataclasses import replace
from pathlib import Path

import pytest
import records
import trainers
from trainers import Repository

from trainshed import determinism
from trainshed.determinism import Moved
from trainshed.evidence import Determinism
from trainshed.prediction_difference import Answers
from trainshed.run import File, Run

WHEN = "2026-01-02T03:04:05+00:00"
WHOLE = replace(records.RUN, predictions=File(path="predictions/p.csv", digest="aa" * 32, size=9))
OTHER = File(path="artifact/churn.pkl", digest="0e" * 32, size=1234)
OTHER_PREDICTIONS = File(path="predictions/p.csv", digest="bb" * 32, size=9)

# A test fills in what it hands over, where $unlike is another number each time.
TRAINER = """\
mkdir -p "$(dirname "$2")"
unlike=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
echo "{artifact}" >"$2"
printf "row_id,y_true,y_pred,y_score\\n{rows}" >"$2.csv"
printf "dataset=$1\\nmetric.score=0.9{metric}\\nartifact=$2\\npredictions=$2.csv\\n"
"""
ROWS = "a,yes,yes,0.9\\nb,no,no,0.2\\n"
UNLIKE = "a,yes,yes,0.9$unlike\\nb,no,no,0.2\\n"


def trains(folder: Path, *, artifact: str, rows: str = ROWS, metric: str = "") -> Repository:
    script = TRAINER.format(artifact=artifact, rows=rows, metric=metric)
    return trainers.make(folder, files={"code/train.sh": script})


def level(second: Run, answers: Answers | None = None) -> Determinism:
    return determinism.judge(WHOLE, second, answers, when=WHEN).level


def test_equal_files_are_bit_identical() -> None:
    found = determinism.judge(WHOLE, WHOLE, when=WHEN)

    assert (found.level, found.files, found.metrics) == ("bit-identical", (), ())
    assert found.run_id == WHOLE.run_id


@pytest.mark.parametrize("kind", ["artifact", "predictions", "examples", "schema", "training_rows"])
def test_every_file_of_the_trainer_counts(kind: str) -> None:
    found = determinism.judge(WHOLE, replace(WHOLE, **{kind: OTHER}), when=WHEN)

    assert found.files == (kind,)
    assert found.level != "bit-identical"


def test_the_profile_is_ours_and_does_not_count() -> None:
    assert level(replace(WHOLE, profile=OTHER)) == "bit-identical"


def test_the_same_answers_from_another_artifact_are_prediction_identical() -> None:
    assert level(replace(WHOLE, artifact=OTHER)) == "prediction-identical"


def test_answers_in_another_order_are_prediction_identical() -> None:
    second = replace(WHOLE, predictions=OTHER_PREDICTIONS)

    assert level(second, Answers(rows=9)) == "prediction-identical"
    assert level(second, Answers(rows=9, rescored=1)) == "metric-identical"
    assert level(second, None) == "metric-identical"


def test_without_predictions_nothing_is_said_of_answers() -> None:
    bare = replace(WHOLE, predictions=None)

    found = determinism.judge(bare, replace(bare, artifact=OTHER), when=WHEN)

    assert found.level == "metric-identical"


def test_metrics_that_moved_are_named_with_both_values() -> None:
    second = replace(
        WHOLE,
        predictions=OTHER_PREDICTIONS,
        metrics={"f1": 0.85, "log_loss": 0.231, "extra": 1.0},
    )

    found = determinism.judge(WHOLE, second, Answers(rows=9, changed=2), when=WHEN)

    assert found.level == "different"
    assert found.metrics == (
        Moved(metric="f1", first=0.8421, second=0.85),
        Moved(metric="rows", first=4000.0, second=None),
        Moved(metric="extra", first=None, second=1.0),
    )


def test_a_metric_of_time_takes_nothing_from_equal_files() -> None:
    found = determinism.judge(
        WHOLE, replace(WHOLE, metrics={**WHOLE.metrics, "rows": 1.0}), when=WHEN
    )

    assert found.level == "bit-identical"
    assert [one.metric for one in found.metrics] == ["rows"]


def test_what_was_kept_is_found_by_its_run(tmp_path: Path) -> None:
    proof = determinism.judge(
        WHOLE,
        replace(WHOLE, predictions=OTHER_PREDICTIONS, metrics={}),
        Answers(rows=9, rescored=3, largest=0.25, columns=("y_score.a",)),
        when=WHEN,
    )

    determinism.keep(tmp_path, proof)

    assert determinism.find(tmp_path, proof.run_id) == proof
    assert determinism.find(tmp_path, "0" * 64) is None
    (tmp_path / "determinism.json").write_text("{")
    assert determinism.find(tmp_path, proof.run_id) is None


def test_a_deterministic_trainer_is_bit_identical(tmp_path: Path) -> None:
    repository = trains(tmp_path, artifact="model")

    outcome, proof = determinism.verify(repository.trainings, repository.head, None)

    assert proof.level == "bit-identical"
    assert proof.run_id == outcome.run.run_id
    assert not outcome.was_found


def test_a_stamp_in_the_artifact_is_prediction_identical(tmp_path: Path) -> None:
    repository = trains(tmp_path, artifact="model $unlike")

    _, proof = determinism.verify(repository.trainings, repository.head, None)

    assert (proof.level, proof.files) == ("prediction-identical", ("artifact",))


def test_noisy_scores_are_counted_and_the_metrics_are_identical(tmp_path: Path) -> None:
    repository = trains(tmp_path, artifact="model", rows=UNLIKE)

    _, proof = determinism.verify(repository.trainings, repository.head, None)

    assert (proof.level, proof.files) == ("metric-identical", ("predictions",))
    assert proof.answers is not None
    assert (proof.answers.rows, proof.answers.changed, proof.answers.rescored) == (2, 0, 1)


def test_noisy_metrics_are_different(tmp_path: Path) -> None:
    repository = trains(tmp_path, artifact="$unlike", rows=UNLIKE, metric="$unlike")

    outcome, proof = determinism.verify(repository.trainings, repository.head, None)

    (moved,) = proof.metrics
    assert proof.level == "different"
    assert moved.first == outcome.run.metrics["score"] != moved.second


def test_predictions_that_cannot_be_read_are_told_and_lose_no_run(tmp_path: Path) -> None:
    repository = trains(tmp_path, artifact="model", rows="$unlike\\n")

    _, proof = determinism.verify(repository.trainings, repository.head, None)

    assert proof.level == "metric-identical"
    assert proof.answers is None
    assert "first training's predictions cannot be read" in proof.no_answers


def test_the_stored_run_stays_and_the_other_one_is_gone(tmp_path: Path) -> None:
    repository = trains(tmp_path, artifact="model $unlike")
    before = repository.trainings.train_or_find(repository.head, None)
    artifact = (before.folder / before.run.artifact.path).read_bytes()

    outcome, proof = determinism.verify(repository.trainings, repository.head, None)

    assert outcome.was_found
    assert proof.level == "prediction-identical"
    assert repository.store.find(before.run.run_id) == before.run
    assert (before.folder / before.run.artifact.path).read_bytes() == artifact
    runs = repository.folder / ".trainshed/runs"
    assert [path.name for path in runs.iterdir()] == [before.run.run_id]
