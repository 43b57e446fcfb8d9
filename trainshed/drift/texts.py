"""Texts in constant space: each distinct one counted while they are few, else by their hashes.

Which of the two follows from the texts alone, never from their order, and both merge exactly: a
merge of parts is what one pass over all rows makes. Hashed, a column still tells whether the
frequent values have moved (they fill buckets unevenly) and how many distinct values there are.
"""

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

BUCKETS = 64
LEAST = 64
"""How many of the least hashes are kept; the distinct values are known within some 12 %."""
LONGEST = 100
"""Characters; what is longer is cut, and told apart by its digest."""
_DIGEST = 16  # characters


@dataclass(frozen=True, kw_only=True)
class Texts:
    limit: int
    """Of distinct texts that are counted one by one; a merge has the lesser one."""
    counts: Mapping[str, int] | None
    """None when there are more than the limit, or none may be kept (a private column)."""
    buckets: tuple[int, ...] = ()
    """Only when hashed: how many rows have a hash that leaves each remainder."""
    least: tuple[int, ...] = ()
    """Only when hashed: the least 32-bit hashes, rising."""

    @property
    def count(self) -> int:
        return sum(self.buckets if self.counts is None else self.counts.values())

    @property
    def distinct(self) -> int:
        """Exact while counted or few; else by the k least hashes (Bar-Yossef et al., 2002)."""
        if self.counts is not None:
            return len(self.counts)
        if len(self.least) < LEAST:
            return len(self.least)
        return round((LEAST - 1) * 2**32 / (self.least[-1] + 1))


def of(counted: Mapping[str, int], *, limit: int) -> Texts:
    """Count texts, each given with how often it is there. A limit of 0 hashes even one."""
    if max(map(len, counted), default=0) <= LONGEST:
        return _within_limit(Texts(limit=limit, counts=counted))
    shortened: Counter[str] = Counter()
    for text, count in counted.items():
        shortened[_shortened(text)] += count
    return _within_limit(Texts(limit=limit, counts=dict(shortened)))


def merge(first: Texts, second: Texts) -> Texts:
    limit = min(first.limit, second.limit)
    if first.counts is not None and second.counts is not None:
        both = Counter(first.counts)
        both.update(second.counts)
        return _within_limit(Texts(limit=limit, counts=dict(both)))
    one, other = hashed(first), hashed(second)
    return Texts(
        limit=limit,
        counts=None,
        buckets=tuple(map(sum, zip(one.buckets, other.buckets, strict=True))),
        least=_least({*one.least, *other.least}),
    )


def hashed(texts: Texts) -> Texts:
    """Return the same by hashes alone."""
    if texts.counts is None:
        return texts
    names = list(texts.counts)
    hashes = _mixed([zlib.crc32(name.encode("utf-8", "surrogatepass")) for name in names])
    often = np.fromiter(texts.counts.values(), np.int64, len(names))
    buckets = np.zeros(BUCKETS, np.int64)
    np.add.at(buckets, hashes % BUCKETS, often)
    return Texts(
        limit=texts.limit,
        counts=None,
        buckets=tuple(buckets.tolist()),
        least=tuple(np.unique(hashes)[:LEAST].tolist()),
    )


def _within_limit(texts: Texts) -> Texts:
    assert texts.counts is not None
    return hashed(texts) if len(texts.counts) > texts.limit else texts


def _least(hashes: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(hashes)[:LEAST])


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{text[: LONGEST - _DIGEST - 1]}…{digest}"


def _mixed(checksums: list[int]) -> np.ndarray:
    """Spread checksums, which stand in patterns for texts that do (MurmurHash3's last step)."""
    found = np.array(checksums, np.uint32)
    found ^= found >> np.uint32(16)
    found *= np.uint32(0x85EBCA6B)
    found ^= found >> np.uint32(13)
    found *= np.uint32(0xC2B2AE35)
    found ^= found >> np.uint32(16)
    return found.astype(np.int64)
