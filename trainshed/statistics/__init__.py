"""Whether a difference between two runs is more than chance: pure functions over predictions.

Needs numpy, scipy and scikit-learn, so only comparing imports it; deploying and serving never do.
Randomness is seeded by the run ids (`trainshed.statistics.seed`): the same pair of runs always gets
the same resamples, from a stream that numpy's version fixes. The last bits of sums may differ
between processors.
"""
