"""Compare a candidate run with a baseline, metric by metric. Pure: runs in, findings out.

Differences are point differences for now; `interval` keeps the place of their statistics.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from trainshed.config import Metric
from trainshed.run import Run

FORMAT = 1

Judgement = Literal["better", "not-worse", "worse", "undecided", "no-interval"]
Verdict = Literal["pass", "warn", "fail", "cannot-compare"]

# Floating point: 0.85 − 0.84 is a little more than 0.01, which no reader would call worse. Relative
# to the values, because so is the rounding: 1000.2 − 1000.1 is off by more than 0.85 − 0.84.
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the runs that are compared."""

    run_id: str
    commit: str
    release: str | None
    dataset: str
    """sha256 of its data."""
    dataset_path: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One metric of the candidate against one baseline."""

    metric: str
    judgement: Judgement
    baseline: float | None
    candidate: float
    difference: float | None
    """Candidate minus baseline, in the metric's own unit: its sign is not turned."""
    interval: tuple[float, float] | None = None
    is_gating: bool
    """trainshed.yml says how to judge it."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A bound of trainshed.yml that the candidate does not keep."""

    metric: str
    bound: Literal["min", "max"]
    limit: float
    value: float


@dataclass(frozen=True, kw_only=True)
class Baseline:
    name: Literal["parent", "live"]
    side: Side
    findings: tuple[Finding, ...]
    is_same_run: bool


@dataclass(frozen=True, kw_only=True)
class Comparison:
    model: str
    candidate: Side
    baselines: tuple[Baseline, ...]
    gate: Literal["parent", "live"] | None
    """Which baseline decides; None when there is none yet and thresholds alone decide."""
    broken: tuple[Threshold, ...]
    missing: tuple[str, ...]
    """Metrics that trainshed.yml judges but the candidate lacks, or has no finite number for."""
    verdict: Verdict
    tolerances: Mapping[str, float]
    directions: Mapping[str, str]
    format: int = FORMAT

    def baseline(self, name: str | None) -> Baseline | None:
        return next((one for one in self.baselines if one.name == name), None)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def side(run: Run, *, release: str | None = None) -> Side:
    return Side(
        run_id=run.run_id,
        commit=run.commit,
        release=release,
        dataset=run.dataset.digest,
        dataset_path=run.dataset.path,
        metrics=run.metrics,
    )


def compare(
    *,
    model: str,
    candidate: Side,
    parent: Side | None,
    live: Side | None,
    rules: Mapping[str, Metric],
) -> Comparison:
    """Compare a candidate with up to two baselines and decide.

    The live release decides when there is one (what users get), else the parent, else thresholds.
    """
    sides: list[tuple[Literal["parent", "live"], Side | None]] = [
        ("parent", parent),
        ("live", live),
    ]
    baselines = tuple(
        Baseline(
            name=name,
            side=other,
            findings=_findings(candidate, other, rules),
            is_same_run=other.run_id == candidate.run_id,
        )
        for name, other in sides
        if other is not None
    )
    gate: Literal["parent", "live"] | None = None
    if baselines:
        gate = "live" if live is not None else "parent"
    findings = next((one.findings for one in baselines if one.name == gate), ())
    broken = _broken_thresholds(candidate, rules)
    known = {name for name, value in candidate.metrics.items() if math.isfinite(value)}
    missing = tuple(sorted(rules.keys() - known))
    return Comparison(
        model=model,
        candidate=candidate,
        baselines=baselines,
        gate=gate,
        broken=broken,
        missing=missing,
        verdict=decide(findings, broken=broken, missing=missing),
        tolerances={name: rule.tolerance for name, rule in rules.items()},
        directions={name: rule.direction for name, rule in rules.items()},
    )


def decide(
    findings: tuple[Finding, ...], *, broken: tuple[Threshold, ...], missing: tuple[str, ...]
) -> Verdict:
    """Return the verdict of the gating findings. What cannot be compared never passes."""
    if missing:
        return "cannot-compare"
    judged = {finding.judgement for finding in findings if finding.is_gating}
    if broken or "worse" in judged:
        return "fail"
    return "warn" if "undecided" in judged else "pass"


def judge(*, before: float, after: float, rule: Metric) -> Judgement:
    """Judge a point difference: worse when it loses more than the tolerance."""
    gain = after - before if rule.direction == "maximize" else before - after
    rounding = _ROUNDING * max(abs(before), abs(after))
    if gain > rounding:
        return "better"
    return "worse" if gain < -rule.tolerance - rounding else "not-worse"


def _findings(candidate: Side, other: Side, rules: Mapping[str, Metric]) -> tuple[Finding, ...]:
    """Judged metrics first, in the order of trainshed.yml, then the trainer's others by name."""
    others = sorted(candidate.metrics.keys() - rules.keys())
    names = [*(name for name in rules if name in candidate.metrics), *others]
    return tuple(_finding(name, candidate, other, rules.get(name)) for name in names)


def _finding(name: str, candidate: Side, other: Side, rule: Metric | None) -> Finding:
    after, before = candidate.metrics[name], other.metrics.get(name)
    judgement: Judgement = "no-interval"
    if rule is not None and before is not None:
        judgement = judge(before=before, after=after, rule=rule)
    return Finding(
        metric=name,
        judgement=judgement,
        baseline=before,
        candidate=after,
        difference=None if before is None else after - before,
        is_gating=rule is not None,
    )


def _broken_thresholds(candidate: Side, rules: Mapping[str, Metric]) -> tuple[Threshold, ...]:
    broken = []
    for name, rule in rules.items():
        value = candidate.metrics.get(name)
        if value is None:
            continue
        if rule.min is not None and value < rule.min:
            broken.append(Threshold(metric=name, bound="min", limit=rule.min, value=value))
        if rule.max is not None and value > rule.max:
            broken.append(Threshold(metric=name, bound="max", limit=rule.max, value=value))
    return tuple(broken)


def from_json(text: str | bytes) -> Comparison:
    """Read a comparison.

    Raises:
        ValueError: it does not fit, or a newer Trainshed wrote it.
    """
    from trainshed import decode  # noqa: PLC0415  # pydantic is imported only when it is needed

    read: Any = decode.from_json(Comparison, text)
    if read.format > FORMAT:
        raise ValueError(f"format {read.format} is newer than this Trainshed's {FORMAT}")
    comparison: Comparison = read
    return comparison
