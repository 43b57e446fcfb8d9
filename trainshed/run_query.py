"""Which runs, and in which order: the filters of scripts/runs.py. Pure."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trainshed import ledger_runs
from trainshed.errors import ConfigurationError
from trainshed.ledger_runs import Known

_PARAM = "param."
_CONDITION = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9_.@/-]*)\s*(?P<sign><=|>=|!=|=|<|>)\s*(?P<value>.*\S)\s*"
)
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, "=": operator.eq,
    "!=": operator.ne, ">=": operator.ge, ">": operator.gt,
}  # fmt: skip
_A_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")


class FilterIsNotUnderstood(ConfigurationError):
    """A filter or an order of runs is not written as one, or names what no run has."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One `--where`. A run that lacks what it names does not meet it, not even by `!=`."""

    name: str
    """Of a metric; of a parameter when it begins with `param.`."""
    sign: str
    value: str

    def is_met(self, one: Known) -> bool:
        have = _value(one, self.name)
        if have is None:
            return False
        left, right = _number(have), _number(self.value)
        compares = _SIGNS[self.sign]
        if left is not None and right is not None:
            return compares(left, right)
        return self.sign in {"=", "!="} and compares(have, self.value)


@dataclass(frozen=True, kw_only=True)
class Query:
    """All that a person asks of a list of runs."""

    model: str | None = None
    commit: str | None = None
    """The first digits of the commit, or of a pull request's head."""
    data: str | None = None
    """The first digits of the data's digest, or how its path begins."""
    since: datetime | None = None
    until: datetime | None = None
    """Both are times in the list."""
    conditions: tuple[Condition, ...] = ()
    sort: str | None = None
    """A metric, `param.<name>` or `created`; `-` before it turns the order. None: by `created`."""
    limit: int | None = None
    """How many are left: the first ones of an order that is asked for, else the newest."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the metrics that it speaks of: whoever asks for them wants to see them."""
        asked = [one.name for one in self.conditions]
        asked += [self.sort.removeprefix("-")] if self.sort else []
        return tuple(name for name in dict.fromkeys(asked) if not name.startswith(_PARAM))


def condition(text: str) -> Condition:
    """Read a condition such as `f1>0.8` or `param.depth=7`.

    Raises:
        FilterIsNotUnderstood
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise _misunderstood(f"The condition {text!r} is not of the form NAME SIGN VALUE.")
    read = Condition(name=match["name"], sign=match["sign"], value=match["value"])
    needs_a_number = not read.name.startswith(_PARAM) or read.sign not in {"=", "!="}
    if needs_a_number and _number(read.value) is None:
        raise _misunderstood(f"The condition {text!r} compares with {read.value!r}, no number.")
    return read


def moment(text: str, *, ends: bool = False) -> datetime:
    """Read a day or a time (UTC, unless it names a zone); `ends`: a day means its last moment.

    Raises:
        FilterIsNotUnderstood
    """
    try:
        read = ledger_runs.moment(text)
    except ValueError:
        raise FilterIsNotUnderstood(
            f"{text!r} is neither a day nor a time.",
            fix="Write one such as 2026-01-31 or 2026-01-31T18:00:00+01:00.",
        ) from None
    is_a_day = _A_DAY.fullmatch(text) is not None
    return read + timedelta(days=1, microseconds=-1) if ends and is_a_day else read


def select(query: Query, known: Sequence[Known]) -> list[Known]:
    """Return the runs that a query means, in its order.

    Raises:
        FilterIsNotUnderstood: it names a metric or a parameter that none of the runs has.
    """
    of_model = [one for one in known if query.model in {None, one.summary.model}]
    _require_names(query, of_model)
    found = [one for one in of_model if _is_meant(query, one)]
    if query.sort is None:
        found.sort(key=lambda one: (one.created, one.run_id))
        return found if query.limit is None else found[max(0, len(found) - query.limit) :]
    return _sorted(found, query.sort)[: query.limit]


def _is_meant(query: Query, one: Known) -> bool:
    commits = [one.summary.commit, *(found.head for found in one.experiments)]
    data = (one.summary.dataset.digest, one.summary.dataset.path)
    return (
        (query.commit is None or any(it.startswith(query.commit.lower()) for it in commits))
        and (query.data is None or any(it.startswith(query.data) for it in data))
        and (query.since is None or one.created >= query.since)
        and (query.until is None or one.created <= query.until)
        and all(condition.is_met(one) for condition in query.conditions)
    )


def _sorted(found: list[Known], order: str) -> list[Known]:
    """Sort by a name; runs without it come last, whichever way it goes."""
    name, is_falling = order.removeprefix("-"), order.startswith("-")
    if name == "created":
        return sorted(found, key=lambda one: one.created, reverse=is_falling)
    have = [(one, _value(one, name)) for one in found]
    lacking = [one for one, value in have if value is None]
    there = [(one, value) for one, value in have if value is not None]
    there.sort(key=lambda pair: _rank(pair[1]), reverse=is_falling)
    return [*(one for one, _ in there), *lacking]


def _rank(value: float | str) -> tuple[bool, float, str]:
    """Order numbers by size, before texts."""
    number = _number(value)
    return (True, 0.0, str(value)) if number is None else (False, number, "")


def _value(one: Known, name: str) -> float | str | None:
    if name.startswith(_PARAM):
        return one.params.get(name.removeprefix(_PARAM))
    return one.summary.metrics.get(name)


def _number(value: float | str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _require_names(query: Query, known: Sequence[Known]) -> None:
    asked = [one.name for one in query.conditions]
    asked += [query.sort.removeprefix("-")] if query.sort else []
    for name in asked:
        if name == "created" or not known or any(_value(one, name) is not None for one in known):
            continue
        what = "parameter" if name.startswith(_PARAM) else "metric"
        raise _misunderstood(
            f"No run{f' of {query.model}' if query.model else ''} has a {what} "
            f"{name.removeprefix(_PARAM)}; there are {_names(known, what) or 'none'}."
        )


def _names(known: Iterable[Known], what: str, most: int = 10) -> str:
    those = {
        name
        for one in known
        for name in (one.params if what == "parameter" else one.summary.metrics)
    }
    named = sorted(those)
    rest = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + rest


def _misunderstood(problem: str) -> FilterIsNotUnderstood:
    return FilterIsNotUnderstood(
        problem,
        fix="Write --where 'f1>0.8', --where 'param.depth=7' or --sort -f1; signs are "
        "< <= = != >= >.",
    )
