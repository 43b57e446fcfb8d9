"""How much leakage is too much: rows of a run's evaluation that it was trained on as well.

`trainshed.drift.leakage` finds them; whoever only judges needs no numpy for it.
"""

from trainshed.data_evidence import Leakage
from trainshed.errors import ConfigurationError

LIMIT = 0.01
"""The share of evaluation rows above which leakage is an error. Where columns are few and coarse,
honest rows repeat too: then a project may set its own (`leakage:` of a model).
"""
_NAMED = 3


class EvaluationWasTrainedOn(ConfigurationError):
    """Too many rows of the evaluation are also trained on, so metrics flatter the model."""


def require(found: Leakage, *, limit: float = LIMIT) -> None:
    """Check that evaluation is fair.

    Raises:
        EvaluationWasTrainedOn: more than that share of its rows is in training too.
    """
    if found.share <= limit:
        return
    examples = ", ".join(_told(*one) for one in found.examples[:_NAMED])
    raise EvaluationWasTrainedOn(
        f"{found.rows:,} of {found.evaluated:,} evaluation rows ({found.share:.1%}) are also "
        f"trained on{f', such as {examples}' if examples else ''}; the limit is {limit:.1%}.",
        fix="Split by content, so that equal rows are on one side, or drop the duplicates. Where "
        "rows may repeat honestly, raise `leakage:` of the model in trainshed.yml.",
    )


def _told(row: str, trained: str) -> str:
    """Name a row by its number or id; by both where it is another one that is equal to it."""
    return f"row {row}" if row == trained else f"row {row} (trained on as row {trained})"
