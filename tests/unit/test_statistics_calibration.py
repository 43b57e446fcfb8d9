"""A subset of `make bench ONLY=stats.calibration`, seeded: it holds or fails alike everywhere.

Every cell is told: rates of wrong calls (nominal 5 %) and coverage (nominal 95 %), and power.
"""

from collections.abc import Callable

import pytest
from scipy import stats

from benchmarks import calibration

PAIRS = 150
BOUND = int(stats.binom.ppf(0.999, PAIRS, calibration.NOMINAL))

Tell = Callable[[str, object], None]


@pytest.mark.parametrize("rows", [200, 1_000])
@pytest.mark.parametrize("name", calibration.METRICS)
def test_equally_good_models_are_called_different_no_more_often_than_said(
    name: str, rows: int, record_property: Tell
) -> None:
    cell = calibration.play(name, rows=rows, pairs=PAIRS)
    record_property(calibration.HEADER, str(cell))

    assert cell.called <= BOUND, cell
    assert cell.pairs - cell.covered <= BOUND, cell
    assert cell.called, cell


def test_ten_positives_are_enough_for_the_interval_of_roc_auc(record_property: Tell) -> None:
    cell = calibration.play("roc_auc", rows=200, pairs=PAIRS, positive=0.05)
    record_property(calibration.HEADER, str(cell))

    assert cell.pairs - cell.covered <= BOUND, cell


def test_a_true_gap_is_found_more_often_than_not(record_property: Tell) -> None:
    cell = calibration.play("f1", rows=1_000, pairs=PAIRS, gap=0.05)
    record_property(calibration.HEADER, str(cell))

    assert cell.worse > PAIRS / 2, cell
    assert cell.better == 0, cell
    assert cell.pairs - cell.covered <= BOUND, cell
