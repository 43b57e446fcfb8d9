import pytest
from scipy import stats

from trainshed.statistics import noise
from trainshed.statistics.noise import OneSeedTellsNothing


def test_the_limit_is_the_repeatability_limit_of_few_trainings() -> None:
    found = noise.of({"f1": (0.80, 0.82, 0.81, 0.83), "rmse": (3.0, 3.0)})

    spread = stats.tstd([0.80, 0.82, 0.81, 0.83])
    assert found["f1"].seeds == 4
    assert found["f1"].spread == pytest.approx(spread)
    assert found["f1"].limit == pytest.approx(stats.t.ppf(0.975, 3) * 2**0.5 * spread)
    assert (found["rmse"].spread, found["rmse"].limit) == (0.0, 0.0)


def test_with_many_trainings_the_limit_is_2_8_deviations() -> None:
    values = tuple(stats.norm.ppf((place + 0.5) / 4_000) for place in range(4_000))

    assert noise.of({"f1": values})["f1"].limit == pytest.approx(2.8, abs=0.03)


def test_two_further_trainings_differ_by_less_in_95_of_100_cases() -> None:
    drawn = stats.norm.rvs(size=(4_000, 7), random_state=0)

    held = sum(
        abs(row[5] - row[6]) <= noise.of({"f1": tuple(row[:5])})["f1"].limit for row in drawn
    )

    assert held / 4_000 == pytest.approx(0.95, abs=0.015)


def test_one_training_tells_nothing() -> None:
    with pytest.raises(OneSeedTellsNothing, match="f1 has 1 value"):
        noise.of({"f1": (0.8,)})
