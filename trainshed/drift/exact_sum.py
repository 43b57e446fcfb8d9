"""Sums that do not depend on the order in which they are made.

A sum is kept without rounding, as a few floats that add up to it: the largest first, each the
nearest float to what those before it leave. So parts may be added up in any grouping, on any
number of machines, and come to the very same floats.
"""

import math
from collections.abc import Iterable
from itertools import chain

import numpy as np

from trainshed.drift.arrays import Floats

Sum = tuple[float, ...]
LARGEST = 2.0**480
"""Of a number, either way: beyond it squares, and sums of many of them, would overflow."""
_HEADROOM = 20  # bits: a block of up to 2^20 numbers is added up at once
_BLOCK = 1 << _HEADROOM


def of(values: Floats) -> Sum:
    """Add up finite numbers within ±LARGEST² × 2 without rounding.

    From all numbers at once, the leading bits that can be added without rounding are split off and
    added, until nothing is left (Rump, Ogita and Oishi, Accurate floating-point summation, 2008).
    """
    parts: list[float] = []
    for start in range(0, len(values), _BLOCK):
        rest = values[start : start + _BLOCK]
        while (most := float(np.max(np.abs(rest), initial=0.0))) > 0:
            anchor = math.ldexp(1.0, max(math.frexp(most)[1] + _HEADROOM, -1000))
            leading = (rest + anchor) - anchor
            parts.append(float(leading.sum()))
            rest = rest - leading
            if anchor == math.ldexp(1.0, -1000):  # the last bits that floats have
                parts += rest[rest != 0].tolist()
                break
    return plus(parts)


def plus(*sums: Iterable[float]) -> Sum:
    """Add up floats, or sums, without rounding."""
    terms = list(chain.from_iterable(sums))
    parts: list[float] = []
    while part := math.fsum([*terms, *(-one for one in parts)]):
        parts.append(part)
    return tuple(parts)
