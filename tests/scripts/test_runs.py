import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import repositories
import results
import trainers
from records import RUN
from repositories import Repo
from trainers import Repository

from trainshed import experiment_record, ledger, run
from trainshed.origin import Change
from trainshed.run import Run

# It is right in three rows of four; what it answers in the fourth stands in code/answer.
ANSWERS = """\
%s
printf 'row_id,y_true,y_pred\\n' >"$2.csv"
for row in $(seq 200); do
  if [ $((row %% 4)) -eq 0 ]; then answer=$(cat code/answer); else answer=yes; fi
  echo "r$row,yes,$answer" >>"$2.csv"
done
echo "predictions=$2.csv"
right=$(grep -c yes,yes "$2.csv")
echo "metric.accuracy=$(awk "BEGIN { print $right / 200 }")"
"""


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
    assert "  compare A B   metric by metric: B against A, with intervals" in finished.stdout
    assert "  scripts/runs.py list --model churn" in finished.stdout


def test_a_list_has_one_line_per_run(repository: Repository, runs: dict[str, Run]) -> None:
    finished = repository.script("runs", "list")

    header, *lines = finished.stdout.splitlines()
    assert header.split() == ["run", "model", "created", "commit", "data", "source", "metrics"]
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
        "There is no such run. scripts/train.py makes one; it is kept in the run store.\n"
    )
    assert json.loads(made.script("runs", "list", "--json").stdout) == []


def test_a_list_is_filtered_sorted_and_cut(repository: Repository, runs: dict[str, Run]) -> None:
    finished = repository.script("runs", "list", "--where", "score<0.85", "--sort", "-score")
    best = repository.script("runs", "list", "--sort", "-score", "--limit", "1")
    of_commit = repository.script("runs", "list", "--commit", runs["tiny 0.8"].commit[:9])
    of_data = repository.script("runs", "list", "--data", runs["tiny 0.9"].dataset.digest[:9])
    none = repository.script("runs", "list", "--until", "2020-01-01")

    assert {line.split()[0] for line in finished.stdout.splitlines()[1:]} == {
        runs[name].run_id[:12] for name in ("tiny 0.8", "other 0.8")
    }
    assert [line.split()[0] for line in best.stdout.splitlines()[1:]] == [
        runs["tiny 0.9"].run_id[:12]
    ]
    assert len(of_commit.stdout.splitlines()) == len(of_data.stdout.splitlines()) == 2
    assert none.stdout.startswith("There is no such run.")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--where", "score"], "The condition 'score' is not of the form NAME SIGN VALUE."),
        (["--where", "f1>0.8"], "No run has a metric f1; there are score."),
        (["--sort", "-f1"], "No run has a metric f1; there are score."),
        (["--since", "today"], "'today' is neither a day nor a time."),
    ],
)
def test_a_bad_filter_is_told_with_an_example(
    repository: Repository, runs: dict[str, Run], arguments: list[str], problem: str
) -> None:
    finished = repository.script("runs", "list", *arguments)

    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(f"error[filter-is-not-understood]: {problem}\n  Write ")


@pytest.fixture
def recorded(tmp_path: Path) -> Repo:
    """A ledger with a run of main, released, which a pull request found too, and one of its own."""
    repo = repositories.make(tmp_path, repositories.project_files("churn"))
    same = experiment_record.of_result(
        results.compared(), pull_requests=[12], when="2026-01-02T03:04:05+00:00"
    )
    worse = experiment_record.of_result(
        results.compared(results.BAD, head="ee" * 20), pull_requests=[14, 15],
        when="2026-01-03T03:04:05+00:00",
    )  # fmt: skip
    other = replace(worse, run=replace(worse.run, run_id="5" * 64))
    experiment_record.write(repo.origin, [same, other])
    repo.released("churn@v1.0.0", run_id=same.run.run_id)
    main = {**run.summary(RUN), "run_id": same.run.run_id}
    repo.origin.change(
        lambda _: Change(
            records=ledger.run_records("churn", same.run.run_id, main), message="Release\n"
        )
    )
    return repo


def test_runs_of_the_ledger_are_listed_with_where_they_are_known_from(recorded: Repo) -> None:
    here = Repository(recorded.folder)

    finished = here.script("runs", "list")
    stored = here.script("runs", "list", "--source", "store")

    _, main, proposed = finished.stdout.splitlines()
    assert (main.split()[0], proposed.split()[0]) == ("1" * 12, "5" * 12)
    assert "  main, #12 pass  f1=0.8421 " in main
    assert "  #14 #15 fail    f1=0.7000 " in proposed
    assert (finished.returncode, finished.stderr) == (0, "")
    assert stored.stdout.startswith("There is no such run.")


