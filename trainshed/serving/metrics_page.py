"""What `/metrics` shows: counts of one server, as text that Prometheus reads."""

import bisect
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# 1, 2, 5 and so on: from what an answer of the engine itself takes to what nobody waits for.
_SERIES = [digit * 10.0**power for power in range(-4, 1) for digit in (1, 2, 5)]
BUCKETS = tuple(round(bound, 4) for bound in [*_SERIES, 10.0])
"""Upper bounds of the histogram's buckets, in seconds."""


@dataclass(kw_only=True)
class Counts:
    """What one server has done since it started. Not locked: count on one thread.

    Paths are labels, and each label is kept for good: pass a route's, never a caller's own.
    """

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By path and status."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By path, in sum."""
    buckets: dict[str, list[int]] = field(default_factory=dict)
    """By path: how many took no longer than each of BUCKETS and longer than the one before."""
    rows: int = 0
    log_dropped: int = 0

    def add_request(self, *, path: str, status: int, seconds: float, rows: int = 0) -> None:
        self.requests[path, status] += 1
        self.seconds[path] = self.seconds.get(path, 0.0) + seconds
        if path not in self.buckets:
            self.buckets[path] = [0] * (len(BUCKETS) + 1)
        self.buckets[path][bisect.bisect_left(BUCKETS, seconds)] += 1
        self.rows += rows


def total(counts: Iterable[Counts]) -> Counts:
    """Add up the counts of several workers."""
    all_ = Counts()
    for one in counts:
        all_.requests.update(one.requests)
        for path, seconds in one.seconds.items():
            all_.seconds[path] = all_.seconds.get(path, 0.0) + seconds
        for path, buckets in one.buckets.items():
            before = all_.buckets.get(path, [0] * len(buckets))
            all_.buckets[path] = [sum(pair) for pair in zip(before, buckets, strict=True)]
        all_.rows += one.rows
        all_.log_dropped += one.log_dropped
    return all_


def page(counts: Counts, *, model: str, version: str | None, data: str) -> bytes:
    """Write the page; `data` is the sha256 of what the model was trained on."""
    about = {"model": model, "version": version or "", "data": data}
    lines = (
        *_head("trainshed_requests_total", "counter", "Requests answered, by route and status."),
        *(
            _line("trainshed_requests_total", times, path=path, status=str(status))
            for (path, status), times in sorted(counts.requests.items())
        ),
        *_head(
            "trainshed_request_seconds", "histogram", "From a request's first byte to its answer."
        ),
        *itertools.chain.from_iterable(_histogram(counts, path) for path in sorted(counts.buckets)),
        *_head("trainshed_rows_total", "counter", "Rows predicted."),
        _line("trainshed_rows_total", counts.rows),
        *_head("trainshed_log_dropped_total", "counter", "Rows that the inference log lost."),
        _line("trainshed_log_dropped_total", counts.log_dropped),
        *_head("trainshed_info", "gauge", "What is served: always 1."),
        _line("trainshed_info", 1, **about),
    )
    return "".join(f"{line}\n" for line in lines).encode(errors="replace")


def _histogram(counts: Counts, path: str) -> Iterator[str]:
    name = "trainshed_request_seconds"
    below = list(itertools.accumulate(counts.buckets[path]))
    for bound, times in zip((*map(repr, BUCKETS), "+Inf"), below, strict=True):
        yield _line(f"{name}_bucket", times, path=path, le=bound)
    yield _line(f"{name}_sum", counts.seconds[path], path=path)
    yield _line(f"{name}_count", below[-1], path=path)


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _line(name: str, value: float, **labels: str) -> str:
    return f"{name}{_labels(labels)} {value!r}"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
