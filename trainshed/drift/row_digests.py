"""Rows that are the same, found exactly and in bounded memory: by digests, in parts, on the disk.

A digest of 128 bits stands for a row's content. Digests are dealt into parts by their first byte,
and equal rows fall into the same part; so only one part at a time is in memory. Small parts never
touch the disk.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack

import numpy as np

from trainshed.drift.arrays import Array

PARTS = 64
_IN_MEMORY = 1 << 20  # bytes of each part; beyond, it goes to the disk
_BATCH = 1 << 13  # bytes gathered for a part before they are written
_SIZE = 16
_RECORD = np.dtype([("first", ">u8"), ("second", ">u8"), ("tag", "<u8")])

Tagged = tuple[bytes, int]
"""A digest, and a number that is handed back with it."""


def of(cells: Sequence[str]) -> bytes:
    """Return the digest of a row's content."""
    text = "\x1f".join(cells)
    if text.count("\x1f") != len(cells) - 1:  # a cell has that character: keep rows apart
        text = "\x1e".join(map(ascii, cells))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_SIZE).digest()


def grouped(rows: Iterable[Tagged]) -> Iterator[tuple[Array, Array]]:
    """Yield, part by part, the tags in groups of equal digests, and where each group starts.

    Tags rise within a group.
    """
    with ExitStack() as stack:
        files = [
            stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))
            for _ in range(PARTS)
        ]
        waiting = [bytearray() for _ in range(PARTS)]
        for digest, tag in rows:
            place = digest[0] % PARTS
            part = waiting[place]
            part += digest
            part += tag.to_bytes(8, "little")
            if len(part) >= _BATCH:
                files[place].write(part)
                part.clear()
        for file, part in zip(files, waiting, strict=True):
            file.write(part)
            file.seek(0)
            records = np.frombuffer(file.read(), _RECORD)
            if records.size:
                yield _groups(records)


def _groups(records: Array) -> tuple[Array, Array]:
    order = np.lexsort((records["tag"], records["second"], records["first"]))
    first, second = records["first"][order], records["second"][order]
    differs = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return records["tag"][order], np.flatnonzero(np.concatenate([[True], differs]))