def test_a_run_of_the_ledger_alone_is_shown_as_far_as_it_is_known(recorded: Repo) -> None:
    here = Repository(recorded.folder)

    shown = here.script("runs", "show", "111111").stdout
    as_json = json.loads(here.script("runs", "show", "111111", "--json").stdout)

    assert "known from       main\n" in shown
    assert "released as      churn@v1.0.0\n" in shown
    assert f"pull request     #12: pass (head {results.HEAD[:12]}, " in shown
    assert as_json[0]["places"]["releases"] == ["churn@v1.0.0"]


def test_runs_of_the_ledger_are_compared_by_their_numbers(recorded: Repo) -> None:
    finished = Repository(recorded.folder).script("runs", "compare", "111111", "555555")

    assert finished.returncode == 0
    assert "f1        0.8421        0.7000        −0.1421" in finished.stdout
    assert finished.stdout.endswith(
        "No intervals: 111111111111 is not in the run store, so its predictions are not here.\n"
    )


def test_without_the_origin_the_store_is_listed_and_that_is_told(recorded: Repo) -> None:
    recorded.git("remote", "set-url", "origin", "/nowhere")
    here = Repository(recorded.folder)

    finished = here.script("runs", "list")
    ledger_alone = here.script("runs", "list", "--source", "ledger")

    assert finished.returncode == 0
    assert finished.stdout.startswith("There is no such run.")
    assert finished.stderr.startswith(
        "without the ledger's runs, those of the store alone: The refs of the remote origin cannot"
    )
    assert ledger_alone.returncode == 4
    assert "error[origin-cannot-be-read]: " in ledger_alone.stderr


def test_a_record_that_cannot_be_read_is_told_and_left_out(recorded: Repo) -> None:
    recorded.write_on_ledger(f"runs/churn/{'7' * 64}.json", "{}")
    recorded.write_on_ledger(
        "runs/churn/seven.json", json.dumps({**run.summary(RUN), "run_id": "seven"})
    )

    finished = Repository(recorded.folder).script("runs", "list")

    assert len(finished.stdout.splitlines()) == 3
    assert finished.stderr.splitlines() == [
        f"runs/churn/{'7' * 64}.json in the ledger cannot be read: run_id: Field required",
        "runs/churn/seven.json in the ledger cannot be read: its run id is none",
    ]


def test_runs_with_predictions_are_compared_row_by_row(tmp_path: Path) -> None:
    metrics = {"accuracy": {"direction": "maximize", "tolerance": 0.01}}
    made = trainers.make(
        tmp_path,
        files={"code/train.sh": ANSWERS % trainers.TRAINER, "code/answer": "no\n"},
        metrics=metrics,
    )
    before = made.trainings.train_or_find(made.head, None).run.run_id
    made.commit({"code/answer": "yes\n"})
    after = made.trainings.train_or_find(made.head, None).run.run_id

    finished = made.script("runs", "compare", before, after)
    turned = made.script("runs", "compare", after, before)

    lines = {line.split()[0]: line.split() for line in finished.stdout.splitlines() if line}
    assert lines["accuracy"][1:4] == ["0.7500", "1.0000", "+0.2500"]
    low, to, high, finding = lines["accuracy"][4:]
    assert 0.15 < float(low) < 0.25 < float(high) < 0.35
    assert (to, finding) == ("to", "better")
    assert "On the 200 rows that both answered.\n" in finished.stdout
    assert "0 went right → wrong, 50 wrong → right (McNemar's test: p = " in finished.stdout
    assert "50 went right → wrong, 0 wrong → right" in turned.stdout
    assert " worse\n" in turned.stdout


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
    changes = {line.split()[0]: line.split()[-1] for line in lines if line}
    assert header.split() == [before[:12], after[:12]]
    assert changes["commit"] == changes["data"] == changes["code"] == "differs"
    assert changes["seed"] == changes["python"] == "same"
    assert "score  0.9000        0.8000        −0.1000" in finished.stdout
    assert finished.stdout.endswith(
        f"No intervals: the trainer of {before[:12]} wrote no predictions.\n"
    )


def test_a_run_that_is_not_there_is_told(repository: Repository) -> None:
    finished = repository.script("runs", "show", "aaaaaaaa")

    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == (
        "error[run-is-unknown]: There is no run whose id begins with aaaaaaaa, in the run store or "
        "the ledger.\n"
        "  List the runs with scripts/runs.py list, and give at least six digits of one.\n"
    )


def test_a_run_is_named_by_at_least_six_digits(
    repository: Repository, runs: dict[str, Run]
) -> None:
    finished = repository.script("runs", "show", runs["tiny 0.9"].run_id[:5])

    assert "error[run-is-unknown]: A run is named by at least six digits" in finished.stderr


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
        "error: the following arguments are required: list | show | compare | export\n"
    )
