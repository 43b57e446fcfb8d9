from dataclasses import replace

import records
from goldens import Golden

from trainshed import run_report


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
