"""DOC"""

from lnncmp.stats.effects import interquartile_mean, noise_slope, probability_of_improvement, seeds_needed
from lnncmp.stats.intervals import bca_interval, mean, mean_interval, spread, two_level, two_level_means
from lnncmp.stats.permutation import (
    MIN_PAIRS,
    SIGNIFICANCE,
    equivalence_p,
    holm,
    sign_flip_p,
    smallest_p,
    two_level_equivalence_p,
)

__all__ = [
    "MIN_PAIRS",
    "SIGNIFICANCE",
    "bca_interval",
    "equivalence_p",
    "holm",
    "interquartile_mean",
    "mean",
    "mean_interval",
    "noise_slope",
    "probability_of_improvement",
    "seeds_needed",
    "sign_flip_p",
    "smallest_p",
    "spread",
    "two_level",
    "two_level_equivalence_p",
    "two_level_means",
]
