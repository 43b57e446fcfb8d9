from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from trainshed import adoption_flags
from trainshed.adoption import Choices, Data
from trainshed.adoption_asking import AnswerIsMissing, AtTerminal, Nobody
from trainshed.adoption_facts import Facts, Lock, Trainer
from trainshed.adoption_flags import FlagIsOdd, Flags
from trainshed.adoption_questions import Questions
from trainshed.config import Metric

TRAINER = Trainer(path="code/train.py", options=frozenset({"--data", "--out"}), metrics=("f1",))
GIVEN = Flags(model="churn", target="y", metrics=("f1:maximize",))


def facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "trainers": (TRAINER,),
        "data": ("train.csv",),
        "columns": {"train.csv": ("a", "b", "y")},
        "locks": (),
        "uv_lock": None,
        "has_config": False,
    }
    return Facts(**{**known, **changes})


def answered(flags: Flags, found: Facts | None = None, **changes: Any) -> tuple[Choices, list[str]]:
    """Answer with nobody there to ask; return the choices and what was told."""
    told: list[str] = []
    questions = Questions(
        facts=found or facts(),
        asker=changes.pop("asker", Nobody()),
        tell=told.append,
        probe=changes.pop("probe", None),
        digest=lambda _: changes.get("digest"),
        is_interactive=changes.pop("is_interactive", False),
    )
    return questions.answer(flags), told


def flags(**changes: Any) -> Flags:
    return Flags(**{**GIVEN.__dict__, **changes})


def person(*answers: str) -> tuple[AtTerminal, list[str]]:
    shown: list[str] = []
    waiting: Iterator[str] = iter(answers)

    def read(prompt: str) -> str:
        shown.append(prompt)
        answer = next(waiting, None)
        if answer is None:
            raise EOFError
        return answer

    return AtTerminal(read=read, tell=shown.append), shown


def test_what_is_the_only_one_of_its_kind_is_taken_and_told() -> None:
    chosen, told = answered(GIVEN)

    assert chosen.train == ("python", "code/train.py", "--data", "{data}", "--out", "{out}")
    assert chosen.data == Data(path="train.csv")
    assert {"trainer: code/train.py", "data file: train.csv"} <= set(told)


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        pytest.param({"model": None}, "--model NAME", id="model"),
        pytest.param({"target": None}, "--target COLUMN", id="target"),
        pytest.param({"metrics": ()}, "--metric f1:maximize", id="metric"),
    ],
)
def test_what_may_not_be_guessed_is_an_error_that_names_the_flag(
    changes: Mapping[str, Any], flag: str
) -> None:
    with pytest.raises(AnswerIsMissing) as caught:
        answered(flags(**changes))

    assert flag in caught.value.fix


@pytest.mark.parametrize(
    ("found", "flag"),
    [
        pytest.param(facts(trainers=()), "--trainer", id="no-trainer"),
        pytest.param(
            facts(trainers=(TRAINER, Trainer(path="b.py"))), "--trainer", id="two-trainers"
        ),
        pytest.param(facts(data=()), "--data", id="no-data"),
        pytest.param(facts(data=("a.csv", "b.csv")), "--data", id="two-data-files"),
        pytest.param(facts(trainers=(Trainer(path="b.py"),)), "--train ", id="no-options"),
        pytest.param(
            facts(locks=(Lock(path="requirements.txt", is_hashed=False),)), "--lock", id="loose"
        ),
        pytest.param(
            facts(locks=tuple(Lock(path=f"{n}.txt", is_hashed=True) for n in "ab")),
            "--lock",
            id="two-locks",
        ),
    ],
)
def test_several_or_none_of_a_kind_is_an_error_that_names_the_flag(found: Facts, flag: str) -> None:
    with pytest.raises(AnswerIsMissing) as caught:
        answered(GIVEN, found)

    assert flag in caught.value.fix


def test_the_candidates_are_named_the_last_column_first() -> None:
    with pytest.raises(AnswerIsMissing, match=r"Found here: y, a, b\."):
        answered(flags(target=None))


def test_a_column_that_is_not_there_is_told() -> None:
    with pytest.raises(FlagIsOdd, match='no column "z"'):
        answered(flags(target="z"))
    assert answered(flags(target="none"))[0].target is None
    assert answered(flags(target="z"), facts(columns={}))[0].target == "z"


@pytest.mark.parametrize("name", ["Churn", "my_churn", "a" * 65, "-a", "a--b"])
def test_an_odd_name_of_a_model_is_told(name: str) -> None:
    with pytest.raises(FlagIsOdd, match="lower-case letters"):
        answered(flags(model=name))


