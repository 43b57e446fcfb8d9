import json
from pathlib import Path

import pytest
import trainers
from trainers import Repository

from trainshed import comparison
from trainshed.comparison import Comparison


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One commit whose model scores 0.9."""
    return trainers.make(tmp_path / "repository")


def test_help_teaches_and_shows_examples(repository: Repository) -> None:
    finished = repository.script("compare", "--help")

    assert finished.returncode == 0
    assert "A\nworse model is an answer, not a failure" in finished.stdout
    assert "  scripts/compare.py --base origin/main     against another commit" in finished.stdout


@pytest.mark.parametrize(
    ("score", "verdict", "exit_code", "answer"),
    [
        pytest.param("0.95", "pass", 0, "better in score", id="better"),
        pytest.param("0.895", "pass", 0, "not worse in score", id="worse-within-the-tolerance"),
        pytest.param("0.88", "fail", 1, "worse in score", id="worse"),
        pytest.param("0.4", "fail", 1, "0.4", id="under-the-minimum"),
    ],
)
def test_a_verdict_is_an_answer_and_becomes_an_exit_code_only_when_asked(
    repository: Repository, score: str, verdict: str, exit_code: int, answer: str
) -> None:
    repository.commit({"code/score": score})

    finished = repository.script("compare", "--no-origin")
    asked = repository.script("compare", "--no-origin", "--exit-code")

    assert (finished.returncode, asked.returncode) == (0, exit_code)
    assert finished.stdout == asked.stdout
    assert finished.stdout.startswith(f"verdict={verdict}\n")
    assert answer in finished.stderr
    assert read(repository).verdict == verdict


def test_what_was_compared_is_in_the_json(repository: Repository) -> None:
    before = repository.head
    after = repository.commit({"code/score": "0.95"})

    repository.script("compare", "--no-origin")

    compared = read(repository)
    (baseline,) = compared.baselines
    assert (baseline.name, compared.gate) == ("parent", "parent")
    assert (baseline.side.commit, compared.candidate.commit) == (before, after)
    (finding,) = baseline.findings
    assert (finding.judgement, finding.baseline, finding.candidate) == ("better", 0.9, 0.95)


def test_a_change_that_trains_nothing_new_is_the_same_run(repository: Repository) -> None:
    repository.commit({"README.md": "words"})

    finished = repository.script("compare", "--no-origin")

    assert finished.stdout.startswith("verdict=pass\n")
    assert read(repository).baselines[0].is_same_run
    assert len(list(repository.store.runs())) == 1


def test_the_trainers_own_lines_are_kept_in_logs_only(repository: Repository) -> None:
    repository.commit({"code/train.sh": "echo epoch 1\n" + trainers.TRAINER})

    finished = repository.script("compare", "--no-origin")

    assert "epoch 1" not in finished.stdout + finished.stderr
    logs = [repository.store.folder(run.run_id) / "train.log" for run in repository.store.runs()]
    assert any("epoch 1" in log.read_text() for log in logs)


def test_without_a_parent_thresholds_alone_decide(repository: Repository) -> None:
    finished = repository.script("compare", "--no-origin")
    assert finished.stdout.startswith("verdict=pass\n")
    assert "nothing to compare it with yet" in finished.stderr

    alone = trainers.make(repository.folder.parent / "bad", files={"code/score": "0.4"})
    assert alone.script("compare", "--no-origin").stdout.startswith("verdict=fail\n")


@pytest.mark.parametrize("before", ["no-configuration", "malformed", "another-model"])
def test_a_model_that_is_new_has_no_baseline(repository: Repository, before: str) -> None:
    old = {
        "no-configuration": None,
        "malformed": "models: [",
        "another-model": json.dumps({"models": {"old": trainers.model()}}),
    }
    repository.commit({"trainshed.yml": old[before]})
    repository.commit({"trainshed.yml": trainers.config()})

    finished = repository.script("compare", "--no-origin")

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("verdict=pass\n")
    assert "    tiny is new since commit " in finished.stderr
    assert read(repository).gate is None


def test_a_change_that_mends_a_broken_trainer_is_compared_without_it(
    repository: Repository,
) -> None:
    repository.commit({"code/train.sh": "echo broken >&2; exit 1"})
    repository.commit({"code/train.sh": trainers.TRAINER})

    finished = repository.script("compare", "--no-origin")

    assert finished.returncode == 0, finished.stderr
    assert "    tiny cannot be trained at " in finished.stderr
    assert read(repository).gate is None


def test_a_base_and_a_commit_can_be_named(repository: Repository) -> None:
    first = repository.head
    second = repository.commit({"code/score": "0.95"})
    repository.commit({"code/score": "0.7"})

    finished = repository.script("compare", "--no-origin", "--base", first, "--commit", second)

    assert finished.stdout.startswith("verdict=pass\n")
    assert read(repository).baselines[0].side.commit == first


def test_an_origin_without_a_release_adds_no_baseline(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"code/score": "0.95"})
    clone = repository.clone(tmp_path / "clone")

    finished = clone.script("compare")

    assert finished.returncode == 0, finished.stderr
    assert [baseline.name for baseline in read(clone).baselines] == ["parent"]


def test_an_origin_that_cannot_be_read_stops_it_before_any_training(
    repository: Repository,
) -> None:
    finished = repository.script("compare")

    assert finished.returncode == 4
    assert finished.stderr.startswith("error[origin-cannot-be-read]: ")
    assert list(repository.store.runs()) == []


def test_in_a_workflow_it_writes_outputs_and_the_summary(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"code/score": "0.95"})
    out = tmp_path / "new folder/comparison.json"

    finished = repository.script(
        "compare",
        *("--no-origin", "--out", str(out)),
        GITHUB_OUTPUT=str(tmp_path / "output"),
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"),
    )

    assert (finished.returncode, finished.stdout) == (0, "")
    assert "\npass\n" in (tmp_path / "output").read_text()
    assert f"\n{out}\n" in (tmp_path / "output").read_text()
    assert "| score ↑ | 0.9500 | 0.9000 |" in (tmp_path / "summary.md").read_text()
    assert comparison.from_json(out.read_text()).verdict == "pass"


def test_a_dry_run_names_what_it_would_train_and_trains_nothing(repository: Repository) -> None:
    first = repository.script("compare", "--dry-run")
    before = repository.head
    after = repository.commit({"code/score": "0.95"})

    finished = repository.script("compare", "--dry-run")

    assert first.stdout == f"would train or find {before[:12]} and no parent\n"
    assert finished.stdout == f"would train or find {after[:12]} and {before[:12]}\n"
    assert not (repository.folder / ".trainshed/runs").exists()


def test_a_candidate_that_cannot_be_trained_is_an_error(repository: Repository) -> None:
    repository.commit({"code/train.sh": "exit 7"})

    finished = repository.script("compare", "--no-origin")

    assert (finished.returncode, finished.stdout) == (3, "")
    assert finished.stderr.count("error[trainer-failed]: ") == 1
    assert not (repository.folder / ".trainshed/comparison.json").exists()


def read(repository: Repository) -> Comparison:
    return comparison.from_json((repository.folder / ".trainshed/comparison.json").read_text())
