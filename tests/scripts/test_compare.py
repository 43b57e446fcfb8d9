import json
from pathlib import Path

import pytest
import trainers
from trainers import Repository

from trainshed import comparison, result
from trainshed.comparison import Comparison

NO_BASE = "base-run-id=\nbase-run-folder=\nlive-run-id=\nlive-run-folder=\n"


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
    trained, found = finished.stdout.splitlines(), asked.stdout.splitlines()
    assert trained[:2] == found[:2]
    assert (trained[2:], found[2:]) == (
        ["found=false", "base-found=false"], ["found=true", "base-found=true"],
    )  # fmt: skip
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
    alone = repository.script("compare", "--dry-run", "--no-origin")
    before, old = repository.head, run_id(repository)
    after = repository.commit({"code/score": "0.95"})
    new = run_id(repository)

    finished = repository.script("compare", "--dry-run", "--no-origin")

    runs = f"{repository.folder}/.trainshed/runs"
    assert finished.stdout.splitlines() == [
        f"run-id={new}",
        f"run-folder={runs}/{new}",
        f"base-run-id={old}",
        f"base-run-folder={runs}/{old}",
        "live-run-id=",
        "live-run-folder=",
    ]
    assert finished.stderr == (
        f"would train or find {after[:12]} (run {new[:12]}) and {before[:12]} (run {old[:12]})\n"
    )
    assert alone.stdout.endswith(NO_BASE)
    assert not Path(runs).exists()


@pytest.mark.parametrize("before", [None, "models: [", json.dumps({"models": {"old": 1}})])
def test_a_dry_run_has_no_base_run_where_the_base_has_no_such_model(
    repository: Repository, before: str | None
) -> None:
    repository.commit({"trainshed.yml": before})
    repository.commit({"trainshed.yml": trainers.config()})

    finished = repository.script("compare", "--dry-run", "--no-origin")

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.endswith(NO_BASE)


def test_a_base_whose_inputs_were_missing_is_no_baseline(repository: Repository) -> None:
    repository.commit({"trainshed.yml": trainers.config(inputs=["code/", "lib/"])})
    repository.commit({"lib/one": "1"})

    planned = repository.script("compare", "--dry-run", "--no-origin")
    finished = repository.script("compare", "--no-origin")

    assert planned.stdout.endswith(NO_BASE)
    assert finished.stdout.startswith("verdict=pass\n")
    assert "lib/ is not in commit" in finished.stderr
    assert read(repository).gate is None


def test_the_result_of_a_pull_request_is_written_and_believed(
    repository: Repository, tmp_path: Path
) -> None:
    base = repository.head
    repository.commit({"code/score": "0.95"})
    out, head = tmp_path / "new/result.json", "ab" * 20

    repository.script("compare", "--no-origin", "--result", str(out), "--head", head)

    answer = result.from_bytes(out.read_bytes(), head=head, model="tiny")
    assert (answer.kind, answer.base, answer.comparison) == ("compared", base, read(repository))
    assert answer.run is not None
    assert answer.run.run_id == run_id(repository)


@pytest.mark.parametrize(
    ("files", "slug", "code"),
    [
        pytest.param({"code/train.sh": "exit 7"}, "trainer-failed", 3, id="training"),
        pytest.param(
            {"trainshed.yml": trainers.config(
                data={"path": "big.csv", "fetch": ["false"], "sha256": "ab" * 32}
            )},
            "fetch-failed", 3, id="fetching",
        ),
        pytest.param({"trainshed.yml": "models: ["}, "config-is-malformed", 2, id="configuration"),
    ],
)  # fmt: skip
def test_a_failure_is_an_answer_for_the_pull_request_and_fails_the_job(
    repository: Repository, tmp_path: Path, files: dict[str, str], slug: str, code: int
) -> None:
    base = repository.head
    head = repository.commit(files)
    out = tmp_path / "result.json"

    finished = repository.script("compare", "--no-origin", "--model", "tiny", "--result", str(out))

    assert finished.returncode == code
    assert f"error[{slug}]: " in finished.stderr
    answer = result.from_bytes(out.read_bytes(), head=head, model="tiny")
    assert (answer.kind, answer.base) == ("failed", base)
    assert answer.failure is not None
    assert answer.failure.slug == slug


def test_in_a_workflow_the_trainers_own_lines_are_folded(repository: Repository) -> None:
    repository.commit({"code/train.sh": "echo epoch 1\n" + trainers.TRAINER})

    finished = repository.script("compare", "--no-origin", GITHUB_ACTIONS="true")

    told = finished.stderr.splitlines()
    assert told.index("    epoch 1") < told.index("::endgroup::")


@pytest.mark.parametrize("depth", [1, 2])
def test_a_shallow_clone_fetches_the_commit_before(
    repository: Repository, tmp_path: Path, depth: int
) -> None:
    for score in ("0.8", "0.85", "0.9", "0.95"):
        repository.commit({"code/score": score})
    shallow = repository.clone(tmp_path / "shallow", f"--depth={depth}")

    finished = shallow.script("compare")

    assert finished.returncode == 0, finished.stderr
    (baseline,) = read(shallow).baselines
    assert baseline.side.commit == repository.git("rev-parse", "HEAD^1")


def test_a_shallow_clone_without_an_origin_is_told_what_to_set(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"code/score": "0.95"})
    shallow = repository.clone(tmp_path / "shallow", "--depth=1")

    finished = shallow.script("compare", "--no-origin")
    named = shallow.script("compare", "--base", "HEAD^1")

    for one in (finished, named):
        assert one.stderr.startswith("error[commit-is-unknown]: ")
        assert "`fetch-depth: 0` for actions/checkout" in one.stderr


def test_a_candidate_that_cannot_be_trained_is_an_error(repository: Repository) -> None:
    repository.commit({"code/train.sh": "exit 7"})

    finished = repository.script("compare", "--no-origin")

    assert (finished.returncode, finished.stdout) == (3, "")
    assert finished.stderr.count("error[trainer-failed]: ") == 1
    assert not (repository.folder / ".trainshed/comparison.json").exists()


def run_id(repository: Repository) -> str:
    return repository.trainings.plan(repository.head, None).run_id


def read(repository: Repository) -> Comparison:
    return comparison.from_json((repository.folder / ".trainshed/comparison.json").read_text())
