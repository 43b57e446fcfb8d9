"""The bootstrap at work: its speed beside SciPy's, its memory, and how often it is right."""

import subprocess
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from benchmarks import calibration
from benchmarks.harness import ROOT, Context, Measurement, benchmark, ours
from trainshed.statistics import bootstrap, metrics
from trainshed.statistics.sides import Classified

_ROWS = 100_000
_MILLION = 1_000_000
_PAIRS = 1_000
_MEASURE = """
import re, sys, time
from benchmarks import statistics
took = statistics.ours_seconds(sys.argv[1], rows=int(sys.argv[2]))
print(took, int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024)
"""


@benchmark("stats.f1", unit="s", aim=1.0, better="lower")
def f1(context: Context) -> Measurement:
    """10,000 resamples of 100,000 rows. SciPy draws rows; what it needs for all is projected."""
    return _beside_scipy(context, "f1", _scipy_f1, resamples=200)


@benchmark("stats.roc_auc", unit="s", aim=20.0, better="lower")
def roc_auc(context: Context) -> Measurement:
    """The same; SciPy's statistic sorts every resample, as rank statistics need."""
    return _beside_scipy(context, "roc_auc", _scipy_roc_auc, resamples=50)


@benchmark("stats.memory", unit="MB", aim=1_000, better="lower")
def memory(context: Context) -> Measurement:
    """The most memory that a process holds for roc_auc with a million rows."""
    context.tell(f"roc_auc of {_MILLION:,} rows, once")
    took, most = _alone("roc_auc", _MILLION)
    context.tell(f"it took {took:.0f} s")
    return Measurement(value=most / 1e6)


@benchmark("stats.calibration", unit="of 1,000", aim=73, better="lower")
def calibrate(context: Context) -> Measurement:
    """A/A: the worst cell's pairs that were called better or worse, of 1,000; nominal is 50.

    73 is the 99.9 % bound of the binomial distribution. Told beside it: few positives, and A/B,
    where `worse` is the power to find the gap.
    """
    worst = 0
    context.tell(calibration.HEADER)
    for cell in calibration.cells(pairs=_PAIRS):
        context.tell(str(cell))
        worst = max(worst, cell.called, cell.pairs - cell.covered)
    context.tell("few positives")
    for rows in calibration.SIZES:
        for positive in (0.05, 0.1):
            context.tell(str(calibration.play("f1", rows=rows, pairs=_PAIRS, positive=positive)))
    context.tell("a true gap")
    context.tell(str(calibration.play("f1", rows=1_000, pairs=_PAIRS, gap=0.05)))
    return Measurement(value=worst)


def ours_seconds(name: str, *, rows: int) -> float:
    """Return how long the resampling of one metric takes."""
    pair = _sample(rows)
    start = time.perf_counter()
    metric = metrics.Metric(name=name)
    bootstrap.resample(pair, {name: metric}, run_ids=("a", "b"), paired=True)
    return time.perf_counter() - start


def _beside_scipy(
    context: Context, name: str, statistic: Callable[..., Any], *, resamples: int
) -> Measurement:
    pair = _sample(_ROWS)

    def scipys() -> float:
        start = time.perf_counter()
        stats.bootstrap(
            (pair[0].truth, *_columns(pair, name)),
            statistic,
            paired=True,
            vectorized=True,
            axis=-1,
            batch=10,
            n_resamples=resamples,
            method="percentile",
            rng=np.random.default_rng(0),
        )
        return (time.perf_counter() - start) * bootstrap.RESAMPLES / resamples

    found = context.medians(
        {"trainshed": lambda: ours_seconds(name, rows=_ROWS), "scipy.stats.bootstrap": scipys}
    )
    return Measurement(value=found.pop("trainshed"), peers=found)


def _sample(rows: int) -> tuple[Classified, Classified]:
    return calibration.classes(np.random.default_rng(0), rows, positive=0.3, signals=(2.0, 2.0))


def _columns(pair: tuple[Classified, Classified], name: str) -> list[Any]:
    return [side.answer if name == "f1" else side.score for side in pair]


def _scipy_f1(truth: Any, first: Any, second: Any, axis: int) -> Any:
    return _f1(truth, second, axis) - _f1(truth, first, axis)


def _f1(truth: Any, answer: Any, axis: int) -> Any:
    return 2 * (truth & answer).sum(axis) / (truth.sum(axis) + answer.sum(axis))


def _scipy_roc_auc(truth: Any, first: Any, second: Any, axis: int) -> Any:
    return _auc(truth, second, axis) - _auc(truth, first, axis)


def _auc(truth: Any, score: Any, axis: int) -> Any:
    ranks = stats.rankdata(score, axis=axis)
    hits = truth.sum(axis)
    below = (ranks * truth).sum(axis) - hits * (hits + 1) / 2
    return below / (hits * (truth.shape[axis] - hits))


def _alone(name: str, rows: int) -> tuple[float, float]:
    """Return seconds and bytes of a process that does nothing else."""
    said = subprocess.run(
        ours("-c", _MEASURE, name, str(rows)), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return float(said[0]), float(said[1])
