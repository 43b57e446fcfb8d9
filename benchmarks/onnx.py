"""What one call costs in process: the example's model through pandas and through ONNX.

Printed by hand, in an environment with requirements/train.txt and requirements/export.txt:
`python -m benchmarks.onnx`. It says nothing of HTTP, validation or logging.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT

_DATA = ROOT / "data/v1/train.csv"
_TURNS = 7
_SECONDS = 0.3  # of calls in each turn


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder:
        contestants, rows = _contestants(Path(folder) / "model.pkl")
        print(f"{'':<8}{'1 row':>12}{'16 rows':>12}{'100 rows':>12}")
        costs = {size: _costs(contestants, rows[:size]) for size in (1, 16, 100)}
    for name in contestants:
        cells = "".join(f"{cost[name]:>9.1f} µs" for cost in costs.values())
        print(f"{name:<8}{cells}")
    ratios = (cost["pandas"] / cost["onnx"] for cost in costs.values())
    print(f"{'ratio':<8}" + "".join(f"{ratio:>11.0f}×" for ratio in ratios))


def _contestants(artifact: Path) -> tuple[dict[str, Callable[[Any], Any]], list[Any]]:
    from trainshed.exporting import export  # noqa: PLC0415  # `make bench` imports this module, too
    from trainshed.exporting import rows as rows_of_data  # noqa: PLC0415  # likewise
    from trainshed.serving import predictor, schema  # noqa: PLC0415  # likewise
    from trainshed.serving.onnx_model import OnnxModel  # noqa: PLC0415  # likewise

    trainer: list[str | Path] = [sys.executable, ROOT / "pipelines/train.py", "--data", _DATA]
    trainer += ["--out", artifact]
    subprocess.run(trainer, check=True, capture_output=True)
    columns = schema.read(artifact.with_suffix(".schema.json"))
    rows = rows_of_data.read(_DATA, columns).fitting
    began = time.perf_counter()
    made = export.of(artifact, columns, data=rows)
    assert made.converted is not None, made.proof.why
    print(
        f"proved on {made.proof.data + made.proof.perturbed:,} rows in "
        f"{time.perf_counter() - began:.1f} s, largest difference {made.proof.largest:.1g}, "
        f"{len(made.converted.content) / 1000:.0f} kB"
    )
    onnx = OnnxModel.of(made.converted.content, columns, name="model.onnx")
    return {
        "pandas": predictor.load(artifact, reference=None, schema=columns),
        "onnx": onnx.predict,
    }, rows


def _costs(contestants: dict[str, Callable[[Any], Any]], rows: Sequence[Any]) -> dict[str, float]:
    """Return microseconds a call: everyone in turn, the median of what each turn found."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(_TURNS):
        for name, predict in contestants.items():
            found[name].append(_microseconds(predict, rows))
    return {name: statistics.median(values) for name, values in found.items()}


def _microseconds(predict: Callable[[Any], Any], rows: Sequence[Any]) -> float:
    calls, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < _SECONDS:
        predict(rows)
        calls += 1
    return 1e6 * took / calls


if __name__ == "__main__":
    main()
