import re

import pytest

from trainshed.evidence import Curve
from trainshed.report import charts

SHARES = tuple(at / 20 for at in range(21))
NUMBERS = re.compile(r"\d+\.\d(, \d+\.\d)*")  # what Mermaid's grammar reads: no exponent, no gap


def lines(chart: charts.Chart) -> list[list[float]]:
    found = re.findall(r'^  line "\w+" \[(.*)\]$', chart.mermaid, re.MULTILINE)
    assert all(NUMBERS.fullmatch(one) for one in found)
    return [[float(number) for number in one.split(", ")] for one in found]


def ends(chart: charts.Chart) -> tuple[int, int]:
    found = re.search(r'^  x-axis "[^"]+" (\d+) --> (\d+)$', chart.mermaid, re.MULTILINE)
    assert found
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("kind", ["roc", "precision-recall"])
def test_a_curve_is_drawn_in_percent_from_end_to_end(kind: str) -> None:
    (chart,) = charts.of([Curve(kind=kind, baseline=SHARES, candidate=SHARES[::-1])])  # type: ignore[arg-type]

    assert ends(chart) == (0, 100)
    rising = [5.0 * at for at in range(21)]
    assert lines(chart) == [rising, rising[::-1]]
    assert not chart.has_ideal


def test_calibration_is_drawn_at_the_middle_of_each_bin_beside_the_ideal() -> None:
    tenths = tuple((at + 0.5) / 10 for at in range(10))

    (chart,) = charts.of([Curve(kind="calibration", baseline=tenths, candidate=tenths)])

    assert ends(chart) == (5, 95)
    before, after, ideal = lines(chart)
    assert before == after == ideal == [5.0 * at for at in range(1, 20)]
    assert chart.has_ideal


def test_a_gap_is_bridged_and_open_ends_are_left_off() -> None:
    tenths = (None, 0.1, None, 0.3, 0.4, 0.5, 0.6, 0.7, None, None)

    (chart,) = charts.of([Curve(kind="calibration", baseline=tenths, candidate=(0.5,) * 10)])

    assert ends(chart) == (15, 75)
    assert lines(chart)[0][:5] == [10.0, 15.0, 20.0, 25.0, 30.0]


def test_as_many_points_as_mermaid_adds_up_lie_on_the_axis() -> None:
    """Its line is spread by adding steps; one of 0.05 would lose the last of 21 points."""
    (chart,) = charts.of([Curve(kind="roc", baseline=SHARES, candidate=SHARES)])

    start, end = ends(chart)
    points = lines(chart)[0]
    step = (end - start) / (len(points) - 1)
    place, reached = float(start), 0
    while place <= end:
        place, reached = place + step, reached + 1
    assert reached == len(points)


@pytest.mark.parametrize(
    "points", [(0.0, 1.0), (0.0, 0.5, 1.0), tuple(at / 100 for at in range(101))]
)
def test_a_curve_of_any_number_of_points_is_the_same_line(points: tuple[float, ...]) -> None:
    (chart,) = charts.of([Curve(kind="roc", baseline=points, candidate=points)])

    assert lines(chart)[0] == [5.0 * at for at in range(21)]


def test_numbers_are_plain_however_small() -> None:
    tiny = (1e-9,) * 21

    (chart,) = charts.of([Curve(kind="roc", baseline=tiny, candidate=tiny)])

    assert lines(chart)[0] == [0.0] * 21


@pytest.mark.parametrize("points", [(), (0.5,), (None,) * 10, (*(None,) * 9, 0.5)])
def test_what_is_no_curve_is_not_drawn(points: tuple[float | None, ...]) -> None:
    assert charts.of([Curve(kind="calibration", baseline=points, candidate=(0.5,) * 10)]) == []
