"""Curves of two runs as Mermaid charts. Nothing in one of them comes from a run but numbers.

Mermaid's `xychart-beta` reads plain decimals only (no exponents, no gaps), spreads a line evenly
over the x-axis by adding steps up, so a step must be exact or the last point is lost, and names its
lines only in its newest versions. Hence percent in steps of 5, gaps bridged, and lines told apart
by colours that both of GitHub's themes show.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from trainshed.evidence import Curve

_STEP = 5
_PLACES = range(0, 101, _STEP)
_FEWEST = 3  # points; fewer are no curve
_TITLES = {
    "roc": ("ROC", "false positive rate (%)", "true positive rate (%)"),
    "precision-recall": ("Precision and recall", "recall (%)", "precision (%)"),
    "calibration": ("Calibration", "score (%)", "positives (%)"),
}
_ORANGE, _BLUE, _GREY = "#bc4c00", "#0969da", "#7d8590"
_SETTINGS = f"""\
---
config:
  xyChart:
    width: 480
    height: 320
  themeVariables:
    xyChart:
      plotColorPalette: "{_ORANGE}, {_BLUE}, {_GREY}"
---"""


@dataclass(frozen=True, kw_only=True)
class Chart:
    name: str
    mermaid: str
    """What stands within its block."""
    has_ideal: bool


def of(curves: Sequence[Curve]) -> list[Chart]:
    """Return the charts of the curves that can be drawn."""
    return [chart for one in curves if (chart := _chart(one)) is not None]


def _chart(curve: Curve) -> Chart | None:
    is_of_bins = curve.kind == "calibration"
    before = _spread(curve.baseline, is_of_bins=is_of_bins)
    after = _spread(curve.candidate, is_of_bins=is_of_bins)
    known = [place for place in _PLACES if place in before and place in after]
    if len(known) < _FEWEST:
        return None
    name, across, up = _TITLES[curve.kind]
    lines = [
        _SETTINGS,
        "xychart-beta",
        f'  title "{name}"',
        f'  x-axis "{across}" {known[0]} --> {known[-1]}',
        f'  y-axis "{up}" 0 --> 100',
        f'  line "baseline" [{_numbers([before[place] for place in known])}]',
        f'  line "candidate" [{_numbers([after[place] for place in known])}]',
    ]
    if is_of_bins:
        lines.append(f'  line "ideal" [{_numbers(known)}]')
    return Chart(name=name, mermaid="\n".join(lines), has_ideal=is_of_bins)


def _spread(points: Sequence[float | None], *, is_of_bins: bool) -> dict[int, float]:
    """Return a curve in percent at every step between its first known point and its last.

    What lies between two known points is read off the straight line between them.

    Args:
        is_of_bins: a point is what was found in a bin, so it lies in the bin's middle.
    """
    first, width = (0.5, len(points)) if is_of_bins else (0.0, max(len(points) - 1, 1))
    known = [
        (100 * (at + first) / width, 100 * point)
        for at, point in enumerate(points)
        if point is not None
    ]
    if not known:
        return {}
    places = [place for place, _ in known]
    return {
        step: _between(known, places, step)
        for step in _PLACES
        if places[0] - 1e-9 <= step <= places[-1] + 1e-9
    }


def _between(known: Sequence[tuple[float, float]], places: list[float], step: int) -> float:
    right = min(bisect_right(places, step), len(known) - 1)
    left = max(right - 1, 0)
    (start, low), (end, high) = known[left], known[right]
    share = (step - start) / (end - start) if end > start else 0.0
    return low + min(max(share, 0.0), 1.0) * (high - low)


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)
