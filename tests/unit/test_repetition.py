import json
from dataclasses import replace
from pathlib import Path

import pytest
import records
import trainers
from trainers import Repository

from trainshed import repetition
from trainshed.evidence import Noise
from trainshed.repetition import Repetition, SeedIsNotUsed, Spread
from trainshed.run import Ingredients, Run
from trainshed.trainer import TrainerFailed

SCORES_BY_SEED = """\
mkdir -p "$(dirname "$2")"
echo "seed $3" >"$2"
printf 'dataset=%s\\nmetric.score=0.9%s\\nartifact=%s\\n' "$1" "$3" "$2"
"""
# Each waits until both are there: alone, or one after the other, they would wait in vain.
MEETS_ANOTHER = """\
touch "{folder}/$3"
tries=0
until [ -e "{folder}/0" ] && [ -e "{folder}/1" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 400 ] || {{ echo "nobody came"; exit 1; }}
  sleep 0.05
done
"""


def of_seed(seed: str, **changes: object) -> Ingredients:
    return replace(records.INGREDIENTS, params={"seed": seed, "env.LEVEL": "high"}, **changes)


def run_of_seed(seed: str, **metrics: float) -> Run:
    ingredients = of_seed(seed)
    return replace(records.RUN, ingredients=ingredients, run_id=ingredients.run_id, metrics=metrics)


def train(
    repository: Repository, times: int, *, jobs: int = 1, told: list[str] | None = None
) -> Repetition:
    trainings = repository.trainings
    if told is not None:
        trainings = replace(trainings, tell=told.append)
    plans = repetition.plan(trainings, repository.head, None, times=times)
    return repetition.of([one.run for one in repetition.train(trainings, plans, jobs=jobs)])


def test_a_family_differs_in_nothing_but_the_seed() -> None:
    family = repetition.family_of(of_seed("0"))

    assert repetition.family_of(of_seed("7")) == family
    assert repetition.family_of(of_seed("0", dataset="other")) != family
    assert repetition.family_of(of_seed("0", model="other")) != family
    assert family not in {of_seed("0").run_id, of_seed("7").run_id}


def test_the_spread_of_each_metric_is_derived_from_its_values() -> None:
    repeated = repetition.of(
        [run_of_seed("0", f1=0.8, own=1.0), run_of_seed("1", f1=0.9), run_of_seed("2", f1=0.7)]
    )

    (spread,) = repetition.spreads(repeated, {"f1": Noise(limit=0.6, seeds=3, spread=0.1)})

    assert repeated.metrics == {"f1": (0.8, 0.9, 0.7)}
    assert list(repeated.runs) == ["0", "1", "2"]
    assert spread == Spread(
        metric="f1",
        mean=pytest.approx(0.8),
        deviation=pytest.approx(0.1),
        lowest=0.7,
        highest=0.9,
        limit=0.6,
    )
    assert json.loads(json.dumps(repetition.plain(repeated, [spread]))) == {
        "seeds": repeated.runs,
        "metrics": {"f1": {"mean": spread.mean, "deviation": spread.deviation, "lowest": 0.7,
                           "highest": 0.9, "limit": 0.6}},
    }  # fmt: skip


def test_what_was_kept_is_found_for_any_run_of_the_family(tmp_path: Path) -> None:
    repeated = repetition.of([run_of_seed("0", f1=0.8), run_of_seed("1", f1=0.9)])

    repetition.keep(tmp_path, repeated)

    assert repetition.find(tmp_path, of_seed("9")) == repeated
    assert repetition.find(tmp_path, of_seed("0", lock=None)) is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", "null"], ids=["empty", "half", "list", "hollow", "null"]
)
def test_a_broken_record_is_none(tmp_path: Path, content: str) -> None:
    repetition.keep(tmp_path, repetition.of([run_of_seed("0", f1=0.8), run_of_seed("1", f1=0.9)]))
    (tmp_path / "repetition.json").write_text(content)

    assert repetition.find(tmp_path, of_seed("0")) is None


def test_a_record_of_another_family_or_a_newer_format_is_none(tmp_path: Path) -> None:
    repeated = repetition.of([run_of_seed("0", f1=0.8), run_of_seed("1", f1=0.9)])
    repetition.keep(tmp_path, replace(repeated, format=99))
    assert repetition.find(tmp_path, of_seed("0")) is None

    repetition.keep(tmp_path, repeated)
    assert repetition.find(tmp_path, of_seed("0", lock=None)) is None


