"""One column in constant space: its numbers, its texts, and how many cells hold nothing.

Every cell is one of three: nothing, a number, or a text. Which it is follows from the cell alone,
so columns merge exactly; what kind of column it is, is read off the counts at the end.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainshed.data_evidence import Kind
from trainshed.drift import numbers, texts
from trainshed.drift.arrays import Floats
from trainshed.drift.numbers import Numbers
from trainshed.drift.texts import Texts

NULLS = frozenset({"", "NA", "N/A", "n/a", "#N/A", "<NA>", "null", "NULL", "None"})
"""Cells that hold nothing; so does one of white space alone, and a NaN written in any way."""
_MAY_BEGIN_A_NUMBER = "nNiI"  # NaN, infinity; and N stands for all of NULLS
_PAIRS = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How large a column's profile may grow."""

    buckets: int
    categories: int


@dataclass(frozen=True, kw_only=True)
class Column:
    nulls: int
    numbers: Numbers
    texts: Texts

    @property
    def known(self) -> int:
        """How many cells hold something."""
        return self.numbers.count + sum(self.numbers.infinite) + self.texts.count

    @property
    def count(self) -> int:
        return self.known + self.nulls

    @property
    def kind(self) -> Kind:
        """Numeric: half of what it holds are numbers. Text: too many values to count each."""
        if not self.known:
            return "empty"
        if 2 * self.texts.count > self.known:
            return self._kind_of_texts()
        values = self.numbers
        is_binary = values.level == 0 and not values.infinite[0] and not values.infinite[1]
        if is_binary and not self.texts.count and set(values.edges.tolist()) <= {0.0, 1.0}:
            return "boolean"
        return "numeric"

    def _kind_of_texts(self) -> Kind:
        if self.texts.counts is None:
            return "text"
        names = {name.lower() for name in self.texts.counts}
        is_pair = self.texts.count == self.known and any(names <= pair for pair in _PAIRS)
        return "boolean" if is_pair else "categorical"


def of(cells: Sequence[str], limits: Limits, *, is_private: bool = False, level: int = 0) -> Column:
    """Count the cells of a column.

    Args:
        is_private: keep no value: numbers too count as texts, and these by their hashes alone.
        level: of the column's numbers so far; a hint for speed.
    """
    if is_private:
        values, named, nulls = np.empty(0), Counter(cells), 0
        for text in [one for one in named if _is_null(one)]:
            nulls += named.pop(text)
    else:
        values, named, nulls = _parted(cells)
    return Column(
        nulls=nulls,
        numbers=numbers.of(values, limit=limits.buckets, level=level),
        texts=texts.of(named, limit=0 if is_private else limits.categories),
    )


def merge(first: Column, second: Column) -> Column:
    return Column(
        nulls=first.nulls + second.nulls,
        numbers=numbers.merge(first.numbers, second.numbers),
        texts=texts.merge(first.texts, second.texts),
    )


def _parted(cells: Sequence[str]) -> tuple[Floats, Counter[str], int]:
    """Part cells into numbers, texts with their counts, and how many hold nothing."""
    try:
        found = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return _parted_one_by_one(cells)
    known = found[~np.isnan(found)]
    return known, Counter(), len(cells) - known.size


def _parted_one_by_one(cells: Sequence[str]) -> tuple[Floats, Counter[str], int]:
    named = Counter(cells)
    values: list[float] = []
    often: list[int] = []
    nulls = 0
    for text, count in list(named.items()):
        if text[:1].isalpha() and text[0] not in _MAY_BEGIN_A_NUMBER:
            continue  # for speed alone
        if _is_null(text):
            nulls += named.pop(text)
            continue
        try:
            number = float(text)
        except ValueError:
            continue
        values.append(number)
        often.append(count)
        del named[text]
    return np.repeat(np.array(values, np.float64), often), named, nulls


def _is_null(text: str) -> bool:
    return text in NULLS or text.strip().lower().lstrip("+-") in {"", "nan"}
