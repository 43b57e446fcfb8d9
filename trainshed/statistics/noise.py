"""How much a metric moves when nothing but the seed does.

k trainings of one commit that differ in their seed give a standard deviation s. Two further ones
then differ by less than t(0.975, k − 1) · √2 · s in 95 % of cases: the repeatability limit of
ISO 5725-6 (2.8 · s for a known deviation), with Student's factor because s is from few trainings.
"""

import math
import statistics
from collections.abc import Mapping, Sequence

from scipy.special import stdtrit

from trainshed.errors import ConfigurationError
from trainshed.evidence import Noise


class OneSeedTellsNothing(ConfigurationError):
    """A noise floor needs at least two trainings that differ in their seed."""


def of(values: Mapping[str, Sequence[float]]) -> dict[str, Noise]:
    """Return the noise of each metric; values are one for each seed.

    Raises:
        OneSeedTellsNothing: there are fewer than two.
    """
    return {name: _noise(name, found) for name, found in values.items()}


def _noise(name: str, values: Sequence[float]) -> Noise:
    seeds = len(values)
    if seeds < 2:
        raise OneSeedTellsNothing(
            f"{name} has {seeds} value, and a spread needs two.",
            fix="Train with at least two seeds: `train.py --repeat 5`.",
        )
    spread = statistics.stdev(values)
    limit = float(stdtrit(seeds - 1, 0.975)) * math.sqrt(2) * spread
    return Noise(limit=limit, seeds=seeds, spread=spread)
