import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import trainers
import yaml
from trainers import ROOT, Repository

from trainshed import determinism, repetition

SCORES_BY_SEED = """\
mkdir -p "$(dirname "$2")"
echo "seed $3" >"$2"
printf 'dataset=%s\\nmetric.score=0.9%s\\nartifact=%s\\n' "$1" "$3" "$2"
"""
UNLIKE = """\
mkdir -p "$(dirname "$2")"
unlike=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
echo "$unlike" >"$2"
printf 'dataset=%s\\nmetric.score=0.9%s\\nartifact=%s\\n' "$1" "$unlike" "$2"
"""
# Seed 1 waits for a file outside; {gate} is its path.
ONE_WAITS = 'echo started; while [ "$3" = 1 ] && [ ! -e "{gate}" ]; do sleep 0.05; done\n'


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return trainers.make(tmp_path / "repository", files={"code/train.sh": SCORES_BY_SEED})


def outputs_of(finished: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in finished.stdout.splitlines())


def test_the_spread_of_seeds_is_told_as_a_table_and_as_an_output(repository: Repository) -> None:
    finished = repository.script("train", "--repeat", "3")

    assert finished.returncode == 0, finished.stderr
    outputs = outputs_of(finished)
    repeat = json.loads(outputs["repeat"])
    score = repeat["metrics"]["score"]
    assert list(repeat["seeds"]) == ["0", "1", "2"]
    assert repeat["seeds"]["0"] == outputs["run-id"]
    assert json.loads(outputs["metrics"]) == {"score": 0.90}
    assert (score["lowest"], score["highest"]) == (0.90, 0.92)
    assert score["mean"] == pytest.approx(0.91)
    assert score["deviation"] == pytest.approx(0.01)
    # Student's t of 2 degrees of freedom (0.975) is 4.3027; times √2, times the deviation.
    assert score["limit"] == pytest.approx(0.060849, abs=1e-6)
    assert "3 trained, 0 found" in finished.stderr
    assert "    score   0.9100  0.0100              0.9000  0.9200   0.0608\n" in finished.stderr


def test_what_was_found_lies_beside_the_run_of_the_models_own_seed(
    repository: Repository,
) -> None:
    repository.script("train", "--repeat", "2")

    plan = repository.trainings.plan(repository.head, None)
    found = repetition.find(repository.store.folder(plan.run_id), plan.ingredients)

    assert found is not None
    assert found.metrics == {"score": (0.90, 0.91)}
    assert repository.git("status", "--porcelain") == ""


def test_more_seeds_find_those_that_are_there(repository: Repository) -> None:
    repository.script("train", "--repeat", "2")

    finished = repository.script("train", "--repeat", "3", "--jobs", "1")

    assert "1 at once: 1 trained, 2 found" in finished.stderr


def test_in_a_workflow_it_is_on_the_summary(repository: Repository, tmp_path: Path) -> None:
    files = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary"}
    places = {name: str(tmp_path / file) for name, file in files.items()}

    repeated = repository.script("train", "--repeat", "2", **places)
    verified = repository.script("train", "--verify", **places)

    assert (repeated.returncode, verified.returncode) == (0, 0)
    summary, output = ((tmp_path / file).read_text() for file in ("summary", "output"))
    assert "</details>\n\n**tiny**: commit `" in summary
    assert "| score | 0.9050 | 0.0071 | 0.9000 | 0.9100 | 0.1271 |" in summary
    assert "was trained twice: ✅ **bit-identical**" in summary
    assert "\nrepeat<<" in output
    assert "\nverified<<" in output


def test_a_dry_run_tells_every_seed_and_trains_none(repository: Repository) -> None:
    repository.script("train", "--seed", "1")

    planned = repository.script("train", "--repeat", "3", "--jobs", "2", "--dry-run")

    first, second, third = (
        repository.trainings.plan(repository.head, None, seed=seed).run_id for seed in range(3)
    )
    lines = planned.stderr.splitlines()
    assert outputs_of(planned)["run-id"] == first
    assert outputs_of(planned)["found"] == "false"
    assert lines[0] == f"Run {first[:12]} of tiny would be trained with"
    assert lines[3:] == [
        f"Run {second[:12]}, seed 1, is in the run store",
        f"Run {third[:12]}, seed 2, would be trained",
        "2 at once",
    ]
    assert len(list(repository.store.runs())) == 1


def test_a_dry_run_tells_that_it_would_be_trained_twice(repository: Repository) -> None:
    planned = repository.script("train", "--verify", "--dry-run")

    assert planned.stderr.endswith("\nThen it would be trained once more, aside, and compared\n")
    assert list(repository.store.runs()) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--repeat", "1"], "argument --repeat: should be a number from 2 on, got '1'"),
        (["--repeat", "many"], "argument --repeat: should be a number from 2 on, got 'many'"),
        (["--repeat", "2", "--jobs", "0"], "argument --jobs: should be a number from 1 on"),
        (["--repeat", "2", "--verify"], "not allowed with argument --repeat"),
    ],
    ids=["once", "no-number", "no-jobs", "both"],
)
def test_what_cannot_be_asked_is_told(
    repository: Repository, arguments: list[str], problem: str
) -> None:
    finished = repository.script("train", *arguments)

    assert finished.returncode == 2
    assert problem in finished.stderr


