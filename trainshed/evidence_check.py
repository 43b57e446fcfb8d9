"""Whether an honest job could have found the evidence in a result: sizes, ranges, and that it fits.

Nobody can check an interval without the predictions. But what contradicts itself, or the numbers
that stand beside it, is refused. Everything here raises a ValueError, as `trainshed.result_check`.
"""

import math
from collections.abc import Iterable
from dataclasses import fields, is_dataclass

from trainshed.comparison import Against, Comparison
from trainshed.evidence import Confusion, Curve, Evidence, Measured, Rows, Slices

MOST_SLICES = 200
MOST_FLIPS = 10
MOST_CLASSES = 20
MOST_COLUMNS = 10_000
"""Of a table whose difference is told."""
_MOST_POINTS = 101
_CLOSE = 1e-3
"""How far a reported metric may be from what the predictions give, relative or absolute."""


def check(compared: Comparison) -> None:
    """Check all evidence of a comparison.

    Raises:
        ValueError: what is wrong with it.
    """
    for base in compared.baselines:
        _check_numbers(base)
        if base.evidence is not None:
            _check_evidence(base.evidence, compared)
        if base.data is not None and len(base.data.columns.columns) > MOST_COLUMNS:
            raise ValueError("has a difference of too many columns")
    for noise in (compared.noise or {}).values():
        _check_range(noise.limit, 0, math.inf, "a noise")
        _check_range(noise.seeds, 2, math.inf, "a number of seeds")
    leakage = compared.leakage
    if leakage is not None and not 0 <= leakage.rows <= leakage.evaluated:
        raise ValueError("has more rows that leak than rows")


def _check_evidence(evidence: Evidence, compared: Comparison) -> None:
    _check_rows(evidence.rows)
    reported = compared.candidate.metrics
    is_whole = evidence.rows.how == "paired" and evidence.rows.compared == evidence.rows.candidate
    for name, measured in evidence.metrics.items():
        if name not in reported:
            raise ValueError("has evidence of a metric that the candidate lacks")
        _check_measured(measured, reported=reported[name] if is_whole else None)
    if evidence.slices is not None:
        _check_slices(evidence.slices, evidence.rows)
    if evidence.flips is not None:
        flips = evidence.flips
        kinds = (flips.right_to_wrong, flips.wrong_to_right, flips.both_right, flips.both_wrong)
        if min(kinds) < 0 or sum(kinds) != evidence.rows.compared:
            raise ValueError("has flips of other rows than were compared")
        _check_range(flips.p_value, 0, 1, "a chance")
        if len(flips.surest) > min(MOST_FLIPS, flips.right_to_wrong):
            raise ValueError("has more flipped rows than there may be")
    if evidence.confusion is not None:
        _check_confusion(evidence.confusion)
    if len(evidence.curves) > len({one.kind for one in evidence.curves}):
        raise ValueError("has a curve twice")
    for curve in evidence.curves:
        _check_curve(curve)


def _check_rows(rows: Rows) -> None:
    counts = [getattr(rows, one.name) for one in fields(rows) if one.name not in {"how", "why"}]
    if min(counts) < 0 or rows.compared > rows.candidate:
        raise ValueError("has more rows compared than there are")


def _check_measured(measured: Measured, *, reported: float | None) -> None:
    if measured.interval is None:
        return
    low, high = measured.interval
    values = (measured.baseline, measured.candidate, measured.difference, measured.level)
    if None in values or low > high:
        raise ValueError("has an interval that is none")
    assert measured.baseline is not None
    assert measured.candidate is not None
    assert measured.difference is not None
    _check_range(measured.level or 0, 0.5, 1, "a level")
    if not _is_close(measured.candidate - measured.baseline, measured.difference, 1e-9):
        raise ValueError("has a difference that is not that of its values")
    if reported is not None and not _is_close(measured.candidate, reported, _CLOSE):
        raise ValueError("has evidence that contradicts the metric that was reported")


def _check_slices(slices: Slices, rows: Rows) -> None:
    if len(slices.found) > MOST_SLICES:
        raise ValueError("has too many slices")
    for one in slices.found:
        if not 0 <= one.rows <= rows.compared:
            raise ValueError("has a slice of more rows than were compared")
        if one.interval is not None and one.interval[0] > one.interval[1]:
            raise ValueError("has an interval that is none")
        if one.finding in {"better", "worse"} and (one.p_value is None or one.interval is None):
            raise ValueError("has a slice that is judged by nothing")


def _check_confusion(confusion: Confusion) -> None:
    size = len(confusion.classes)
    for table in (confusion.baseline, confusion.candidate):
        if size > MOST_CLASSES or [len(row) for row in table] != [size] * size:
            raise ValueError("has a confusion matrix of another size than its classes")
        if min((cell for row in table for cell in row), default=0) < 0:
            raise ValueError("has a confusion matrix with less than no rows")


def _check_curve(curve: Curve) -> None:
    if not 2 <= len(curve.baseline) == len(curve.candidate) <= _MOST_POINTS:
        raise ValueError("has a curve that cannot be drawn")
    for point in (*curve.baseline, *curve.candidate):
        if point is not None:
            _check_range(point, 0, 1, "a point of a curve")


def _check_numbers(base: Against) -> None:
    if not all(math.isfinite(number) for number in _numbers(base)):
        raise ValueError("has a number that is none")


def _numbers(value: object) -> Iterable[float]:
    """Yield every number in facts, however deep."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _numbers(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _numbers(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _numbers(getattr(value, field.name))


def _is_close(one: float, other: float, limit: float) -> bool:
    return abs(one - other) <= limit * max(1.0, abs(one), abs(other))


def _check_range(value: float, least: float, most: float, what: str) -> None:
    if not least <= value <= most:
        raise ValueError(f"has something else than {what} where there should be one")
