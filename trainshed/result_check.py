"""Whether an honest job could have made a result: names, sizes, and that it follows from itself.

Everything here raises a ValueError that says what the result "is", "has", "gives" or "names",
without a word of the stranger's.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from trainshed import comparison, evidence_check, tags
from trainshed.comparison import Against, Comparison, Side
from trainshed.config import MODEL_NAME, Metric
from trainshed.result import FORMAT, Failure, Result, RunSummary

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SLUG = re.compile(r"[a-z]+(-[a-z0-9]+)*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@/-]{0,99}")  # as `trainshed.contract` has it
_MOST_NAMES = 10_000


def check(result: Result, *, head: str, model: str) -> None:
    """Check a result that was decoded.

    Raises:
        ValueError: what is wrong with it.
    """
    if result.format > FORMAT:
        raise ValueError(f"has format {result.format}; this Trainshed reads up to {FORMAT}")
    if not re.fullmatch(MODEL_NAME, model) or result.model != model:
        raise ValueError("names another model than its artifact")
    if result.head != head:
        raise ValueError("is of another commit than GitHub says the run was for")
    if result.base is not None:
        _match(_COMMIT, [result.base], "a base commit")
    if result.kind == "failed":
        _check_failure(result)
        return
    if result.comparison is None or result.run is None or result.failure is not None:
        raise ValueError("is said to be compared, and has no comparison or no run")
    _check_comparison(result.comparison, model=model)
    _check_run(result.run, result.comparison)


def _check_failure(result: Result) -> None:
    if result.failure is None or result.comparison is not None or result.run is not None:
        raise ValueError("is said to have failed, and does not say why alone")
    failure: Failure = result.failure
    _match(_SLUG, [failure.slug], "the name of an error")


def _check_comparison(compared: Comparison, *, model: str) -> None:
    if compared.model != model:
        raise ValueError("has a comparison of another model")
    if compared.format > comparison.FORMAT:
        raise ValueError("has a comparison of a newer format")
    sides = [compared.candidate, *(base.side for base in compared.baselines)]
    for side in sides:
        _check_side(side, model=model)
    _check_names(compared.directions)
    _check_names(compared.missing)
    if len({base.name for base in compared.baselines}) != len(compared.baselines):
        raise ValueError("has a baseline twice")
    evidence_check.check(compared)
    if _judged_again(compared) != replace(compared, format=comparison.FORMAT):
        raise ValueError("has findings or a verdict that do not follow from its numbers")


def _check_side(side: Side, *, model: str) -> None:
    _match(_DIGEST, [side.run_id, side.dataset], "a digest")
    _match(_COMMIT, [side.commit], "a commit")
    _check_names(side.metrics)
    if side.release is not None:
        tag = tags.parse(side.release)
        if tag is None or tag.is_mark or tag.model != model:
            raise ValueError("names a release that is none of this model")


def _check_run(run: RunSummary, compared: Comparison) -> None:
    side = compared.candidate
    facts = (run.run_id, run.model, run.commit, run.dataset.digest, run.metrics)
    if facts != (side.run_id, compared.model, side.commit, side.dataset, side.metrics):
        raise ValueError("has a run that is not the candidate's")
    digests = [run.artifact, *([run.predictions] if run.predictions is not None else [])]
    _match(_DIGEST, digests, "a digest")
    _check_names(run.params)
    datetime.fromisoformat(run.created)


def _judged_again(compared: Comparison) -> Comparison:
    """Return the comparison as we make it of the same numbers and rules."""
    sides: Mapping[str, Against] = {base.name: base for base in compared.baselines}
    bounds: dict[str, dict[str, float]] = {}
    for one in compared.broken:
        bounds.setdefault(one.metric, {})[one.bound] = one.limit
    if compared.directions.keys() != compared.tolerances.keys():
        raise ValueError("has a metric with half a rule")
    try:
        rules = {
            name: Metric.model_validate(
                {"direction": compared.directions[name], "tolerance": tolerance}
                | bounds.get(name, {})
            )
            for name, tolerance in compared.tolerances.items()
        }
    except ValueError:
        raise ValueError("has a metric whose rule is none") from None
    return comparison.compare(
        model=compared.model,
        candidate=compared.candidate,
        parent=sides.get("parent"),
        live=sides.get("live"),
        rules=rules,
        policy=compared.policy,
        noise=compared.noise,
        leakage=compared.leakage,
        determinism=compared.determinism,
    )


def _check_names(names: Iterable[str]) -> None:
    """Metrics and parameters have names that the training contract allows, and not too many."""
    given = list(names)
    if len(given) > _MOST_NAMES:
        raise ValueError(f"has more than {_MOST_NAMES} metrics")
    if not all(_NAME.fullmatch(name) for name in given):
        raise ValueError("names a metric or a parameter as no trainer may")


def _match(pattern: re.Pattern[str], texts: Iterable[str], what: str) -> None:
    if not all(pattern.fullmatch(text) for text in texts):
        raise ValueError(f"has something else than {what} where there should be one")
