from dataclasses import replace

import pytest
import records
from goldens import Golden

from trainshed import run_report
from trainshed.determinism import Moved, Proof
from trainshed.prediction_difference import Answers
from trainshed.repetition import Repetition, Spread

REPEATED = Repetition(
    family="fa" * 32,
    model="churn",
    commit="c1" * 20,
    runs={"0": "a0" * 32, "1": "a1" * 32, "2": "a2" * 32},
    metrics={"f1": (0.8421, 0.8379, 0.8446), "log_loss": (0.231, 0.2305, 0.2331)},
)
SPREADS = [
    Spread(metric="f1", mean=0.84153, deviation=0.00339, lowest=0.8379, highest=0.8446,
           limit=0.02061),
    Spread(metric="log_loss", mean=0.23153, deviation=0.00138, lowest=0.2305, highest=0.2331,
           limit=None),
]  # fmt: skip
BIT = Proof(
    run_id=records.RUN.run_id,
    model="churn",
    commit=records.RUN.commit,
    level="bit-identical",
    files=(),
    answers=None,
    no_answers="",
    metrics=(),
    when="2026-01-02T03:04:05+00:00",
)
PROOFS = {
    "bit": BIT,
    "prediction": replace(
        BIT,
        level="prediction-identical",
        files=("artifact", "predictions"),
        answers=Answers(rows=677),
    ),
    "metric": replace(
        BIT,
        level="metric-identical",
        files=("artifact", "predictions"),
        answers=Answers(rows=677, rescored=14, largest=2.2e-16),
    ),
    "nothing": replace(
        BIT,
        level="different",
        files=("artifact", "predictions", "examples"),
        answers=Answers(
            rows=670, only_first=7, only_second=1, changed=3, rescored=400, largest=0.12,
            columns=("y_score.dog",),
        ),
        metrics=(
            Moved(metric="f1", first=0.8421, second=0.8379),
            Moved(metric="rows", first=4000.0, second=None),
        ),
    ),
}  # fmt: skip


def test_a_run_is_told_with_what_it_scored_first(golden: Golden) -> None:
    golden(run_report.markdown(records.RUN, was_found=False), "run_report/trained.md")


def test_many_metrics_are_folded() -> None:
    many = replace(records.RUN, metrics={f"m{number}": 0.5 for number in range(25)})

    shown, _, folded = run_report.markdown(many, was_found=True).partition("<details>")

    assert "found, not trained again" in shown
    assert "| m19 | 0.5000 |" in shown
    assert folded.startswith("<summary>5 further metrics</summary>")
    assert "| m24 | 0.5000 |" in folded


def test_what_a_trainer_wrote_brings_nothing_to_life() -> None:
    hostile = replace(records.RUN, metrics={"a|<img src=x>@ada": 1.0}, model="c@team")

    text = run_report.markdown(hostile, was_found=False)

    assert "\\<img" in text
    assert "@ada" not in text
    assert "c@team" not in text


def test_what_seeds_showed_is_a_table_with_the_limit_of_noise(golden: Golden) -> None:
    golden(run_report.repetition(REPEATED, SPREADS), "run_report/repeated.md")
    golden(run_report.repetition_text(REPEATED, SPREADS), "run_report/repeated.txt")


def test_many_metrics_of_seeds_are_folded() -> None:
    many = [replace(SPREADS[0], metric=f"m{number}") for number in range(25)]

    shown, _, folded = run_report.repetition(REPEATED, many).partition("<details>")

    assert "| m19 |" in shown
    assert folded.startswith("<summary>5 further metrics</summary>")
    assert "| m24 |" in folded
    assert "95 %" in folded


@pytest.mark.parametrize("level", ["bit", "prediction", "metric", "nothing"])
def test_how_identical_two_trainings_are_is_told_with_what_differs(
    level: str, golden: Golden
) -> None:
    golden(run_report.proof(PROOFS[level]), f"run_report/verified_{level}.md")
    golden(run_report.proof_text(PROOFS[level]), f"run_report/verified_{level}.txt")


def test_of_many_metrics_that_moved_the_first_are_told() -> None:
    moved = tuple(Moved(metric=f"m{number}", first=1.0, second=2.0) for number in range(30))

    lines = run_report.differences(replace(PROOFS["nothing"], metrics=moved))

    assert "m19: 1.0000, then 2.0000 (+1.0000)" in lines
    assert lines[-1] == "and 10 further metrics"


def test_what_is_foreign_in_a_proof_or_a_spread_brings_nothing_to_life() -> None:
    hostile = replace(PROOFS["metric"], model="c@team", no_answers="a row: <img src=x>@ada")
    spread = replace(SPREADS[0], metric="a|<img>@ada")

    told = run_report.proof(hostile) + run_report.repetition(REPEATED, [spread])

    assert "\\<img" in told
    assert "@ada" not in told
    assert "c@team" not in told
