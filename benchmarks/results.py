"""What was measured: benchmarks/results.json, and the table that a person reads."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.harness import Benchmark, Measurement

_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Row:
    """One benchmark's result; numbers have four significant digits.

    `ratio` tells how many times better than the main rival: above 1 is ahead of it.
    """

    name: str
    value: float
    unit: str
    aim: float | None
    met: bool | None
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    peers: dict[str, float] | None = None  # the other rivals

    def to_json(self) -> dict[str, Any]:
        always = {"name", "value", "unit", "aim", "met"}
        return {
            key: value for key, value in asdict(self).items() if key in always or value is not None
        }


def row_of(benchmark: Benchmark, measured: Measurement) -> Row:
    peer, *others = measured.peers or [None]
    peer_value = None if peer is None else measured.peers[peer]
    return Row(
        name=benchmark.name,
        value=_rounded(measured.value),
        unit=benchmark.unit,
        aim=benchmark.aim,
        met=_is_met(benchmark, measured.value),
        peer=peer,
        peer_value=None if peer_value is None else _rounded(peer_value),
        ratio=None if peer_value is None else _ratio(benchmark, measured.value, peer_value),
        peers={name: _rounded(measured.peers[name]) for name in others if name} or None,
    )


def update(path: Path, rows: Iterable[Row]) -> None:
    """Put rows into the results file: those of the same names are replaced, others are kept."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    by_name = {row["name"]: row for row in kept} | {row.name: row.to_json() for row in rows}
    lines = [json.dumps(by_name[name], ensure_ascii=False) for name in sorted(by_name)]
    path.write_text("[\n  " + ",\n  ".join(lines) + "\n]\n", encoding="utf-8")


def table_of(rows: Sequence[Row]) -> Table:
    table = Table("Row", "Value", "Aim", "Met", "Beside it", "Ratio", title="Benchmarks")
    for row in rows:
        peers = {row.peer: row.peer_value} if row.peer and row.peer_value is not None else {}
        peers |= row.peers or {}
        table.add_row(
            row.name,
            f"{row.value:,g} {row.unit}",
            "" if row.aim is None else f"{row.aim:,g}",
            {True: "yes", False: "NO", None: ""}[row.met],
            "\n".join(f"{peer} {value:,g}" for peer, value in peers.items()),
            "" if row.ratio is None else f"{row.ratio:,g}x",
        )
    return table


def _is_met(benchmark: Benchmark, value: float) -> bool | None:
    if benchmark.aim is None:
        return None
    return value >= benchmark.aim if benchmark.better == "higher" else value <= benchmark.aim


def _ratio(benchmark: Benchmark, value: float, peer_value: float) -> float:
    ahead = value / peer_value if benchmark.better == "higher" else peer_value / value
    return _rounded(ahead)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
