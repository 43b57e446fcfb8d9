from dataclasses import replace

import pytest
import records

from trainshed import proposal, result, run
from trainshed.experiment_record import ExperimentRecord


def record(number: int | None, predictions: str | None) -> ExperimentRecord:
    made = replace(
        records.RUN,
        predictions=run.File(path="predictions/p.csv", digest=predictions, size=1)
        if predictions
        else None,
    )
    compared = records.compare({"f1": 0.9, "log_loss": 0.2})
    summary = result.of_comparison(compared, run=made, base=None).run
    assert summary is not None
    return ExperimentRecord(
        run=summary,
        head="ab" * 20,
        base=None,
        pull_requests=() if number is None else (number,),
        verdict="pass",
        when="2026-01-02T03:04:05+00:00",
    )


A, B = "a1" * 32, "b2" * 32
DIFFER = "(same run id: training is not deterministic)"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param([], None, id="no-pull-request"),
        pytest.param([record(12, None)], None, id="it-made-no-predictions"),
        pytest.param([record(None, A)], None, id="its-number-is-not-known"),
        pytest.param([record(12, A)], "predictions equal those of pull request #12", id="equal"),
        pytest.param(
            [record(12, B)], f"predictions differ from those of pull request #12 {DIFFER}",
            id="another",
        ),
        pytest.param(
            [record(14, B), record(13, A), record(12, A)],
            "predictions equal those of pull requests #12 and #13",
            id="some-equal",
        ),
    ],
)  # fmt: skip
def test_mains_predictions_are_compared_with_the_pull_requests(
    found: list[ExperimentRecord], told: str | None
) -> None:
    assert proposal.told(found, predictions=A) == told


def test_a_run_without_predictions_is_compared_with_nothing() -> None:
    assert proposal.told([record(12, A)], predictions=None) is None
