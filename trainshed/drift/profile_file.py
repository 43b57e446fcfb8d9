"""A profile as JSON: canonical (equal profiles are equal bytes), and read strictly.

A column that has no numbers, or no texts, leaves that part out.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trainshed.drift.column import Column
from trainshed.drift.numbers import COARSEST, Numbers
from trainshed.drift.profile import Profile
from trainshed.drift.texts import BUCKETS, LEAST, LONGEST, Texts
from trainshed.errors import ConfigurationError

FORMAT = 1
LARGEST = 64 << 20
"""Bytes; ten thousand columns take some 20 MB."""
_LONGEST_NAME = 10_000  # characters of a column's name
_MOST = 1 << 20  # the largest limit that is believed


class ProfileCannotBeRead(ConfigurationError):
    """A profile's JSON is not one, is of a newer format, or contradicts itself."""


@dataclass(frozen=True, kw_only=True)
class _Numbers:
    level: int
    keys: list[int]
    counts: list[int]
    infinite: tuple[int, int]
    range: tuple[float, float] | None = None
    total: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)
    is_huge: bool = False


@dataclass(frozen=True, kw_only=True)
class _Texts:
    counts: dict[str, int] | None = None
    buckets: list[int] = field(default_factory=list)
    least: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Column:
    nulls: int
    buckets: int
    categories: int
    numbers: _Numbers | None = None
    texts: _Texts | None = None


@dataclass(frozen=True, kw_only=True)
class _Document:
    format: int
    rows: int
    columns: dict[str, _Column]


def to_json(profile: Profile) -> str:
    document = {
        "format": FORMAT,
        "rows": profile.rows,
        "columns": {name: _document(one) for name, one in profile.columns.items()},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def from_json(content: bytes | str, *, source: str = "The profile") -> Profile:
    """Read a profile; what does not hold together is refused.

    Raises:
        ProfileCannotBeRead: what is wrong with it.
    """
    from trainshed import decode, strict_json  # noqa: PLC0415  # imports pydantic

    content = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    try:
        strict_json.check(content, largest=LARGEST, longest_text=_LONGEST_NAME)
        document = decode.from_json(_Document, content)
        if document.format != FORMAT:
            raise ValueError(f"has format {document.format}; this Trainshed reads {FORMAT}")
        columns = {
            name: _column(document.columns[name], document.rows)
            for name in sorted(document.columns)
        }
    except ValueError as error:
        raise ProfileCannotBeRead(
            f"{source} cannot be read: it {_said(error)}.",
            fix="Make it again from the data, with this version of Trainshed.",
        ) from None
    return Profile(rows=document.rows, columns=columns)


def _said(error: ValueError) -> str:
    text = str(error)
    return text if text.startswith(("is ", "has ", "gives ")) else f"is not of this form ({text})"


def _document(column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {
        "nulls": column.nulls,
        "buckets": column.numbers.limit,
        "categories": column.texts.limit,
    }
    numbers, texts = column.numbers, column.texts
    if numbers.count or any(numbers.infinite):
        told["numbers"] = {
            "level": numbers.level,
            "keys": numbers.keys.tolist(),
            "counts": numbers.counts.tolist(),
            "infinite": list(numbers.infinite),
            "range": [numbers.least, numbers.most] if numbers.count else None,
            "total": list(numbers.total),
            "squares": list(numbers.squares),
            "is_huge": numbers.is_huge,
        }
    if texts.counts is None:
        told["texts"] = {"buckets": list(texts.buckets), "least": list(texts.least)}
    elif texts.counts:
        told["texts"] = {"counts": dict(texts.counts)}
    return told


def _column(told: _Column, rows: int) -> Column:
    if not (0 < told.buckets <= _MOST and 0 <= told.categories <= _MOST):
        raise ValueError("has a limit that cannot be")
    column = Column(nulls=told.nulls, numbers=_numbers(told), texts=_texts(told))
    if told.nulls < 0 or column.count != rows:
        raise ValueError("has a column whose cells are not as many as the rows")
    return column


def _numbers(told: _Column) -> Numbers:
    found = told.numbers
    if found is None:
        return Numbers(limit=told.buckets)
    if any(not -(2**63) <= key < 2**63 for key in found.keys) or sum(found.counts) >= 2**63:
        raise ValueError("has numbers whose buckets do not fit")
    counts = np.array(found.counts, np.int64)
    keys = np.array(found.keys, np.int64)
    if not 0 <= found.level <= COARSEST or len(keys) != len(counts) or len(keys) > told.buckets:
        raise ValueError("has numbers whose buckets do not fit")
    if (keys[1:] <= keys[:-1]).any() or (counts <= 0).any() or min(found.infinite) < 0:
        raise ValueError("has numbers whose buckets are not in order")
    if (found.range is not None) != bool(len(keys)):
        raise ValueError("has numbers without a range")
    low, high = found.range or (np.inf, -np.inf)
    return Numbers(
        limit=told.buckets,
        level=found.level,
        keys=keys,
        counts=counts,
        infinite=found.infinite,
        least=low,
        most=high,
        total=tuple(found.total),
        squares=tuple(found.squares),
        is_huge=found.is_huge,
    )


def _texts(told: _Column) -> Texts:
    found = told.texts
    if found is None:
        return Texts(limit=told.categories, counts={})
    if found.counts is None:
        if len(found.buckets) != BUCKETS or len(found.least) > LEAST or min(found.buckets) < 0:
            raise ValueError("has texts whose buckets do not fit")
        if any(not 0 <= one < 1 << 32 for one in found.least):
            raise ValueError("has texts with a hash that is none")
        return Texts(
            limit=told.categories,
            counts=None,
            buckets=tuple(found.buckets),
            least=tuple(found.least),
        )
    if len(found.counts) > told.categories or any(one <= 0 for one in found.counts.values()):
        raise ValueError("has texts whose counts do not fit")
    if any(len(name) > LONGEST for name in found.counts):
        raise ValueError("has texts that are too long")
    return Texts(limit=told.categories, counts=found.counts)
