import json
import subprocess
from pathlib import Path

import pytest
import trainers
from trainers import Repository

from trainshed.run import Run


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Two runs of one model and one of another."""
    made = trainers.make(tmp_path_factory.mktemp("runs") / "repository")
    made.trainings.train_or_find(made.head, None)
    made.commit({"code/score": "0.8\n", "data/train.csv": trainers.DATA + "4,no\n"})
    made.trainings.train_or_find(made.head, None)
    models = {"tiny": trainers.model(), "other": trainers.model(seed=7)}
    made.commit({"trainshed.yml": json.dumps({"models": models})})
    made.trainings.train_or_find(made.head, "other")
    return made


@pytest.fixture(scope="module")
def runs(repository: Repository) -> dict[str, Run]:
    named = {f"{run.model} {run.metrics['score']}": run for run in repository.store.runs()}
    assert sorted(named) == ["other 0.8", "tiny 0.8", "tiny 0.9"]
    return named


def test_help_teaches_the_verbs_and_shows_examples(repository: Repository) -> None:
    finished = repository.script("runs", "--help")

    assert finished.returncode == 0
    assert "  compare A B   metric by metric: B against A" in finished.stdout
    assert "  scripts/runs.py list --model churn" in finished.stdout


def test_a_list_has_one_line_per_run(repository: Repository, runs: dict[str, Run]) -> None:
    finished = repository.script("runs", "list")

    header, *lines = finished.stdout.splitlines()
    assert header.split() == ["run", "model", "created", "commit", "data", "metrics"]
    assert {tuple(line.split()[:2]) for line in lines} == {
        (run.run_id[:12], run.model) for run in runs.values()
    }
    assert (finished.returncode, finished.stderr) == (0, "")


def test_a_list_can_be_of_one_model(repository: Repository, runs: dict[str, Run]) -> None:
    finished = repository.script("runs", "list", "--model", "other")

    assert finished.stdout.splitlines()[1].startswith(runs["other 0.8"].run_id[:12])
    assert len(finished.stdout.splitlines()) == 2


def test_a_list_as_json_holds_everything(repository: Repository, runs: dict[str, Run]) -> None:
    listed = json.loads(repository.script("runs", "list", "--json").stdout)

    assert {one["run_id"]: one["metrics"] for one in listed} == {
        run.run_id: run.metrics for run in runs.values()
    }


def test_an_empty_store_says_how_a_run_is_made(tmp_path: Path) -> None:
    made = trainers.make(tmp_path)

    assert made.script("runs", "list").stdout == (
        "The run store is empty: scripts/train.py makes a run.\n"
    )
    assert json.loads(made.script("runs", "list", "--json").stdout) == []


def test_show_tells_all_that_is_known(repository: Repository, runs: dict[str, Run]) -> None:
    run = runs["other 0.8"]

    finished = repository.script("runs", "show", run.run_id[:8])

    facts = dict(line.split(maxsplit=1) for line in finished.stdout.splitlines())
    assert (facts["run"], facts["commit"]) == (run.run_id, run.commit)
    assert facts["data"] == f"data/train.csv sha256:{run.dataset.digest}"
    assert facts["command"] == "sh code/train.sh {data} {out} {seed}"
    assert "given seed    7\n" in finished.stdout
    assert "metric score  0.8000\n" in finished.stdout


def test_show_as_json_is_the_record_itself(repository: Repository, runs: dict[str, Run]) -> None:
    run = runs["tiny 0.9"]

    finished = repository.script("runs", "show", "--json", run.run_id)

    assert finished.stdout == (repository.store.folder(run.run_id) / "run.json").read_text()


def test_compare_tells_what_differs(repository: Repository, runs: dict[str, Run]) -> None:
    before, after = runs["tiny 0.9"].run_id, runs["tiny 0.8"].run_id

    finished = repository.script("runs", "compare", before[:10], after[:10])

    header, *lines = finished.stdout.splitlines()
    changes = {line.split()[0]: line.split()[-1] for line in lines}
    assert header.split() == [before[:12], after[:12], "change"]
    assert changes["commit"] == changes["data"] == changes["code"] == "differs"
    assert changes["seed"] == changes["python"] == "same"
    assert changes["score"] == "−0.1000"


def test_a_run_that_is_not_there_is_told(repository: Repository) -> None:
    finished = repository.script("runs", "show", "aaaaaaaa")

    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == (
        f"error[run-is-unknown]: In {repository.store.home} there is no whole run aaaaaaaa.\n"
        "  List the runs with scripts/runs.py list, and give at least six digits of one; or train "
        "it: scripts/train.py.\n"
    )


def test_a_reader_that_goes_away_is_no_error(repository: Repository) -> None:
    process = subprocess.Popen(
        trainers.command("runs", "list"),
        cwd=repository.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()

    _, errors = process.communicate()

    assert (process.returncode, errors) == (141, "")


def test_a_verb_is_needed(repository: Repository) -> None:
    finished = repository.script("runs")

    assert finished.returncode == 2
    assert finished.stderr.endswith(
        "error: the following arguments are required: list | show | compare\n"
    )
