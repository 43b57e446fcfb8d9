import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import trainers
from trainers import Repository

LIFETIME_SH = """\
set -eu
data=$1 out=$2
echo "months in $(ls "$data" | wc -l) files"
cat "$data"/*.csv | awk -F, '$2 + 0 > 0 { sum += $2; n += 1 } END { print sum / n }' >"$out"
echo "dataset=$data"
echo "metric.rmse=$(awk '{ print $1 / 10 }' "$out")"
echo "artifact=$out"
"""
LIFETIME_R = """\
given <- commandArgs(trailingOnly = TRUE)
months <- read.csv(file.path(given[1], "one.csv"))$months
saveRDS(mean(months), given[2])
cat(sprintf("dataset=%s\\nmetric.rmse=%f\\nartifact=%s\\n", given[1], sd(months), given[2]))
"""
LIFETIME_DATA = {
    "data/lifetime/one.csv": "plan,months\nbasic,10\ngold,30\n",
    "data/lifetime/two.csv": "plan,months\nbasic,20\n",
}

# Runs a script in a process that ends itself at its nth operation on Trainshed's own files or start
# of a program, and prints how many there were when it ends by itself.
KILLED_AT = """\
import itertools, os, runpy, signal, sys
moment, operations = int(sys.argv.pop(1)), itertools.count()
def listen(event, arguments):
    is_own = arguments and isinstance(arguments[0], str) and ".trainshed" in arguments[0]
    if event == "subprocess.Popen" or (is_own and event != "import"):
        if next(operations) == moment:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(listen)
sys.argv.pop(0)
sys.path.insert(0, os.path.dirname(sys.argv[0]))
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(next(operations), flush=True)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return trainers.make(tmp_path / "repository")


def test_help_teaches_and_shows_examples(repository: Repository) -> None:
    finished = repository.script("train", "--help")

    assert finished.returncode == 0
    assert "Train a model from a clean checkout of a commit" in finished.stdout
    assert "  scripts/train.py --seed 7             another seed is another run" in finished.stdout


def test_what_it_did_is_told_and_its_outputs_are_lines(repository: Repository) -> None:
    finished = repository.script("train")

    assert finished.returncode == 0
    outputs = dict(line.split("=", 1) for line in finished.stdout.splitlines())
    assert list(outputs) == [
        "run-id",
        "found",
        "run-folder",
        "dataset-digest",
        "artifact",
        "metrics",
    ]
    assert outputs["found"] == "false"
    assert json.loads(outputs["metrics"]) == {"score": 0.9}
    assert Path(outputs["artifact"]).read_text() == "trained on 3 rows with seed 0\n"
    assert finished.stderr.splitlines()[:3] == [
        "    dataset=data/train.csv",
        "    metric.score=0.9",
        "    artifact=models/tiny",
    ]
    done = f"  ✓ Training from commit {repository.head[:12]}: run {outputs['run-id'][:12]} trained"
    assert finished.stderr.splitlines()[3].startswith(done)


def test_the_second_time_the_run_is_found(repository: Repository) -> None:
    first = repository.script("train")

    second = repository.script("train")

    assert second.stdout == first.stdout.replace("found=false", "found=true")
    assert "found, not trained again" in second.stderr


def test_in_a_workflow_the_outputs_are_step_outputs(repository: Repository, tmp_path: Path) -> None:
    finished = repository.script("train", GITHUB_OUTPUT=str(tmp_path / "output"))

    assert (finished.returncode, finished.stdout) == (0, "")
    lines = (tmp_path / "output").read_text().splitlines()
    names = [line.partition("<<")[0] for line in lines[::3]]
    assert names == ["run-id", "found", "run-folder", "dataset-digest", "artifact", "metrics"]


def test_a_dry_run_tells_the_run_and_makes_none(repository: Repository) -> None:
    planned = repository.script("train", "--dry-run")
    assert list(repository.store.runs()) == []
    trained = repository.script("train")
    found = repository.script("train", "--dry-run")

    run_id, is_found, folder = planned.stdout.splitlines()
    digest = repository.trainings.plan(repository.head, None).dataset.digest
    assert is_found == "found=false"
    assert trained.stdout.startswith(f"{run_id}\n")
    assert planned.stderr == (
        f"Run {run_id[7:19]} of tiny would be trained with\n"
        "  sh code/train.sh {data} {out} {seed}\n"
        f"  data data/train.csv sha256:{digest}\n"
    )
    assert folder == f"run-folder={repository.folder}/.trainshed/runs/{run_id[7:]}"
    assert found.stdout == f"{run_id}\nfound=true\n{folder}\n"
    assert f"\n{folder}\n" in trained.stdout
    assert found.stderr.startswith(f"Run {run_id[7:19]} of tiny is in the run store")


def test_in_a_workflow_the_run_is_on_the_jobs_summary(
    repository: Repository, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    repository.script("train", GITHUB_STEP_SUMMARY=str(summary))
    (run,) = repository.store.runs()

    first = summary.read_text()
    assert first.startswith(f"**tiny**: run `{run.run_id[:12]}` trained in ")
    assert "| score | 0.9000 |" in first

    repository.script("train", GITHUB_STEP_SUMMARY=str(summary))
    assert "found, not trained again" in summary.read_text().removeprefix(first)


def test_a_dry_run_makes_no_environment(repository: Repository, tmp_path: Path) -> None:
    lock = {"trainshed.yml": trainers.config(lock="lock.txt"), "lock.txt": "no-such-package==0\n"}
    repository.commit(lock)

    planned = repository.script("train", "--dry-run", TRAINSHED_CACHE=str(tmp_path / "cache"))

    assert planned.returncode == 0, planned.stderr
    assert not (tmp_path / "cache").exists()


def test_in_a_workflow_the_trainers_lines_are_folded_and_command_nothing(
    repository: Repository,
) -> None:
    repository.commit({"code/train.sh": "echo ::add-mask::score\n" + trainers.TRAINER})

    told = repository.script("train", GITHUB_ACTIONS="true").stderr.splitlines()

    assert told[0] == f"::group::Training from commit {repository.head[:12]}"
    _, _, token = told[1].partition("::stop-commands::")
    masked, end = told.index("    ::add-mask::score"), told.index(f"::{token}::")
    assert 1 < masked < end
    assert told[end + 1] == "::endgroup::"
    assert told[end + 2].startswith("  ✓ Training from commit")


def test_a_commit_and_a_seed_can_be_named(repository: Repository) -> None:
    first = repository.head
    repository.commit({"code/score": "0.7\n"})
    repository.git("tag", "old", first)

    finished = repository.script("train", "--commit", "old", "--seed", "7")

    assert 'metrics={"score": 0.9}' in finished.stdout
    (run,) = repository.store.runs()
    assert (run.commit, run.ingredients.params) == (first, {"seed": "7"})


def test_again_trains_a_run_that_is_there(repository: Repository) -> None:
    repository.script("train")

    finished = repository.script("train", "--again")

    assert "found=false" in finished.stdout
    assert len(list(repository.store.runs())) == 1


def test_changed_files_are_reported_as_no_part_of_the_run(repository: Repository) -> None:
    repository.git("mv", "code/score", "code/renamed")
    repository.write({"data/train.csv": "changed", "untracked": "x"})

    finished = repository.script("train")

    assert finished.returncode == 0
    told = finished.stderr.splitlines()[0]
    assert told.endswith("changed files are no part of this run, which is made of the last commit: "
                         "code/renamed, code/score, data/train.csv")  # fmt: skip
    assert told.startswith("    3 ")


def test_any_folder_of_the_project_will_do(repository: Repository, tmp_path: Path) -> None:
    inside = subprocess.run(
        trainers.command("train"), cwd=repository.folder / "code", check=False, capture_output=True
    )
    outside = subprocess.run(
        trainers.command("train", "--repository", str(repository.folder / "data")),
        cwd=tmp_path,
        check=False,
        capture_output=True,
    )

    assert (inside.returncode, outside.returncode) == (0, 0)
    assert len(list(repository.store.runs())) == 1


def test_it_works_from_a_git_hook(repository: Repository) -> None:
    """Git tells a hook where its index is; a program below that believed it would destroy it."""
    hook = repository.folder / ".git/hooks/pre-commit"
    hook.write_text(f"#!/bin/sh\nexec {' '.join(trainers.command('train'))}\n")
    hook.chmod(0o755)
    before = repository.head

    repository.commit({"code/score": "0.7\n"})

    assert repository.git("show", "--stat", "--format=", "HEAD").startswith(" code/score | 2 +-")
    (run,) = repository.store.runs()
    assert (run.commit, run.metrics) == (before, {"score": 0.9})


def test_a_second_model_in_bash_needs_configuration_only(repository: Repository) -> None:
    add_lifetime(repository, ["bash", "code/lifetime.sh", "{data}", "{out}"])
    repository.commit({"code/lifetime.sh": LIFETIME_SH})

    lifetime = repository.script("train", "--model", "lifetime")
    tiny = repository.script("train", "--model", "tiny")

    assert (lifetime.returncode, tiny.returncode) == (0, 0)
    assert 'metrics={"rmse": 2.0}' in lifetime.stdout
    assert "    months in 2 files\n" in lifetime.stderr
    assert {run.model for run in repository.store.runs()} == {"lifetime", "tiny"}


def test_a_second_model_in_r_needs_configuration_only(repository: Repository) -> None:
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not on PATH: A MODEL IN R IS NOT TESTED")
    add_lifetime(repository, ["Rscript", "code/lifetime.R", "{data}", "{out}"])
    repository.commit({"code/lifetime.R": LIFETIME_R})

    lifetime = repository.script("train", "--model", "lifetime")

    assert lifetime.returncode == 0, lifetime.stderr
    assert 'metrics={"rmse": 14.14' in lifetime.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_an_interrupt_ends_the_trainer_and_leaves_nothing(
    repository: Repository, number: signal.Signals
) -> None:
    repository.commit({"code/train.sh": "echo started; sleep 600"})
    process = start(repository)
    await_line(process, "started")
    (program,) = [one for one in psutil.Process(process.pid).children() if one.name() == "sh"]

    process.send_signal(number)
    _, errors = process.communicate()

    assert process.returncode == 130
    assert errors.endswith("\nInterrupted. Nothing half-done counts: run it again.\n")
    assert "Traceback" not in errors
    assert not program.is_running()
    assert leftovers(repository) == []


def test_a_reader_that_goes_away_ends_the_trainer(repository: Repository) -> None:
    repository.commit(
        {
            "code/train.sh": "while :; do echo more; done",
            "trainshed.yml": trainers.config(timeout="2h"),
        }
    )
    process = start(repository)
    await_line(process, "more")
    (program,) = [one for one in psutil.Process(process.pid).children() if one.name() == "sh"]
    assert process.stderr is not None

    process.stderr.close()

    assert process.wait() == 141
    assert not program.is_running()
    assert leftovers(repository) == []


def test_killed_at_any_moment_the_next_run_repairs_what_is_left(repository: Repository) -> None:
    whole = killed_at(repository.clone(repository.folder.parent / "clone"), -1)
    count = int(whole.stdout.splitlines()[-1])

    for moment in range(0, count, max(1, count // 12)):
        finished = killed_at(repository, moment)
        assert finished.returncode in (-signal.SIGKILL, 0)
        for run in repository.store.runs():
            assert repository.store.find(run.run_id) == run
        if finished.returncode == -signal.SIGKILL and list(repository.store.runs()):
            shutil.rmtree(repository.folder / ".trainshed/runs")

    assert_it_converges(repository)


def test_killed_with_all_it_started_the_next_run_repairs_what_is_left(
    repository: Repository,
) -> None:
    repository.commit({"code/train.sh": "sleep 0.1\n" + trainers.TRAINER})
    moments = random.Random(2)

    for _ in range(8):
        process = start(repository)
        time.sleep(moments.uniform(0.1, 0.5))  # it is killed at any moment: nothing is awaited
        for one in [process.pid, *(child.pid for child in children_of(process))]:
            kill_group(one)
        process.communicate()
        for run in repository.store.runs():
            assert repository.store.find(run.run_id) == run

    assert_it_converges(repository)


def add_lifetime(repository: Repository, train: list[str]) -> None:
    """Add a second model to the configuration, and its data: nothing else changes."""
    lifetime = {
        "data": "data/lifetime/",
        "target": "months",
        "train": train,
        "metrics": {"rmse": {"direction": "minimize"}},
        "serve": "none",
    }
    models = {"tiny": trainers.model(), "lifetime": lifetime}
    repository.commit({"trainshed.yml": json.dumps({"models": models}), **LIFETIME_DATA})


def start(repository: Repository) -> subprocess.Popen[str]:
    return subprocess.Popen(
        trainers.command("train"),
        cwd=repository.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def await_line(process: subprocess.Popen[str], part: str) -> None:
    assert process.stderr is not None
    assert any(part in line for line in process.stderr)


def killed_at(repository: Repository, moment: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KILLED_AT, str(moment), *trainers.command("train")[1:]],
        cwd=repository.folder,
        capture_output=True,
        text=True,
        check=False,
    )


def children_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpgid(pid), signal.SIGKILL)


def assert_it_converges(repository: Repository) -> None:
    finished = repository.script("train")

    assert finished.returncode == 0, finished.stderr
    assert len(list(repository.store.runs())) == 1
    assert leftovers(repository) == []
    assert repository.git("status", "--porcelain") == ""
    assert repository.git("worktree", "list").count("\n") == 0


def leftovers(repository: Repository) -> list[Path]:
    state = repository.folder / ".trainshed"
    return [*(state / "checkouts").iterdir(), *(state / "runs").glob(".*")]
