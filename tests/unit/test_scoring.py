"""Baselines that answer newer data: real git, real processes, and commands that go wrong."""

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trainers
from containers import eventually
from trainers import DATA, Content, Repository

from trainshed.scoring import (
    ArtifactIsAnotherOne,
    EvaluateFailed,
    EvaluateHasNoPlace,
    EvaluateIsMissing,
    EvaluateTookTooLong,
    EvaluateWroteNothing,
    Scorings,
)
from trainshed.settings import settings
from trainshed.training import Outcome, Trainings

ANSWER = '[ -z "$ASKED" ] || echo "$2" >>"$ASKED"\ncat "$1" "$2" >"$3"\n'
"""Its answers are the model's own text, then the data: they tell what was given to the command."""
MODEL = "trained on 3 rows with seed 0\n"
NEWER = DATA + "4,no\n"


@dataclasses.dataclass(frozen=True)
class Pair:
    """A baseline and a candidate of newer data, both trained."""

    repository: Repository
    baseline: Outcome
    candidate: Outcome

    @property
    def scores(self) -> Path:
        return self.repository.folder / ".trainshed" / "scores"

    def score(self) -> str:
        return self.scorings().score(self.baseline, self.candidate).read_text()

    def attempt(self) -> tuple[Path | None, str]:
        return self.scorings().attempt(self.baseline, self.candidate)

    def scorings(self, **changes: Any) -> Scorings:
        return Scorings(trainings=dataclasses.replace(self.repository.trainings, **changes))


MakesPairs = Callable[..., Pair]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The good trainer's run of both data: a test that changes no ingredient finds them."""
    repository = trainers.make(tmp_path_factory.mktemp("template") / "repository")
    train(repository)
    repository.commit({"data/train.csv": NEWER})
    train(repository)
    return repository


@pytest.fixture
def pair_of(template: Repository, tmp_path: Path) -> MakesPairs:
    def make(
        answer: str = ANSWER,
        *,
        files: Mapping[str, Content] | None = None,
        newer: Mapping[str, Content] | None = None,
        newer_keys: Mapping[str, Any] | None = None,
        **keys: Any,
    ) -> Pair:
        """Train a commit, and one after it whose data has a row more (or what `newer` writes)."""
        shutil.copytree(template.folder, tmp_path / "repository", symlinks=True)
        repository = Repository(tmp_path / "repository")
        keys = {"evaluate": ["sh", "-c", answer, "sh", "{model}", "{data}", "{out}"], **keys}
        old = {"trainshed.yml": trainers.config(**keys), "data/train.csv": DATA}
        repository.commit({**old, **(files or {})})
        baseline = train(repository)
        config = trainers.config(**{**keys, **(newer_keys or {})})
        repository.commit({"trainshed.yml": config, **(newer or {"data/train.csv": NEWER})})
        return Pair(repository, baseline, train(repository))

    return make


