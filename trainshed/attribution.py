"""How much of a difference the new data made, and how much the new code: facts, and when to ask.

A cross run, the baseline's code on the candidate's data, stands between the two:
candidate − baseline = (cross − baseline: the data) + (candidate − cross: the code).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trainshed.run import Ingredients

CODE, DATA = "code", "data"
_CODE = (CODE, "command", "lock", "python", "params")
"""What a person changes beside the data."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one part of a change did to one metric."""

    difference: float | None
    interval: tuple[float, float] | None = None
    """95 %, where both runs answered the same rows."""


@dataclass(frozen=True, kw_only=True)
class Attribution:
    run_id: str
    """Of the cross run."""
    data: Mapping[str, Share]
    """By metric."""
    code: Mapping[str, Share]


def changed(before: Ingredients, after: Ingredients) -> tuple[str, ...]:
    """Return which ingredients of two runs differ, in the order in which people change them."""
    pairs = {
        CODE: (before.code, after.code),
        DATA: (before.dataset, after.dataset),
        "command": (before.command, after.command),
        "params": (before.params, after.params),
        "lock": (before.lock, after.lock),
        "python": (before.python, after.python),
    }
    return tuple(name for name, (old, new) in pairs.items() if old != new)


def is_of_both(changed: tuple[str, ...]) -> bool:
    """Tell whether data and something else changed, so that a cross run would part them."""
    return DATA in changed and any(one in changed for one in _CODE)
