"""How fast a table is profiled, and in how much memory: a whole process, imports and reading too.

The rival is pandas' `describe` of the same file, which reads all of it into memory.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import ROOT, Context, Measurement, benchmark
from trainshed.settings import child_environment

_ROWS = 1_000_000
_BLOCK = 50_000  # rows written at once
_MEMORY = """
import re, sys
def most_memory():  # of this program alone: `ru_maxrss` counts what it was started from, too
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
"""
_PROFILE = """
from pathlib import Path
from trainshed.drift import profile, profile_file
made = profile_file.to_json(profile.of(Path(sys.argv[1])))
print(most_memory(), len(made))
"""
_PANDAS = """
import pandas
pandas.read_csv(sys.argv[1]).describe(include="all")
print(most_memory(), 0)
"""


@benchmark("drift.profile", unit="rows/s", aim=100_000, better="higher")
def profile(context: Context) -> Measurement:
    """1,000,000 rows of 20 columns as CSV: 14 of numbers, 4 of categories, texts, and a key."""
    table = context.scratch / "table.csv"
    context.tell(f"writing {_ROWS:,} rows")
    write(table, rows=_ROWS)
    context.tell(f"{table.stat().st_size / 1e6:.0f} MB")
    found = context.medians(
        {
            "trainshed": lambda: _rate(context, "trainshed", _PROFILE, table),
            "pandas describe": lambda: _rate(context, "pandas", _PANDAS, table),
        }
    )
    return Measurement(value=found.pop("trainshed"), peers=found)


def write(table: Path, *, rows: int) -> None:
    """Write a table of 20 columns, the same one each time."""
    draw = np.random.default_rng(0)
    with table.open("w", encoding="utf-8") as file:
        names = [f"number_{at}" for at in range(14)] + [f"category_{at}" for at in range(4)]
        file.write(",".join([*names, "text", "key"]) + "\n")
        for start in range(0, rows, _BLOCK):
            count = min(_BLOCK, rows - start)
            columns = [
                *(np.char.mod("%.4f", draw.normal(at, 1 + at, count)) for at in range(7)),
                *(np.char.mod("%.2f", draw.lognormal(3, 1, count)) for _ in range(3)),
                *(np.char.mod("%d", draw.poisson(4 * (at + 1), count)) for at in range(4)),
                *(np.char.mod("c%d", draw.geometric(0.2 / (at + 1), count)) for at in range(4)),
                np.char.mod("word %d", draw.integers(0, 100_000, count)),
                np.char.mod("%d", np.arange(start, start + count)),
            ]
            rows_of = zip(*(column.tolist() for column in columns), strict=True)
            file.writelines(",".join(row) + "\n" for row in rows_of)


def _rate(context: Context, name: str, program: str, table: Path) -> float:
    began = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-c", _MEMORY + program, str(table)],
        cwd=ROOT,
        env=child_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        check=True,
    )
    took = time.perf_counter() - began
    memory, size = map(int, finished.stdout.split())
    kept = f", a profile of {size / 1e3:.0f} kB" if size else ""
    context.tell(f"{name}: {took:.1f} s, {memory / 1e6:.0f} MB{kept}")
    return _ROWS / took
