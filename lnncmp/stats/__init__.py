"""Statistics over seeds: intervals, tests of differences, equivalence, Holm's correction, effect sizes, power.

The unit of replication is the seed: one value per run. Two models are two independent samples: Welch's t test of the
logarithms of their errors (of the values themselves where they are not above zero), Student's t interval for one mean.
Where records hold bootstrap samples of the groups of the test data (subjects, rollouts, waves), the standard error has
a part of seeds and a part of groups; where a study ran on several data sets, it has a part of data sets. Which
method and why, with simulated error rates: `docs/statistics.md`. Nothing here depends on units.
"""

from lnncmp.stats.correction import MIN_SEEDS, SIGNIFICANCE, holm
from lnncmp.stats.effects import interquartile_mean, noise_slope, probability_of_improvement, seeds_needed
from lnncmp.stats.estimates import (
    MIN_DATA_SETS,
    MeanEstimate,
    Samples,
    difference,
    geometric_estimate,
    mean_estimate,
    over_data_sets,
    pooled,
)
from lnncmp.stats.intervals import bca_interval, mean, mean_interval, spread
from lnncmp.stats.many import geometric_intervals, mean_intervals, means

__all__ = [
    "MIN_DATA_SETS",
    "MIN_SEEDS",
    "SIGNIFICANCE",
    "MeanEstimate",
    "Samples",
    "bca_interval",
    "difference",
    "geometric_estimate",
    "geometric_intervals",
    "holm",
    "interquartile_mean",
    "mean",
    "mean_estimate",
    "mean_interval",
    "mean_intervals",
    "means",
    "noise_slope",
    "over_data_sets",
    "pooled",
    "probability_of_improvement",
    "seeds_needed",
    "spread",
]
