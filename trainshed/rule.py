"""How a metric is judged: which way is better, and how much of it may be lost."""

from dataclasses import dataclass
from typing import Literal

from trainshed.errors import ConfigurationError

Judgement = Literal["better", "not-worse", "worse", "undecided"]

# Floating point: a difference of 0.85 − 0.84 is a little more than 0.01.
ROUNDING = 1e-12


class ToleranceIsNegative(ConfigurationError):
    """A tolerance is how much may be lost, so it is 0 or more."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    direction: Literal["maximize", "minimize"]
    tolerance: float = 0.0
    """In the metric's own unit."""

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise ToleranceIsNegative(
                f"A tolerance of {self.tolerance:g} is not 0 or more.",
                fix="Write how much of the metric may be lost, such as 0.01.",
            )

    def judge(self, interval: tuple[float, float]) -> Judgement:
        """Judge an interval of the difference candidate − baseline.

        Gain is the difference turned so that more is better. An interval that lies wholly below
        −tolerance is `worse`; wholly at or above it, `not-worse`, or `better` when wholly above 0;
        else the rows do not tell: `undecided`.
        """
        low, high = interval if self.direction == "maximize" else (-interval[1], -interval[0])
        if high < -self.tolerance - ROUNDING:
            return "worse"
        if low > ROUNDING:
            return "better"
        return "not-worse" if low >= -self.tolerance - ROUNDING else "undecided"
