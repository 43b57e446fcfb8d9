"""Facts of evidence, made by hand, that reports are made from.

They agree with each other: 850 rows whose confusion tables give the metrics.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from records import RULES, V2, side

from trainshed import comparison
from trainshed.attribution import Attribution, Share
from trainshed.comparison import Against, Comparison
from trainshed.config import Metric
from trainshed.data_diff import Rows as TableRows
from trainshed.data_evidence import (
    Balance,
    Changes,
    ColumnDifference,
    DataDifference,
    Difference,
    Duplicates,
    Moved,
)
from trainshed.evidence import (
    Confusion,
    Curve,
    Evidence,
    Flip,
    Flips,
    Measured,
    Rows,
    Slice,
    Slices,
)

PARENT, LIVE = "0a" * 20, "0b" * 20
"""Commits of the baselines."""
PAIRED = Rows(how="paired", compared=850, baseline=850, candidate=850)
OWN = Measured(why_not="it is the trainer's own metric")
V2_DATA = {"dataset": V2, "dataset_path": "data/v2/train.csv"}


def measured(
    baseline: float, candidate: float, low: float, high: float, *, level: float = 0.95
) -> Measured:
    return Measured(
        baseline=baseline,
        candidate=candidate,
        difference=candidate - baseline,
        interval=(low, high),
        level=level,
        p_value=0.02,
    )


def against(evidence: Evidence | None = None, *, release: str | None = None, **changes: Any) -> Any:
    """A baseline: the live release where `release` names it, else the state before."""
    one = side(
        {name: one.baseline for name, one in evidence.metrics.items() if one.baseline is not None}
        if evidence
        else None,
        run_id=("3" if release else "2") * 64,
        commit=LIVE if release else PARENT,
        release=release,
    )
    return Against(side=one, evidence=evidence, **changes)


def compare(
    candidate: Mapping[str, float],
    *,
    parent: Against | None = None,
    live: Against | None = None,
    data: Mapping[str, str] | None = None,
    rules: Mapping[str, Metric] = RULES,
    **further: Any,
) -> Comparison:
    return comparison.compare(
        model="churn",
        candidate=side(candidate, run_id="1" * 64, **(data or {})),
        parent=parent,
        live=live,
        rules=rules,
        **further,
    )


SLICES = Slices(
    metric="f1",
    found=(
        Slice(
            column="plan",
            value="basic",
            rows=212,
            baseline=0.8333,
            candidate=0.7615,
            difference=-0.0718,
            interval=(-0.1203, -0.0244),
            p_value=0.018,
            finding="worse",
        ),
        Slice(
            column="tenure",
            value="below 6",
            rows=190,
            baseline=0.8021,
            candidate=0.7930,
            difference=-0.0091,
            interval=(-0.0522, 0.0340),
            p_value=0.81,
            finding="undecided",
        ),
        Slice(
            column="plan",
            value="premium",
            rows=638,
            baseline=0.8140,
            candidate=0.8805,
            difference=0.0665,
            interval=(0.0331, 0.0990),
            p_value=0.003,
            finding="better",
        ),
        Slice(
            column="tenure",
            value="24 or more",
            rows=22,
            finding="not-judged",
            why_not="fewer than 30 rows",
        ),
        Slice(
            column="region",
            value="north",
            rows=12,
            finding="not-judged",
            why_not="fewer than 30 rows",
        ),
    ),
    left_out=0,
)
FLIPS = Flips(
    right_to_wrong=14,
    wrong_to_right=27,
    both_right=761,
    both_wrong=48,
    p_value=0.0609,
    is_exact=False,
    surest=tuple(
        Flip(
            row_id=f"customer-{1000 + 37 * at}",
            truth="yes",
            answer="no",
            confidence=0.97 - 0.03 * at,
            columns={"plan": "basic", "tenure": str(3 + at), "email": "•••"},
        )
        for at in range(10)
    ),
)
CONFUSION = Confusion(
    classes=("no", "yes"), baseline=((605, 45), (30, 170)), candidate=((610, 40), (22, 178))
)


def _rising(power: float) -> tuple[float, ...]:
    return tuple((at / 20) ** power for at in range(21))


CURVES = (
    Curve(kind="roc", baseline=_rising(0.3), candidate=_rising(0.25)),
    Curve(
        kind="precision-recall",
        baseline=tuple(1 - 0.75 * one for one in _rising(3)),
        candidate=tuple(1 - 0.75 * one for one in _rising(4)),
    ),
    Curve(
        kind="calibration",
        baseline=(None, 0.03, *((at + 0.5) / 11 for at in range(1, 9)), None),
        candidate=(0.01, 0.08, None, *((at + 0.4) / 11 for at in range(2, 9)), 0.99),
    ),
)
BETTER = {"f1": 0.8517, "log_loss": 0.2105, "roc_auc": 0.9312, "profit": 1250.0}
PROFIT = {"profit": 1190.0}
DETAILED = Evidence(
    rows=PAIRED,
    metrics={
        "f1": measured(0.8193, 0.8517, 0.0041, 0.0603, level=0.975),
        "log_loss": measured(0.2310, 0.2105, -0.0312, -0.0098),
        "roc_auc": measured(0.9204, 0.9312, -0.0011, 0.0226),
        "profit": OWN,
    },
    slices=SLICES,
    flips=FLIPS,
    confusion=CONFUSION,
    curves=CURVES,
)


def column(name: str, effect: float, **changes: Any) -> ColumnDifference:
    one = ColumnDifference(
        name=name,
        kinds=("numeric", "numeric"),
        nulls=(0.0, 0.0),
        effect=effect,
        test="kolmogorov-smirnov",
        statistic=0.2,
        p_value=0.0001,
        finding="drift",
        moved=(Moved(name="below 6", before=0.1, after=0.231),),
    )
    return replace(one, **changes)


DATA = DataDifference(
    rows=TableRows(added=420, removed=20, common=3980),
    why_not="",
    changes=Changes(added=400, removed=0, changed=20, same=3980, ambiguous=1),
    columns=Difference(
        rows=(4000, 4400),
        added=("discount",),
        removed=(),
        retyped={"zip": ("numeric", "categorical")},
        columns=(
            column("tenure", 0.27, nulls=(0.0, 0.031)),
            column("plan", 0.012, kinds=("categorical", "categorical"), test="chi-square",
                   finding="small", p_value=0.021,
                   moved=(Moved(name="basic", before=0.31, after=0.27),
                          Moved(name="premium", before=0.69, after=0.73))),
            column("charges", 0.001, finding="none", p_value=0.7, moved=()),
            column("zip", 0.001, finding="none", p_value=0.9, moved=()),
        ),
        balance=Balance(
            shares=(Moved(name="no", before=0.765, after=0.752),
                    Moved(name="yes", before=0.235, after=0.248)),
            left_out=0,
        ),
    ),
    duplicates=(Duplicates(rows=4000, distinct=3997), Duplicates(rows=4400, distinct=4388)),
)  # fmt: skip
SCORED = Rows(
    how="scored", compared=838, baseline=840, candidate=850, trained_on=12, only_candidate=90
)
ON_NEW_DATA = Evidence(
    rows=SCORED,
    metrics={
        "f1": measured(0.8015, 0.8391, 0.0102, 0.0648),
        "log_loss": measured(0.2455, 0.2201, -0.0382, -0.0131),
    },
)
ATTRIBUTED = Attribution(
    run_id="4" * 64,
    data={"log_loss": Share(difference=-0.0185), "f1": Share(difference=0.0272,
                                                             interval=(0.0031, 0.0514))},
    code={"log_loss": Share(difference=-0.0069), "f1": Share(difference=0.0104,
                                                             interval=(-0.0092, 0.0301))},
)  # fmt: skip