@pytest.fixture
def pair(pair_of: MakesPairs) -> Pair:
    return pair_of()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that gets a line whenever the command runs."""
    path = tmp_path / "asked"
    path.touch()
    monkeypatch.setenv("ASKED", str(path))
    return path


def test_the_baselines_model_answers_the_candidates_data(pair: Pair) -> None:
    path, why = pair.attempt()

    assert why == ""
    assert path is not None
    assert path.read_text() == MODEL + NEWER
    assert path.parent.parent == pair.scores / pair.baseline.run.run_id
    assert_nothing_is_left(pair)


def test_answers_are_found_again_and_nothing_runs(pair: Pair, asked: Path) -> None:
    first = pair.score()

    assert pair.score() == first
    assert asked.read_text() == "data/train.csv\n"


def test_other_data_is_another_question(pair: Pair, asked: Path) -> None:
    pair.score()
    pair.repository.commit({"data/train.csv": NEWER + "5,yes\n"})
    later = dataclasses.replace(pair, candidate=train(pair.repository))

    assert later.score() == MODEL + NEWER + "5,yes\n"
    assert pair.score() == MODEL + NEWER
    assert len(asked.read_text().splitlines()) == 2


def test_another_command_is_another_question(pair_of: MakesPairs) -> None:
    pair = pair_of()
    pair.score()
    other = trainers.config(evaluate=["sh", "-c", 'cp "$0" "$1"', "{data}", "{out}"])
    commit = pair.repository.commit({"trainshed.yml": other, "data/train.csv": DATA})
    baseline = pair.repository.trainings.train_or_find(commit, None)

    dataclasses.replace(pair, baseline=baseline).score()

    assert baseline.run == pair.baseline.run
    assert len(list(pair.scores.glob("*/*/predictions.csv"))) == 2


def test_answers_without_content_are_asked_for_again(pair: Pair, asked: Path) -> None:
    path = pair.scorings().score(pair.baseline, pair.candidate)
    path.write_text("")

    assert pair.score() == MODEL + NEWER
    assert len(asked.read_text().splitlines()) == 2


def test_two_at_once_ask_once(pair: Pair, asked: Path) -> None:
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(pair.score())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [MODEL + NEWER] * 3
    assert len(asked.read_text().splitlines()) == 1


def test_the_command_is_that_of_the_baselines_commit(pair_of: MakesPairs) -> None:
    pair = pair_of(
        newer_keys={"evaluate": ["false"]},
    )

    assert pair.score() == MODEL + NEWER


@pytest.mark.parametrize("inputs", [["code/"], None], ids=["sparse", "whole-tree"])
def test_data_lies_where_the_candidate_has_it(
    pair_of: MakesPairs, inputs: list[str] | None
) -> None:
    pair = pair_of(
        'cat "$2" >"$3"\necho "$2" >>"$3"\n',
        inputs=inputs,
        newer={"data/v2/rows.csv": NEWER},
        newer_keys={"data": "data/v2/rows.csv"},
    )

    assert pair.score() == NEWER + "data/v2/rows.csv\n"


def test_newer_data_takes_the_place_of_older_in_a_whole_tree(pair_of: MakesPairs) -> None:
    trainer = 'cat "$1"/* >"$2"\n' + trainers.REPORT
    pair = pair_of(
        'cat "$2"/* >"$3"\n',
        inputs=None,
        data="data/",
        files={"code/train.sh": 'mkdir -p "$(dirname "$2")"\n' + trainer, "data/old.csv": "old\n"},
        newer={"data/old.csv": None, "data/train.csv": NEWER},
    )

    assert pair.score() == NEWER


def test_fetched_data_is_fetched_and_checked(
    pair_of: MakesPairs, tmp_path: Path, asked: Path
) -> None:
    outside = tmp_path / "big.csv"
    outside.write_text(NEWER)
    data = {
        "path": "data/big.csv",
        "fetch": ["cp", str(outside), "{data}"],
        "sha256": hashlib.sha256(NEWER.encode()).hexdigest(),
    }
    pair = pair_of(newer={}, newer_keys={"data": data})

    outside.write_text("something else\n")
    path, why = pair.attempt()
    assert path is None
    assert "data/big.csv has the digest" in why
    assert asked.read_text() == ""

    outside.write_text(NEWER)
    assert pair.score() == MODEL + NEWER


def test_a_folder_as_model_is_given_as_it_was_made(pair_of: MakesPairs) -> None:
    trainer = 'mkdir -p "$2/deep"\necho weights >"$2/deep/w"\n' + trainers.REPORT
    pair = pair_of(
        'cat "$1/deep/w" "$2" >"$3"\n',
        files={"code/train.sh": trainer},
    )

    assert pair.score() == "weights\n" + NEWER


def test_the_command_gets_the_trainers_variables_and_no_secret(
    pair_of: MakesPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_GITHUB_TOKEN", "a-secret")
    monkeypatch.setenv("TRAINSHED_FETCH_KEY", "another")
    env = {"DEPTH": "4", "SEEDED": "{seed}", "READS": "{data}"}
    pair = pair_of('env >"$3"\n', env=env, seed=7)

    said = pair.score().splitlines()

    assert {"DEPTH=4", "SEEDED=7", "READS=data/train.csv"} <= set(said)
    assert not [line for line in said if "a-secret" in line or "another" in line]


def test_the_command_runs_in_the_environment_of_the_lock(
    pair_of: MakesPairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_CACHE", str(tmp_path / "cache"))
    pair = pair_of(
        files={"requirements.txt": "# none\n"},
        lock="requirements.txt",
        evaluate=["python", "-c", "import sys; open(sys.argv[1], 'w').write(sys.prefix)", "{out}"],
    )

    assert Path(pair.score()).is_relative_to(settings().environments)


def test_the_command_cannot_spoil_the_stored_model(pair_of: MakesPairs) -> None:
    pair = pair_of('echo spoilt >"$1"\ncat "$1" >"$3"\n')

    assert pair.score() == "spoilt\n"
    assert pair.repository.store.find(pair.baseline.run.run_id) == pair.baseline.run


def test_a_model_that_is_not_the_runs_own_is_given_to_nobody(pair: Pair, asked: Path) -> None:
    (pair.baseline.folder / pair.baseline.run.artifact.path).write_text("poison")

    with pytest.raises(ArtifactIsAnotherOne, match=pair.baseline.run.run_id[:12]):
        pair.score()

    assert asked.read_text() == ""
    assert_nothing_is_left(pair)


@pytest.mark.parametrize(
    ("keys", "error", "reason"),
    [
        pytest.param(
            {"answer": "echo no luck\nexit 3\n"},
            EvaluateFailed,
            "The `evaluate:` command failed: `sh -c ",
            id="fails",
        ),
        pytest.param(
            {"answer": "sleep 600\n", "timeout": "1s"},
            EvaluateTookTooLong,
            "The `evaluate:` command took too long: ",
            id="hangs",
        ),
        pytest.param(
            {"evaluate": ["no-such-program"]},
            EvaluateIsMissing,
            "The `evaluate:` command cannot be started: no-such-program: No such file",
            id="no-program",
        ),
        pytest.param({"answer": "exit 0\n"}, EvaluateWroteNothing, "wrote no", id="nothing"),
        pytest.param({"answer": ': >"$3"\n'}, EvaluateWroteNothing, "wrote no", id="empty"),
        pytest.param(
            {"answer": 'mkdir "$3"\necho x >"$3/x"\n'}, EvaluateWroteNothing, "", id="a-folder"
        ),
        pytest.param(
            {"answer": 'ln -s /etc/passwd "$3"\n'}, EvaluateWroteNothing, "", id="a-link"
        ),
        pytest.param(
            {"answer": 'cp "$2" x\nln -s ../x "$3"\n'}, EvaluateWroteNothing, "", id="link-inside"
        ),
        pytest.param(
            {"answer": 'mkfifo "$3"\n'}, EvaluateWroteNothing, "", id="a-pipe"
        ),
    ],
)  # fmt: skip
def test_a_command_that_goes_wrong_is_a_reason_and_leaves_nothing(
    pair_of: MakesPairs, keys: dict[str, Any], error: type[Exception], reason: str
) -> None:
    pair = pair_of(**keys)
    told: list[str] = []

    with pytest.raises(error) as caught:
        pair.score()
    path, why = pair.scorings(tell=told.append).attempt(pair.baseline, pair.candidate)

    assert path is None
    assert reason in why
    assert "\n" not in why
    assert str(caught.value) in told
    assert not list(pair.scores.rglob("*.csv"))
    assert_nothing_is_left(pair)


def test_answers_in_a_folder_that_leads_elsewhere_are_not_taken(
    pair_of: MakesPairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWAY", str(tmp_path / "away"))
    pair = pair_of('echo x >"$3"\nd=$(dirname "$3")\nmv "$d" "$AWAY"\nln -s "$AWAY" "$d"\n')

    with pytest.raises(EvaluateWroteNothing):
        pair.score()

    assert (tmp_path / "away/predictions.csv").read_text() == "x\n"


def test_what_it_said_last_is_told_with_its_failure(pair_of: MakesPairs) -> None:
    pair = pair_of("echo no luck >&2\nexit 3\n")

    with pytest.raises(EvaluateFailed, match=r"Its last lines:\n  no luck"):
        pair.score()


def test_a_job_that_runs_no_code_asks_nothing(pair: Pair, asked: Path) -> None:
    scorings = pair.scorings(may_train=False)

    assert scorings.attempt(pair.baseline, pair.candidate) == (
        None,
        "this job runs no code of a trainer",
    )
    assert asked.read_text() == ""


def test_answers_that_are_there_need_no_code(pair: Pair) -> None:
    path = pair.scorings().score(pair.baseline, pair.candidate)

    scorings = pair.scorings(may_train=False)

    assert scorings.attempt(pair.baseline, pair.candidate) == (path, "")


def test_a_baseline_whose_commit_has_no_such_command_says_so(pair_of: MakesPairs) -> None:
    pair = pair_of(evaluate=None, newer_keys={"evaluate": ["true"]})
    commit = pair.baseline.commit

    assert pair.attempt() == (
        None,
        f"its commit {commit[:12]} has no `evaluate:` in trainshed.yml",
    )
    with pytest.raises(EvaluateIsMissing, match=commit[:12]):
        pair.score()


def test_a_model_of_another_python_is_not_loaded_with_this_one(pair: Pair) -> None:
    ingredients = dataclasses.replace(pair.baseline.run.ingredients, python="3.7")
    run = dataclasses.replace(pair.baseline.run, ingredients=ingredients)
    here = pair.repository.trainings.python.version

    why = pair.scorings().why_not(dataclasses.replace(pair.baseline, run=run))

    assert why == f"it was trained with Python 3.7, and here is {here}"


def test_a_commit_without_the_model_is_a_reason(pair: Pair) -> None:
    other = {"models": {"other": trainers.model()}}
    commit = pair.repository.commit({"trainshed.yml": json.dumps(other)})

    path, why = pair.scorings().attempt(
        dataclasses.replace(pair.baseline, asked=commit), pair.candidate
    )

    assert path is None
    assert "tiny" in why


def test_a_commit_that_is_not_here_is_a_reason(pair: Pair) -> None:
    gone = dataclasses.replace(pair.baseline, asked="0" * 40)

    path, why = pair.scorings().attempt(gone, pair.candidate)

    assert path is None
    assert "0" * 12 in why


def test_a_file_of_the_commit_in_the_commands_way_stays(pair_of: MakesPairs) -> None:
    pair = pair_of(inputs=None, files={"trainshed-evaluate": "mine"})

    with pytest.raises(EvaluateHasNoPlace, match="trainshed-evaluate/model/tiny"):
        pair.score()


def test_nothing_is_written_where_a_link_of_the_commit_leads(
    pair_of: MakesPairs, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "predictions.csv").write_text("mine")
    pair = pair_of(inputs=None)
    (pair.repository.folder / "trainshed-evaluate").symlink_to(elsewhere)
    commit = pair.repository.commit()

    with pytest.raises(EvaluateHasNoPlace, match="trainshed-evaluate/model/tiny"):
        dataclasses.replace(pair, baseline=dataclasses.replace(pair.baseline, asked=commit)).score()

    assert [path.name for path in elsewhere.iterdir()] == ["predictions.csv"]


def test_a_cross_runs_data_is_taken_from_what_was_asked_before(pair: Pair) -> None:
    cross = pair.repository.trainings.train_or_find(
        pair.baseline.commit, None, data_of=pair.candidate.commit, seed=1
    )
    crossed = dataclasses.replace(pair, candidate=cross)

    path, why = crossed.attempt()
    assert path is None
    assert "a cross run" in why

    assert pair.score() == MODEL + NEWER
    assert crossed.score() == MODEL + NEWER


STARTS = """\
import sys
from pathlib import Path

