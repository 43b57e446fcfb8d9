"""release.py where trainers write predictions: the live release's own answers are the measure."""

import shutil
from pathlib import Path

import predicting
import pytest
from trainers import Repository

from trainshed import ledger, reconcile
from trainshed.manifest import Manifest
from trainshed.origin import Origin


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return predicting.released(tmp_path)


def test_the_gate_judges_by_intervals_and_the_manifest_keeps_them(repository: Repository) -> None:
    push(repository, "0.51")

    finished = repository.script("release")

    assert finished.returncode == 0, finished.stderr
    newest = released(repository)
    assert newest.evidence is not None
    assert newest.evidence.rows.compared == 200
    assert list(newest.evidence.metrics) == ["f1"]
    assert newest.evidence.metrics["f1"].interval is not None
    assert newest.gate.baseline == "tiny@v1.0.0"
    assert "profit" not in newest.to_json().partition('"evidence"')[2]


def test_a_worse_model_is_blocked_by_evidence(repository: Repository) -> None:
    push(repository, "0.8")

    finished = repository.script("release")

    assert "result=blocked" in finished.stdout
    assert str(released(repository).tag) == "tiny@v1.0.0"


def test_a_job_that_trains_nothing_judges_by_the_runs_that_are_there(
    repository: Repository,
) -> None:
    push(repository, "0.51")
    repository.script("train")

    finished = repository.script("release", "--no-train")

    assert "result=released" in finished.stdout, finished.stderr
    assert released(repository).evidence is not None


def test_without_the_live_run_the_gate_judges_by_numbers_and_says_why(
    repository: Repository,
) -> None:
    live = released(repository)
    push(repository, "0.51")
    repository.script("train")
    shutil.rmtree(repository.folder / ".trainshed" / "runs" / live.run_id)

    finished = repository.script("release", "--no-train")

    assert "result=released" in finished.stdout, finished.stderr
    assert released(repository).evidence is None
    assert "this job trains nothing" in finished.stderr


def test_a_plan_names_the_live_run_also_where_it_is_what_the_candidate_changes(
    repository: Repository,
) -> None:
    """The job that releases looks for it under this name; it knows of no other baseline."""
    live = released(repository)
    push(repository, "0.51")

    planned = repository.script("compare", "--dry-run")

    assert f"base-run-id={live.run_id}\n" in planned.stdout
    assert f"live-run-id={live.run_id}\n" in planned.stdout


def push(repository: Repository, rule: str) -> None:
    repository.commit({"code/rule": f"{rule}\n"})
    repository.git("push", "--quiet", "origin", "main")


def released(repository: Repository) -> Manifest:
    world = Origin(repository.project.repository).read()
    assert isinstance(world.ledger, ledger.Ledger)
    return reconcile.fold(world).of("tiny")[0]