def test_a_model_that_ignores_its_seed_is_an_error_even_in_a_dry_run(
    repository: Repository,
) -> None:
    train = ["sh", "code/train.sh", "{data}", "{out}"]
    repository.commit({"trainshed.yml": trainers.config(train=train)})

    for further in ([], ["--dry-run"]):
        finished = repository.script("train", "--repeat", "2", *further)
        assert finished.returncode == 2
        assert finished.stderr.startswith("error[seed-is-not-used]: trainshed.yml: models/tiny ")
        assert 'env: {SEED: "{seed}"}' in finished.stderr


def test_a_seed_that_fails_loses_no_other(repository: Repository) -> None:
    fails = '[ "$3" != 0 ] || { echo "unlucky"; exit 3; }\n'
    repository.commit({"code/train.sh": fails + SCORES_BY_SEED})

    finished = repository.script("train", "--repeat", "3")

    assert finished.returncode == 3
    assert "seed 0 failed: `sh code/train.sh" in finished.stderr
    assert "error[trainer-failed]" in finished.stderr
    assert {one.ingredients.params["seed"] for one in repository.store.runs()} == {"1", "2"}
    assert not list((repository.folder / ".trainshed/runs").glob("*/repetition.json"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_an_interrupt_ends_all_trainers_and_leaves_nothing(
    repository: Repository, number: signal.Signals
) -> None:
    repository.commit({"code/train.sh": "echo started; sleep 600"})
    process = start(repository)
    await_lines(process, ["seed 0: started", "seed 1: started"])
    programs = [one for one in psutil.Process(process.pid).children() if one.name() == "sh"]

    process.send_signal(number)
    _, errors = process.communicate()

    assert process.returncode == 130
    assert errors.endswith("\nInterrupted. Nothing half-done counts: run it again.\n")
    assert "Traceback" not in errors
    assert len(programs) == 2
    assert not any(program.is_running() for program in programs)
    assert leftovers(repository) == []


def test_killed_the_seeds_that_ended_are_kept_and_the_next_run_makes_the_rest(
    repository: Repository, tmp_path: Path
) -> None:
    waits = ONE_WAITS.format(gate=tmp_path / "gate")
    repository.commit({"code/train.sh": waits + SCORES_BY_SEED})
    process = start(repository)
    await_lines(process, ["seed 1: started", "trained (1 of 2)"])
    programs = psutil.Process(process.pid).children()

    process.kill()
    process.communicate()
    for program in programs:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)

    assert [one.ingredients.params["seed"] for one in repository.store.runs()] == ["0"]
    (tmp_path / "gate").touch()
    finished = repository.script("train", "--repeat", "2")
    assert finished.returncode == 0, finished.stderr
    assert "1 trained, 1 found" in finished.stderr
    assert leftovers(repository) == []


def test_what_differs_is_told_and_is_an_answer(repository: Repository) -> None:
    repository.commit({"code/train.sh": UNLIKE})

    finished = repository.script("train", "--verify")

    assert finished.returncode == 0
    assert outputs_of(finished)["verified"] == "different"
    assert "    different: it did not come out the same\n" in finished.stderr
    assert "      other bytes: artifact\n" in finished.stderr
    assert "PYTHONHASHSEED" in finished.stderr
    run_id = outputs_of(finished)["run-id"]
    found = determinism.find(repository.store.folder(run_id), run_id)
    assert found is not None
    assert found.level == "different"
    assert leftovers(repository) == []


def test_the_example_comes_out_the_same_again(tmp_path: Path) -> None:
    """Trained by the Python that runs the tests: its libraries are the example's, or newer."""
    known = yaml.safe_load((ROOT / "trainshed.yml").read_text())["models"]["churn"]
    known["train"][0] = sys.executable
    del known["lock"]
    known["env"] = {"OMP_NUM_THREADS": "1"}  # on a busy machine threads wait for each other
    files = {
        path: (ROOT / path).read_bytes() for path in ("data/v1/train.csv", "pipelines/train.py")
    }
    repository = trainers.make(tmp_path, files=files)
    repository.commit({"trainshed.yml": json.dumps({"models": {"churn": known}})})

    finished = repository.script("train", "--verify")

    assert finished.returncode == 0, finished.stderr
    assert outputs_of(finished)["verified"] in {"bit-identical", "prediction-identical"}
    assert json.loads(outputs_of(finished)["metrics"])["f1"] > 0.8


def start(repository: Repository) -> subprocess.Popen[str]:
    return subprocess.Popen(
        trainers.command("train", "--repeat", "2", "--jobs", "2"),
        cwd=repository.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def await_lines(process: subprocess.Popen[str], parts: list[str]) -> None:
    """Read what is told until each part was, in whatever order."""
    assert process.stderr is not None
    missing = set(parts)
    for line in process.stderr:
        missing -= {part for part in missing if part in line}
        if not missing:
            return
    raise AssertionError(f"never told: {missing}")


def leftovers(repository: Repository) -> list[Path]:
    state = repository.folder / ".trainshed"
    return [*(state / "checkouts").iterdir(), *(state / "runs").glob(".*")]
