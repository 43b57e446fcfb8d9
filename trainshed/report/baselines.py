"""Baselines as a report names and orders them."""

from trainshed.comparison import Baseline, Comparison

COLUMNS = {"parent": "before", "live": "live"}
"""What heads a baseline's column."""
OURS = {"parent": "the state before this change", "live": "the live release"}
"""What stands where no word of a stranger's may."""


def title(baseline: Baseline) -> str:
    """Name a baseline in a sentence. The tag of a release is a foreign string."""
    if baseline.name == "live" and baseline.side.release:
        return baseline.side.release
    return OURS[baseline.name]


def gate_first(comparison: Comparison) -> list[Baseline]:
    """What decides stands beside the metric's name."""
    return sorted(comparison.baselines, key=lambda one: one.name != comparison.gate)


def looked_into(comparison: Comparison) -> list[Baseline]:
    """Return the baselines whose details are told: each run once, and never the candidate's own."""
    told = {one.side.run_id: one for one in reversed(gate_first(comparison))}
    return [
        one
        for one in gate_first(comparison)
        if told[one.side.run_id] is one and not one.is_same_run
    ]