from trainshed import project
from trainshed.scoring import Scorings
from trainshed.store import Store
from trainshed.training import Trainings

of = project.open_at(Path.cwd())
trainings = Trainings(project=of, store=Store(of), tell=print, output=print)
baseline, candidate = (trainings.train_or_find(commit, None) for commit in sys.argv[1:])
Scorings(trainings=trainings).score(baseline, candidate)
"""
WAITS = 'echo half >"$3"\n[ -e "$GO" ] || { echo $$ >"$PID"; exec sleep 600; }\n' + ANSWER


def test_what_was_killed_half_way_is_done_anew(
    pair_of: MakesPairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, go = tmp_path / "pid", tmp_path / "go"
    monkeypatch.setenv("PID", str(pid))
    monkeypatch.setenv("GO", str(go))
    pair = pair_of(WAITS)
    scorer = subprocess.Popen(
        [sys.executable, "-c", STARTS, pair.baseline.commit, pair.candidate.commit],
        cwd=pair.repository.folder,
        env={**os.environ, "PYTHONPATH": str(trainers.ROOT)},
        stdout=subprocess.DEVNULL,
    )
    eventually(lambda: pid.exists() and pid.read_text().endswith("\n"))
    scorer.kill()
    scorer.wait()
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert not list(pair.scores.rglob("*.csv"))

    go.touch()

    assert pair.score() == MODEL + NEWER
    assert_nothing_is_left(pair)


def train(repository: Repository) -> Outcome:
    trainings: Trainings = repository.trainings
    return trainings.train_or_find(repository.head, None)


def assert_nothing_is_left(pair: Pair) -> None:
    state = pair.repository.folder / ".trainshed"
    assert list((state / "checkouts").iterdir()) == []
    assert list(pair.scores.glob("*/.*")) == []
    assert pair.repository.git("status", "--porcelain") == ""
