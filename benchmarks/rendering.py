"""How long the report of a comparison takes, from facts to Markdown, in a process of its own."""

import subprocess
from collections.abc import Mapping

from benchmarks.harness import ROOT, Context, Measurement, benchmark, ours
from trainshed import comparison
from trainshed.attribution import Attribution, Share
from trainshed.comparison import Against, Comparison, Side
from trainshed.config import Metric
from trainshed.data_evidence import (
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
    Noise,
    Rows,
    Slice,
    Slices,
)
from trainshed.settings import child_environment

_METRICS, _SLICES, _FLIPS, _COLUMNS = 10_000, 60, 10, 200
_JUDGED = 20
_LONGEST = 60_000
_MEASURE = """
import sys, time
from benchmarks import rendering
from trainshed import report
made = rendering.largest()
longest = int(sys.argv[1]) or None
start = time.perf_counter()
text = report.markdown(made, longest=longest)
print(time.perf_counter() - start, report.length(text))
"""


@benchmark("stats.render", unit="s", aim=0.2, better="lower")
def render(context: Context) -> Measurement:
    """All of the largest comparison, for the summary; beside it the part that a comment holds.

    The first report of a process, which loads and compiles its templates.
    """
    found = context.medians(
        {
            "trainshed": lambda: _seconds(context, 0),
            "a comment": lambda: _seconds(context, _LONGEST),
        }
    )
    return Measurement(value=found.pop("trainshed"), peers=found)


def largest() -> Comparison:
    """Return as large a comparison as there is: 10,000 metrics, two baselines."""
    names = [f"recall.class-{at:04}" for at in range(_METRICS)]
    measured = {
        name: Measured(why_not="it is the trainer's own metric")
        if at % 7 == 0
        else Measured(
            baseline=0.5,
            candidate=0.5 + at / 1e5,
            difference=at / 1e5,
            interval=(at / 1e5 - 0.01, at / 1e5 + 0.01),
            level=0.95,
            p_value=0.2,
        )
        for at, name in enumerate(names)
    }
    evidence = Evidence(
        rows=Rows(how="scored", compared=838, baseline=840, candidate=850, trained_on=12),
        metrics=measured,
        slices=_slices(),
        flips=_flips(),
        confusion=_confusion(),
        curves=_curves(),
    )
    share = dict.fromkeys(names, Share(difference=0.01, interval=(-0.01, 0.03)))
    attribution = Attribution(run_id="4" * 64, data=share, code=share)
    before = dict.fromkeys(names, 0.5)
    return comparison.compare(
        model="churn",
        candidate=_side("1", {name: 0.5 + at / 1e5 for at, name in enumerate(names)}),
        parent=Against(side=_side("2", before), evidence=evidence, changed=("code",), data=_data()),
        live=Against(
            side=_side("3", before),
            evidence=evidence,
            changed=("code", "data"),
            data=_data(),
            attribution=attribution,
        ),
        rules={name: Metric(direction="maximize", tolerance=0.01) for name in names[:_JUDGED]},
        noise={name: Noise(limit=0.005, seeds=5, spread=0.002) for name in names},
    )


def _side(digit: str, metrics: Mapping[str, float]) -> Side:
    return Side(
        run_id=digit * 64,
        commit=digit * 40,
        release="churn@v1.4.0" if digit == "3" else None,
        dataset=digit * 64,
        dataset_path="data/train.csv",
        metrics=metrics,
    )


def _slices() -> Slices:
    found = [
        Slice(
            column=f"column {at % 7}",
            value=f"value {at}",
            rows=1_000 - at,
            baseline=0.8,
            candidate=0.8 + (at - 20) / 1_000,
            difference=(at - 20) / 1_000,
            interval=((at - 30) / 1_000, (at - 10) / 1_000),
            p_value=0.04,
            finding="worse" if at < 10 else "undecided",
        )
        for at in range(_SLICES)
    ]
    return Slices(metric="f1", found=tuple(found), left_out=3)


def _flips() -> Flips:
    surest = [
        Flip(
            row_id=f"customer-{at}",
            truth="yes",
            answer="no",
            confidence=0.99 - at / 100,
            columns={f"column {one}": f"value {at}" for one in range(7)},
        )
        for at in range(_FLIPS)
    ]
    return Flips(
        right_to_wrong=14,
        wrong_to_right=27,
        both_right=749,
        both_wrong=48,
        p_value=0.061,
        is_exact=False,
        surest=tuple(surest),
    )


def _confusion() -> Confusion:
    size = 30
    counts = tuple(tuple(row * column % 17 for column in range(size)) for row in range(size))
    more = tuple(tuple(count + 1 for count in row) for row in counts)
    return Confusion(
        classes=tuple(f"class {at}" for at in range(size)), baseline=counts, candidate=more
    )


def _curves() -> tuple[Curve, ...]:
    points = tuple(at / 20 for at in range(21))
    return (
        Curve(kind="roc", baseline=points, candidate=points),
        Curve(kind="precision-recall", baseline=points[::-1], candidate=points[::-1]),
        Curve(kind="calibration", baseline=points, candidate=points),
    )


def _data() -> DataDifference:
    columns = [
        ColumnDifference(
            name=f"column {at}",
            kinds=("numeric", "numeric"),
            nulls=(0.0, 0.01),
            effect=0.2,
            test="kolmogorov-smirnov",
            statistic=0.2,
            p_value=0.001,
            finding="drift" if at % 2 else "none",
            moved=(Moved(name="below 6", before=0.1, after=0.2),),
        )
        for at in range(_COLUMNS)
    ]
    return DataDifference(
        rows=None,
        why_not="a table has more than 1,000,000 rows",
        changes=None,
        columns=Difference(
            rows=(1_500_000, 1_600_000),
            added=(),
            removed=(),
            retyped={},
            columns=tuple(columns),
            balance=None,
        ),
        duplicates=(
            Duplicates(rows=1_500_000, distinct=1_499_000),
            Duplicates(rows=1_600_000, distinct=1_599_000),
        ),
    )


def _seconds(context: Context, longest: int) -> float:
    said = subprocess.run(
        ours("-c", _MEASURE, str(longest)),
        cwd=ROOT,
        env=child_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    context.tell(f"{int(said[1]):,} characters")
    return float(said[0])
