"""Compare a candidate run with its baselines, metric by metric. Pure: facts in, findings out.

Where a metric has an interval (`trainshed.evidence`), that decides; else its point difference does.
A reader of the JSON comes to the same findings and verdict from the same numbers.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from trainshed import config, finding
from trainshed.attribution import Attribution
from trainshed.config import Metric
from trainshed.data_evidence import DataDifference, Leakage
from trainshed.evidence import Determinism, Evidence, Noise
from trainshed.finding import Finding
from trainshed.run import Run

FORMAT = 2
"""1 had no evidence: what it found is read as judged by its numbers alone."""

Verdict = Literal["pass", "warn", "fail", "cannot-compare"]
BaselineName = Literal["parent", "live"]


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
class Policy:
    """How findings become a verdict: `gate:` of trainshed.yml."""

    baseline: BaselineName = "live"
    undecided: Literal["warn", "fail", "pass"] = "warn"
    no_interval: Literal["number", "warn", "fail"] = "number"
    required_rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A bound of trainshed.yml that the candidate does not keep."""

    metric: str
    bound: Literal["min", "max"]
    limit: float
    value: float


@dataclass(frozen=True, kw_only=True)
class Against:
    """A baseline, and what was found out about the candidate against it."""

    side: Side
    evidence: Evidence | None = None
    no_evidence: str = ""
    """Why there is none, as a reader is told."""
    cannot_compare: str = ""
    """Why the two must not be compared at all: they answer different questions."""
    changed: tuple[str, ...] = ()
    """Which ingredients differ: `code`, `data`, `command`, `params`, `lock`, `python`."""
    data: DataDifference | None = None
    """Where the data differs."""
    no_data: str = ""
    """Why that was not looked at."""
    attribution: Attribution | None = None
    """How much of each difference is the data's, how much the code's, when that was asked."""


@dataclass(frozen=True, kw_only=True)
class Baseline(Against):
    name: BaselineName
    findings: tuple[Finding, ...]
    is_same_run: bool


@dataclass(frozen=True, kw_only=True)
class Comparison:
    model: str
    candidate: Side
    baselines: tuple[Baseline, ...]
    gate: BaselineName | None
    """Which baseline decides; None when there is none yet and thresholds alone decide."""
    broken: tuple[Threshold, ...]
    missing: tuple[str, ...]
    """Metrics that trainshed.yml judges but the candidate lacks, or has no finite number for."""
    verdict: Verdict
    tolerances: Mapping[str, float]
    directions: Mapping[str, str]
    policy: Policy = Policy()
    noise: Mapping[str, Noise] | None = None
    """By metric; None when no run was repeated."""
    leakage: Leakage | None = None
    """None when the candidate does not say which rows it was trained on."""
    determinism: Determinism | None = None
    """What training the candidate twice showed; None when nobody did."""
    format: int = FORMAT

    def baseline(self, name: str | None) -> Baseline | None:
        return next((one for one in self.baselines if one.name == name), None)

    @property
    def lacks_rows(self) -> bool:
        """Tell whether too few rows were compared for `required_rows`."""
        return _lacks_rows(self.baseline(self.gate), self.policy)

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


def policy_of(gate: config.Gate) -> Policy:
    return Policy(
        baseline=gate.baseline,
        undecided=gate.undecided,
        no_interval=gate.no_interval,
        required_rows=gate.required_rows,
    )


def compare(
    *,
    model: str,
    candidate: Side,
    parent: Side | Against | None,
    live: Side | Against | None,
    rules: Mapping[str, Metric],
    policy: Policy | None = None,
    noise: Mapping[str, Noise] | None = None,
    leakage: Leakage | None = None,
    determinism: Determinism | None = None,
) -> Comparison:
    """Compare a candidate with up to two baselines and decide.

    The policy's baseline decides when it is there, else the other one, else thresholds alone.
    """
    policy = policy or Policy()
    given: list[tuple[BaselineName, Side | Against | None]] = [("parent", parent), ("live", live)]
    baselines = tuple(
        _baseline(name, candidate, _against(other), rules, policy)
        for name, other in given
        if other is not None
    )
    names = [one.name for one in baselines]
    gate = policy.baseline if policy.baseline in names else next(iter(names), None)
    decides = next((one for one in baselines if one.name == gate), None)
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
        verdict=decide(decides, broken=broken, missing=missing, policy=policy),
        tolerances={name: rule.tolerance for name, rule in rules.items()},
        directions={name: rule.direction for name, rule in rules.items()},
        policy=policy,
        noise=noise,
        leakage=leakage,
        determinism=determinism,
    )


def decide(
    baseline: Baseline | None,
    *,
    broken: tuple[Threshold, ...],
    missing: tuple[str, ...],
    policy: Policy,
) -> Verdict:
    """Return the verdict of the gating findings. What cannot be compared never passes."""
    if missing or _lacks_rows(baseline, policy) or (baseline and baseline.cannot_compare):
        return "cannot-compare"
    judged = {one.judgement for one in _gating(baseline)}
    asked = {policy.undecided} if "undecided" in judged else set()
    if "no-interval" in judged and policy.no_interval != "number":
        asked.add(policy.no_interval)
    if broken or "worse" in judged or "fail" in asked:
        return "fail"
    return "warn" if "warn" in asked else "pass"


def _against(other: Side | Against) -> Against:
    return Against(side=other) if isinstance(other, Side) else other


def _baseline(
    name: BaselineName,
    candidate: Side,
    other: Against,
    rules: Mapping[str, Metric],
    policy: Policy,
) -> Baseline:
    known = {one.name: getattr(other, one.name) for one in fields(Against)}
    return Baseline(
        name=name,
        findings=_findings(candidate, other, rules, policy),
        is_same_run=other.side.run_id == candidate.run_id,
        **known,
    )


def _gating(baseline: Baseline | None) -> list[Finding]:
    """Return what is judged; a metric that the baseline lacks is new, and judged by nothing."""
    findings = baseline.findings if baseline else ()
    return [one for one in findings if one.is_gating and one.difference is not None]


def _lacks_rows(baseline: Baseline | None, policy: Policy) -> bool:
    if policy.required_rows is None or baseline is None or baseline.is_same_run:
        return False
    compared = baseline.evidence.rows.compared if baseline.evidence else 0
    return compared < policy.required_rows


def _findings(
    candidate: Side, other: Against, rules: Mapping[str, Metric], policy: Policy
) -> tuple[Finding, ...]:
    """Judged metrics first, in the order of trainshed.yml, then the trainer's others by name."""
    others = sorted(candidate.metrics.keys() - rules.keys())
    names = [*(name for name in rules if name in candidate.metrics), *others]
    measured = other.evidence.metrics if other.evidence else {}
    is_same = other.side.run_id == candidate.run_id
    return tuple(
        finding.of(
            name,
            candidate.metrics[name],
            other.side.metrics.get(name),
            rule=rules.get(name),
            measured=measured.get(name),
            judges_numbers=policy.no_interval == "number" or is_same,
        )
        for name in names
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
