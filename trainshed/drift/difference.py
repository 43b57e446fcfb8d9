"""What parts two tables, column by column, by their profiles.

A column has drifted when both hold: the difference is large enough to matter (population stability
index of 0.1 or more, the usual limit) and it is more than chance (p-value of the test that fits the
column, corrected for the number of columns after Benjamini and Hochberg, of 5 % or less). Certain
but smaller is `small`; large but not certain, as few rows make it, is no finding.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trainshed.data_evidence import Balance, ColumnDifference, Difference, Finding, Moved
from trainshed.drift import bins, evidence
from trainshed.drift.bins import Bins
from trainshed.drift.column import Column
from trainshed.drift.evidence import Evidence
from trainshed.drift.profile import Profile
from trainshed.statistics import judgement

_SHOWN = 3
_CLASSES = 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    effect: float = 0.1
    """Of the population stability index."""
    error_rate: float = 0.05
    """The share of wrong ones among the columns that are said to differ."""


def between(
    before: Profile, after: Profile, *, target: str | None = None, limits: Limits | None = None
) -> Difference:
    """Compare two profiles; the bins are those of the first.

    Args:
        target: the column to predict, for its balance.
    """
    names = [name for name in before.columns if name in after.columns]
    pairs = {name: (before.columns[name], after.columns[name]) for name in names}
    kinds = {name: (one.kind, other.kind) for name, (one, other) in pairs.items()}
    return Difference(
        rows=(before.rows, after.rows),
        added=tuple(name for name in after.columns if name not in before.columns),
        removed=tuple(name for name in before.columns if name not in after.columns),
        retyped={
            name: pair for name, pair in kinds.items() if pair[0] != pair[1] and "empty" not in pair
        },
        columns=_columns(pairs, limits or Limits()),
        balance=_balance(pairs.get(target)) if target is not None else None,
    )


def _columns(
    pairs: Mapping[str, tuple[Column, Column]], limits: Limits
) -> tuple[ColumnDifference, ...]:
    counted = {name: bins.of(*pair) for name, pair in pairs.items()}
    tested = {name: evidence.of(*pair, counted[name]) for name, pair in pairs.items()}
    found = {name: one for name, one in tested.items() if one is not None}
    corrected = dict(
        zip(
            found,
            judgement.benjamini_hochberg([one.p_value for one in found.values()]),
            strict=True,
        )
    )
    told = [
        _told(
            name,
            pair,
            counted=counted[name],
            tested=tested[name],
            p_value=corrected.get(name),
            limits=limits,
        )
        for name, pair in pairs.items()
    ]
    order = {"drift": 0, "small": 1, "none": 2, "too-few": 3}
    return tuple(sorted(told, key=lambda one: (order[one.finding], -one.effect, one.name)))


def _told(
    name: str,
    pair: tuple[Column, Column],
    *,
    counted: Bins,
    tested: Evidence | None,
    p_value: float | None,
    limits: Limits,
) -> ColumnDifference:
    is_of_numbers = bins.is_of_numbers(pair[0])
    effect = bins.stability_index(counted if is_of_numbers else bins.rare_pooled(counted))
    return ColumnDifference(
        name=name,
        kinds=(pair[0].kind, pair[1].kind),
        nulls=(_share(pair[0].nulls, pair[0].count), _share(pair[1].nulls, pair[1].count)),
        effect=effect,
        test=tested.test if tested else None,
        statistic=tested.statistic if tested else None,
        p_value=p_value,
        finding=_finding(effect, p_value, limits),
        moved=_moved(counted),
    )


def _finding(effect: float, p_value: float | None, limits: Limits) -> Finding:
    if p_value is None:
        return "too-few"
    if p_value > limits.error_rate:
        return "none"
    return "drift" if effect >= limits.effect else "small"


def _moved(counted: Bins) -> tuple[Moved, ...]:
    if any(name.startswith("(hash ") for name in counted.names):
        return ()
    shares = _shares(counted)
    shares.sort(key=lambda one: -abs(one.after - one.before))
    return tuple(one for one in shares[:_SHOWN] if one.before != one.after)


def _balance(pair: tuple[Column, Column] | None) -> Balance | None:
    if pair is None or any(side.kind in {"text", "empty"} for side in pair):
        return None
    shares = _shares(bins.of(*pair))
    if pair[0].kind != "numeric":
        shares.sort(key=lambda one: -(one.before + one.after))
    return Balance(shares=tuple(shares[:_CLASSES]), left_out=max(0, len(shares) - _CLASSES))


def _shares(counted: Bins) -> list[Moved]:
    sizes = int(counted.before.sum()), int(counted.after.sum())
    return [
        Moved(name=name, before=_share(int(one), sizes[0]), after=_share(int(other), sizes[1]))
        for name, one, other in zip(counted.names, counted.before, counted.after, strict=True)
    ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
