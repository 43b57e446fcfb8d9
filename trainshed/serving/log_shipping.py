"""Closed segments, copied to any place that fsspec knows: at least once, never under two names.

A segment has arrived when it and its `NAME.json`, which goes last, are there in their full sizes.
So nothing is kept here about what was shipped, and a copy that was cut off is made again.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainshed.errors import ConfigurationError, OutsideError
from trainshed.serving import log_segment
from trainshed.serving.log_segment import Segment


class ShippingNeedsFsspec(ConfigurationError):
    """Segments are to be shipped, and fsspec, or its part for this kind of place, is missing."""


class SegmentIsNotShipped(OutsideError):
    """A closed segment could not be copied to where the inference log is shipped."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    source: Path
    name: str
    """Below the place of all: the same for the same file, whoever ships it and how often."""
    size: int


def plan(
    segments: Sequence[Segment], *, folder: Path, arrived: Mapping[str, int]
) -> tuple[Copy, ...]:
    """Return what is still to be copied, in this order.

    Args:
        segments: those of `folder`; open ones stay.
        folder: what names are relative to.
        arrived: the size in bytes of each file that is there, by name.
    """
    return tuple(
        copy
        for segment in segments
        for copies in [list(_copies(segment, folder))]
        if any(arrived.get(one.name) != one.size for one in copies)
        for copy in copies
    )


def ship(folder: Path, url: str) -> tuple[Copy, ...]:
    """Copy what has not arrived at a URL such as s3://bucket/churn; return what was copied.

    Raises:
        ShippingNeedsFsspec: it, or the package for this kind of URL, is not installed.
        SegmentIsNotShipped: shipping again goes on where this stopped.
    """
    try:
        files, root = importlib.import_module("fsspec.core").url_to_fs(url)
    except ImportError as error:
        raise ShippingNeedsFsspec(
            f"The inference log cannot be shipped to {url}: {error}.",
            fix="Install fsspec, and the package that it names for this kind of place.",
        ) from None
    except ValueError as error:
        raise _not_shipped(url, error) from None
    try:
        arrived = _arrived(files, root)
        copies = plan(log_segment.segments(folder), folder=folder, arrived=arrived)
        for copy in copies:
            target = f"{root.rstrip('/')}/{copy.name}"
            files.makedirs(target.rpartition("/")[0], exist_ok=True)
            files.put_file(str(copy.source), target)
    except Exception as error:  # each kind of place has errors of its own
        raise _not_shipped(url, error) from error
    return copies


def _copies(segment: Segment, folder: Path) -> Iterator[Copy]:
    if segment.closing is None:
        return
    for path in (segment.path, segment.path.with_suffix(".json")):
        name = path.relative_to(folder).as_posix()
        yield Copy(source=path, name=name, size=path.stat().st_size)


def _arrived(files: Any, root: str) -> dict[str, int]:
    if not files.exists(root):
        return {}
    found = files.find(root, detail=True)
    return {
        path.removeprefix(root).lstrip("/"): about["size"] for path, about in sorted(found.items())
    }


def _not_shipped(url: str, error: Exception) -> SegmentIsNotShipped:
    return SegmentIsNotShipped(
        f"The inference log cannot be shipped to {url}: {type(error).__name__}: {error}.",
        fix="See that the place exists and may be written, then ship again: what arrived stays.",
    )