def test_the_only_lock_with_hashes_is_taken() -> None:
    locks = (Lock(path="a.txt", is_hashed=True), Lock(path="b.txt", is_hashed=False))
    chosen, told = answered(GIVEN, facts(locks=locks))

    assert chosen.lock == "a.txt"
    assert "lock file: a.txt" in told


def test_without_any_lock_the_way_to_one_is_told() -> None:
    chosen, told = answered(GIVEN, facts(uv_lock="uv.lock"))

    assert chosen.lock is None
    assert "uv export" in " ".join(told)


def test_a_place_on_docker_brings_an_image() -> None:
    chosen, _ = answered(flags(environments=("production=docker:8080",)))

    assert chosen.image == "ghcr.io/{owner}/churn"
    assert chosen.environments == {"production": {"target": "docker", "port": 8080}}
    assert answered(flags(environments=("here=process:1",)))[0].image is None
    assert answered(flags(environments=("p=docker:1",), image="none"))[0].image is None


@pytest.mark.parametrize("text", ["production", "production=docker", "P=docker:1", "p=moon:1"])
def test_an_odd_environment_is_told(text: str) -> None:
    with pytest.raises(FlagIsOdd, match="NAME=TARGET:PORT"):
        answered(flags(environments=(text,)))


def test_fetched_data_needs_a_digest() -> None:
    with pytest.raises(FlagIsOdd, match="--sha256"):
        answered(flags(fetch="dvc pull"))
    chosen, _ = answered(flags(fetch="dvc pull 'a b'"), digest="0a" * 32)
    assert chosen.data == Data(path="train.csv", fetch=("dvc", "pull", "a b"), sha256="0a" * 32)


def test_a_metric_may_carry_its_limits() -> None:
    assert adoption_flags.metric("f1:maximize:min=0.8:tolerance=0.01") == (
        "f1", Metric(direction="maximize", min=0.8, tolerance=0.01),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["f1", "f1:up", ":maximize", "f1:maximize:min", "f1:maximize:least=1", "f1:maximize:min=nan",
     "f1:minimize:tolerance=-1"],
)  # fmt: skip
def test_an_odd_metric_is_told(text: str) -> None:
    with pytest.raises(FlagIsOdd, match="cannot be read"):
        adoption_flags.metric(text)


@pytest.mark.parametrize(
    ("name", "way"),
    [("f1", "maximize"), ("roc_auc", "maximize"), ("log_loss", "minimize"), ("rmse", "minimize"),
     ("error_score", None), ("profit", None)],
)  # fmt: skip
def test_only_a_well_known_name_tells_which_way_is_better(name: str, way: str | None) -> None:
    assert adoption_flags.direction(name) == way


def test_what_a_probe_printed_is_offered_and_what_it_did_not_print_is_refused() -> None:
    probe: Callable[[Choices], Mapping[str, float]] = lambda _: {"profit": 1.0, "f1": 0.5}  # noqa: E731
    with pytest.raises(AnswerIsMissing, match=r"profit:\?, f1:maximize"):
        answered(flags(metrics=()), probe=probe)
    with pytest.raises(FlagIsOdd, match="auc: the trainer does not print it"):
        answered(flags(metrics=("auc:maximize",)), probe=probe)
    assert answered(GIVEN, probe=probe)[0].metrics == {"f1": Metric(direction="maximize")}


def test_a_person_answers_by_number_by_words_or_by_nothing() -> None:
    asker, shown = person("churn", "", "", "1", "code/, lib/", "none", "")
    chosen, _ = answered(Flags(), asker=asker, is_interactive=True)

    assert (chosen.model, chosen.target) == ("churn", "y")
    assert chosen.inputs == ("code/", "lib/")
    assert chosen.metrics == {"f1": Metric(direction="maximize")}
    assert "  1  y" in shown


def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    asker, shown = person("My Churn", "churn", "", "", "colour", "y", "", "", "f1", "f1:maximize")
    chosen, _ = answered(Flags(), asker=asker, is_interactive=True)

    assert (chosen.model, chosen.target) == ("churn", "y")
    assert '  train.csv has no column "colour".' in shown


def test_a_person_who_goes_away_is_told_the_flag() -> None:
    asker, _ = person("churn")
    with pytest.raises(AnswerIsMissing, match="No answer came"):
        answered(Flags(), asker=asker, is_interactive=True)
