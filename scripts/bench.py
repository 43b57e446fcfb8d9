#!/usr/bin/env python3
"""Measure Trainshed, beside rivals where there are any, and keep the numbers.

Prints a table and writes benchmarks/results.json; rows that are not run keep what they had. An aim
that is missed is an answer, not a failure. Rivals are installed for this only, each into an
environment of its own under .trainshed/bench/.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import harness, results
from benchmarks.harness import Benchmark
from trainshed import script
from trainshed.errors import TrainshedError
from trainshed.progress import Progress

EXAMPLES = """\
  make bench                                   every row
  make bench ONLY=hash,rollback                the rows whose names start so
  scripts/bench.py --only hash.noop --repeat 9
  scripts/bench.py --list
"""
RESULTS = harness.ROOT / "benchmarks" / "results.json"


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    chosen = harness.discover([name for name in args.only.split(",") if name])
    if args.list:
        for benchmark in chosen:
            aim = "" if benchmark.aim is None else f", aim {benchmark.aim:,g}"
            print(f"{benchmark.name}  ({benchmark.unit}, {benchmark.better} is better{aim})")
        return 0
    rows, failures = _run(chosen, repeat=args.repeat, file=args.results)
    Console().print(results.table_of(rows))
    for name, error in failures.items():
        print(f"{name} was not measured: {error}", file=sys.stderr)
    return max((error.exit_code for error in failures.values()), default=0)


def _run(
    chosen: Sequence[Benchmark], *, repeat: int, file: Path
) -> tuple[list[results.Row], dict[str, TrainshedError]]:
    """Measure one row after another; one that cannot be measured does not stop the others."""
    harness.prepare()
    progress = Progress()
    rows: list[results.Row] = []
    failures: dict[str, TrainshedError] = {}
    for benchmark in chosen:
        try:
            with progress.step(benchmark.name) as step:
                measured = benchmark.run(repeat=repeat, tell=progress.tell)
                rows.append(results.row_of(benchmark, measured))
                results.update(file, rows[-1:])
                step.result = f"{rows[-1].value:,g} {benchmark.unit}"
        except TrainshedError as error:
            failures[benchmark.name] = error
    return rows, failures


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    parser.add_argument("--only", default="", metavar="NAMES", help="beginnings of names, by comma")
    parser.add_argument("--repeat", type=_count, default=3, help="runs per median (default: 3)")
    parser.add_argument("--list", action="store_true", help="name the rows and measure nothing")
    parser.add_argument("--results", type=Path, default=RESULTS, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


if __name__ == "__main__":
    raise SystemExit(script.run(main))