def test_each_seed_is_a_run_of_its_own_from_the_models_own_on(tmp_path: Path) -> None:
    repository = trainers.make(tmp_path, files={"code/train.sh": SCORES_BY_SEED}, seed=4)
    told: list[str] = []

    repeated = train(repository, 3, told=told)

    stored = {one.run_id: one.ingredients.params["seed"] for one in repository.store.runs()}
    assert repeated.metrics == {"score": (0.94, 0.95, 0.96)}
    assert {run_id: seed for seed, run_id in repeated.runs.items()} == stored
    assert repeated.runs["4"] == repository.trainings.plan(repository.head, None).run_id
    assert told == [
        f"seed {seed}: run {repeated.runs[str(seed)][:12]} trained ({done} of 3)"
        for done, seed in enumerate([4, 5, 6], start=1)
    ]


def test_a_run_that_is_there_is_not_trained_again(tmp_path: Path) -> None:
    repository = trainers.make(tmp_path, files={"code/train.sh": SCORES_BY_SEED})
    repository.trainings.train_or_find(repository.head, None, seed=1)
    told: list[str] = []

    train(repository, 2, told=told)

    assert [line.split("(")[0].split(" ", 4)[-1] for line in told] == [
        "trained ",
        "found, not trained again ",
    ]


def test_seeds_are_trained_at_once(tmp_path: Path) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    meets = MEETS_ANOTHER.format(folder=meeting)
    repository = trainers.make(
        tmp_path / "repository", files={"code/train.sh": meets + SCORES_BY_SEED}
    )

    assert train(repository, 2, jobs=2).metrics == {"score": (0.90, 0.91)}


def test_many_at_once_leave_every_run_whole_and_nothing_else(tmp_path: Path) -> None:
    repository = trainers.make(tmp_path, files={"code/train.sh": SCORES_BY_SEED})

    repeated = train(repository, 8, jobs=8)

    assert repeated.metrics == {"score": tuple(float(f"0.9{seed}") for seed in range(8))}
    assert all(repository.store.find(run_id) for run_id in repeated.runs.values())
    assert list((repository.folder / ".trainshed/checkouts").iterdir()) == []
    assert list((repository.folder / ".trainshed/runs").glob(".*")) == []
    assert "\n" not in repository.git("worktree", "list")


def test_one_that_fails_keeps_no_other_from_its_end(tmp_path: Path) -> None:
    fails = '[ "$3" != 1 ] || { echo "seed 1 is unlucky"; exit 3; }\n'
    repository = trainers.make(tmp_path, files={"code/train.sh": fails + SCORES_BY_SEED})
    told: list[str] = []

    with pytest.raises(TrainerFailed, match="seed 1 is unlucky"):
        train(repository, 4, told=told)

    seeds = {one.ingredients.params["seed"] for one in repository.store.runs()}
    assert seeds == {"0", "2", "3"}
    assert any(line.startswith("seed 1 failed: `sh code/train.sh") for line in told)
    assert sum("of 4)" in line for line in told) == 3


def test_a_model_that_ignores_its_seed_is_told_how_to_take_it(tmp_path: Path) -> None:
    repository = trainers.make(tmp_path, train=["sh", "code/train.sh", "{data}", "{out}"])

    with pytest.raises(SeedIsNotUsed, match=r"models/tiny uses \{seed\} neither") as error:
        train(repository, 2)

    assert 'train: [sh, code/train.sh, …, --seed, "{seed}"]' in error.value.fix
    assert 'env: {SEED: "{seed}"}' in error.value.fix
    assert list(repository.store.runs()) == []


def test_a_seed_may_come_by_a_variable(tmp_path: Path) -> None:
    repository = trainers.make(
        tmp_path,
        files={"code/train.sh": SCORES_BY_SEED.replace("$3", "$SEED")},
        train=["sh", "code/train.sh", "{data}", "{out}"],
        env={"SEED": "{seed}"},
    )

    assert train(repository, 2).metrics == {"score": (0.90, 0.91)}


@pytest.mark.parametrize(("asked", "jobs"), [(1, 1), (2, 2), (9, 3)])
def test_no_more_train_at_once_than_there_are_seeds(tmp_path: Path, asked: int, jobs: int) -> None:
    repository = trainers.make(tmp_path)
    plans = repetition.plan(repository.trainings, repository.head, None, times=3)

    assert repetition.jobs_of(plans, asked) == jobs
    assert 1 <= repetition.jobs_of(plans, None) <= 3
