"""Rows that look for a difference between two forms of a model: on its edges, and beyond its data.

Each is a row that was really there with one to three values changed, all in one way. The same
seed makes the same rows.
"""

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from trainshed.serving.schema import Column, Row, Schema

COUNT = 10_000

Way = Literal["data", "example", "threshold", "unseen", "null", "extreme", "whole", "mixed"]
# How many of the rows are changed how, where a model and its schema have such values at all.
_SHARES: Mapping[Way, float] = {
    "threshold": 0.5,
    "unseen": 0.15,
    "null": 0.1,
    "whole": 0.05,
    "extreme": 0.02,  # few: each that the original refuses has to be found one by one
}
_MOST_CHANGED = 3

_HUGE = 2**63 - 1
_LARGEST = float(np.finfo(np.float64).max)
_TINY = math.ulp(0.0)
_EXTREMES: Mapping[str, Sequence[Any]] = {
    "integer": [0, 1, -1, 2**31, -(2**31), 2**53, 2**53 + 1, -(2**53) - 1, _HUGE, -_HUGE],
    "number": [
        *(0.0, -0.0, _TINY, -_TINY, 1e15, 2**53 + 1, _HUGE, -_HUGE),
        *(3.4e38, -3.4e38, 3.5e38, 1e300, -1e300, _LARGEST, -_LARGEST),  # float32 ends at 3.4e38
    ],
    "boolean": [False, True],
    "string": ["", " ", "x" * 5_000, "nan", "NaN", "None", "null", "<NA>", "0", "\x00", "\ufffd"],
}
_ODD_TEXT = (
    *("never seen", "Ünïcode", "日本語 テキスト", "🙂", "İstanbul", "ǅ", "a\tb\nc"),
    "don't e-mail x_y 3.5",
)
_AROUND = (
    *("{} ", " {}", "{}\x00", "é{}", "{}é", "İ{}", "{}\u0301"),
    *("{}'s", "x-{}", "_{}", "{}2", "{},{}"),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row to ask, and what is special about it."""

    row: Row
    way: Way
    changed: tuple[str, ...] = ()
    """The columns whose values are not those of the data."""


def cases(
    base: Sequence[Row],
    schema: Schema,
    *,
    thresholds: Mapping[str, Sequence[float]],
    count: int = COUNT,
    seed: int = 0,
) -> list[Case]:
    """Return changed copies of rows that fit the schema.

    Args:
        base: the rows to change, at least one.
        schema: what may be sent; None of its columns is of type `any`.
        thresholds: by column, the values at which the model's trees split, as far as known.
        count: how many to make.
        seed: decides which.
    """
    chance = random.Random(seed)  # noqa: S311  # nothing is secret here
    columns = schema.columns or ()
    seen = {one.name: _seen(base, one.name) for one in columns}
    pools: dict[Way, dict[str, list[Any]]] = {
        "threshold": {one.name: _edges(one, thresholds.get(one.name, ())) for one in columns},
        "unseen": {one.name: _unseen(one, seen[one.name], chance) for one in columns},
        "null": {one.name: [None] for one in columns if one.nullable},
        "extreme": {one.name: list(_EXTREMES[one.type]) for one in columns},
        "whole": {one.name: _whole(one, seen[one.name]) for one in columns},
        "mixed": seen,
    }
    made: list[Case] = []
    for way, share in _SHARES.items():
        made += _changed(base, way, pools[way], int(count * share), chance)
    return made + _changed(base, "mixed", pools["mixed"], count - len(made), chance)


def _changed(
    base: Sequence[Row],
    way: Way,
    pool: Mapping[str, Sequence[Any]],
    count: int,
    chance: random.Random,
) -> list[Case]:
    """Use every value of the pool in turn, as long as there are rows left to make."""
    next_of = {name: _in_turn(values, chance) for name, values in pool.items() if values}
    names = list(next_of)
    if not names:
        return []
    made = []
    for _ in range(count):
        changed = chance.sample(names, min(len(names), chance.randint(1, _MOST_CHANGED)))
        row = dict(chance.choice(base)) | {name: next_of[name]() for name in changed}
        made.append(Case(row=row, way=way, changed=tuple(changed)))
    return made


def _in_turn(values: Sequence[Any], chance: random.Random) -> Callable[[], Any]:
    shuffled = chance.sample(list(values), len(values))
    turn = 0

    def following() -> Any:
        nonlocal turn
        turn += 1
        return shuffled[turn % len(shuffled)]

    return following


def _seen(base: Sequence[Row], name: str) -> list[Any]:
    """Return a column's values, each once; 1 and 1.0 and true are three."""
    return [value for _, value in dict.fromkeys((type(row[name]), row[name]) for row in base)]


def _edges(column: Column, thresholds: Iterable[float]) -> list[Any]:
    """Return values on and beside thresholds: a step of a double away, and a step of a float32."""
    found: dict[Any, None] = {}
    for threshold in thresholds:
        if column.type == "integer":
            sides = (math.floor(threshold), math.ceil(threshold))
            found |= dict.fromkeys(one for one in sides if abs(one) < 2**63)
        elif column.type == "number":
            found |= dict.fromkeys(one for one in _around(threshold) if math.isfinite(one))
    return list(found)


def _around(value: float) -> list[float]:
    with np.errstate(over="ignore"):
        single = np.float32(value)
        below, above = (np.nextafter(single, np.float32(to)) for to in (-np.inf, np.inf))
    near = [float(single), float(below), float(above)]
    # Half-way between two float32 is where rounding turns, and with it what older trees see.
    near += [(near[0] + near[1]) / 2, (near[0] + near[2]) / 2]
    return [
        each
        for one in (value, *near)
        for each in (one, math.nextafter(one, -math.inf), math.nextafter(one, math.inf))
    ]


def _unseen(column: Column, seen: Sequence[Any], chance: random.Random) -> list[Any]:
    present = [value for value in seen if value is not None]
    some = chance.sample(present, min(len(present), 50))
    if column.type == "string":
        twists = [twist for text in some for twist in (text.upper(), text[:-1], text * 2)]
        twists += [around.replace("{}", text) for text in some for around in _AROUND]
        odd = [f"{text} {word}" for text, word in zip(some, _ODD_TEXT, strict=False)]
        return [value for value in [*_ODD_TEXT, *twists, *odd] if value not in set(present)]
    if column.type == "number" and present:
        beyond = [max(present) + 1, min(present) - 1, min(present) - 0.5]
        return [*beyond, *(value + 0.5 for value in some)]
    if column.type == "integer" and present:
        return [int(max(present)) + 1, int(min(present)) - 1]
    return []


def _whole(column: Column, seen: Sequence[Any]) -> list[Any]:
    """Whole numbers written as floats, and floats as whole numbers: JSON knows one kind only."""
    present = [value for value in seen if value is not None]
    if column.type == "integer":
        return [float(value) for value in present]
    if column.type == "number":
        return [round(value) for value in present]
    return []
