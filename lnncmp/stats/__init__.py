"""Statistics over seeds: intervals, exact paired tests, equivalence, Holm's correction, effect sizes, power.

The unit of replication is the seed: one value per run. Means of few seeds (3 to 20) need an interval that is honest
at that size, so one method was chosen by simulation: how often does a nominal 95% interval hold the true mean?
(20,000 repetitions for t, 2,000 with 999 resamples for the BCa bootstrap of `scipy.stats.bootstrap`.)

    errors over seeds        n    Student t   BCa
    normal                   3    0.951       0.732
                             5    0.951       0.837
                             10   0.951       0.889
                             20   0.951       0.923
    log-normal, sigma 0.5    3    0.921       0.692
                             5    0.918       0.820
                             10   0.920       0.875
                             20   0.933       0.915
    log-normal, sigma 1.0    3    0.839       0.619
                             5    0.821       0.749
                             10   0.837       0.812
                             20   0.868       0.871

Student's t holds its level for normal errors, comes closer to it than BCa in eleven of twelve rows and ties in
the last; with three seeds BCa misses the mean every fourth time. Hence the t interval everywhere, in tables and
verdicts; BCa is given next to it where a verdict is explained, as a second opinion that assumes no shape. Stratified
over three data sets of ten seeds it holds 92% (normal) and 93% (log-normal, sigma 0.5; 1,500 repetitions). Both have
the same weakness: where seeds differ by large factors (sigma 1.0), a "95%" interval of few seeds holds only about 83%.

Differences get a sign-flip permutation test (Fisher 1935, "The Design of Experiments"): under the hypothesis that two
models are exchangeable given the seed, each paired difference is as likely positive as negative. The test is exact:
p <= 5% comes by chance in 3.1% of comparisons of six pairs (2/64 is the largest attainable p under 5%) and 4.9% of
those of ten (50/1024); simulated with log-normal errors: 3.1% (of 8,000) and 4.7% (of 5,000).

That two models are equivalent is tested by two one-sided tests of the same kind, at the margin of equivalence.
Models that truly differ by the margin are called equivalent (p <= 5%) in at most this share of 4,000 comparisons:

    differences over seeds       6 pairs   10 pairs
    normal                       4.6%      4.9%
    of log-normal errors         5.3%      3.8%
    Student t, 3 degrees         4.7%      4.7%
    log-normal, sigma 0.5        9.7%      10.9%      (not symmetric: the level doubles)

Verdicts on 15 claims at once (`lnncmp.claims.decide`, Holm over all, ten seeds, normal differences, 1,000 tables; in
units of the standard deviation of a difference over seeds; SESOI is the smallest effect of interest):

    true    SESOI     any claim    any claim       each claim   a claim alone
    effect            supported    contradicted    supported    supported
    0       0.2       1.3%         0.9%            0.1%         2.7%
    1       1         92%          3.5% (wrongly)  20%          50%
    1       0.25      94%          0.0%            24%          79%
    1.5     0.25      100%         0.0%            94%          99%

`seeds_needed` says how many seeds it takes to show a difference; its answers, simulated: 81%, 82% and 79% power where
80% is asked for (10, 20 and 34 pairs).

Where records hold bootstrap samples of the groups of the test data (subjects), the error of a mean has a part of seeds
and a part of groups (`two_level_mean`). p <= 5% comes by chance, six to ten seeds, spread over seeds small or large:

    groups of the test data  normal        exponential
    11                       5.3 - 9.5%    6.1 - 11.9%
    40                       5.0 - 6.6%    4.2 - 8.0%
    200                      4.6 - 6.4%    3.9 - 5.9%

(1,500 repetitions each). With as few subjects as the open demo of MIMIC-III tests, p is too small by up to half: the
samples do not show how few they were drawn from. Percentiles of resampled seeds and groups did worse: up to 12% with
six seeds and 200 groups.
Nothing here depends on units.
"""

from lnncmp.stats.effects import interquartile_mean, noise_slope, probability_of_improvement, seeds_needed
from lnncmp.stats.intervals import TwoLevel, bca_interval, mean, mean_interval, spread, two_level, two_level_mean
from lnncmp.stats.permutation import MIN_PAIRS, SIGNIFICANCE, equivalence_p, holm, sign_flip_p, smallest_p

__all__ = [
    "MIN_PAIRS",
    "SIGNIFICANCE",
    "TwoLevel",
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
    "two_level_mean",
]
