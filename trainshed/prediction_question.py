"""Make the question that the statistician is asked of two runs' predictions, whoever compares."""

from dataclasses import dataclass, replace
from pathlib import Path

from trainshed import finding, private_columns
from trainshed.config import Model
from trainshed.question import Comparing, Predicted
from trainshed.run import Run


@dataclass(frozen=True, kw_only=True)
class Answering:
    """A run that wrote predictions, and where its files lie."""

    run: Run
    folder: Path
    name: str
    """How messages call it."""


def of(before: Answering, after: Answering, chosen: Model | None, *, why: str = "") -> Comparing:
    """Return what the predictions of two runs are asked.

    Args:
        chosen: the model as trainshed.yml has it; None when it has no such model.
        why: why the first one is not asked for answers that it lacks, for a reader.
    """
    rows = before.run.training_rows
    question = Comparing(
        baseline=_predicted(before),
        candidate=_predicted(after),
        metrics=tuple(after.run.metrics),
        rules={},
        trained_on=str(before.folder / rows.path) if rows else None,
        why=why,
    )
    return question if chosen is None else _configured(question, chosen)


def _configured(question: Comparing, chosen: Model) -> Comparing:
    private = private_columns.named(private=chosen.private, key=chosen.key, target=chosen.target)
    return replace(
        question,
        rules={name: finding.rule_of(metric) for name, metric in chosen.metrics.items()},
        positive=chosen.positive,
        private=tuple(sorted(private)),
        bins={name: tuple(limits) for name, limits in chosen.bins.items()},
    )


def _predicted(one: Answering) -> Predicted:
    assert one.run.predictions is not None
    path = one.run.predictions.path
    return Predicted(
        run_id=one.run.run_id,
        predictions=str(one.folder / path),
        source=f"{path.rpartition('/')[2]} of {one.name}",
        metrics=one.run.metrics,
    )
