"""Where randomness comes from: the ids of the two runs, and what is drawn for."""

import hashlib

import numpy as np


def sequence(first: str, second: str, *, purpose: str) -> np.random.SeedSequence:
    """Return the seed of a pair of runs. The order of the pair does not count."""
    text = "\0".join([*sorted([first, second]), purpose])
    return np.random.SeedSequence(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))
