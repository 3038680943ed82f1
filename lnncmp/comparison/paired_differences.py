"""Paired differences: two models, or two sets of records, with one value each at every seed.

Tables, contrasts and claims test them here. Where records hold bootstrap samples of the groups of the test data, the
error of the mean has a part of seeds and a part of groups (`lnncmp.stats.two_level_mean`), else seeds alone count:
Student's t interval, sign-flip permutation tests.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lnncmp import stats
from lnncmp.comparison.table import Interval, PairedComparison, Verdict

TEST_MSE = "test_mse"
"""The metric of the main table."""
Errors = Mapping[str, Mapping[int, float]]
"""model -> seed -> value of one metric."""
Replicates = Mapping[str, Mapping[int, Sequence[float]]]
"""model -> seed -> values of one metric over bootstrap samples of the groups of the test data."""


@dataclass(frozen=True)
class PairedDifferences:
    """values: one difference for each seed. replicates: the same over bootstrap samples of the test groups, by seed.

    replicates are empty where records hold none.
    """

    values: Sequence[float]
    replicates: Sequence[Sequence[float]] = ()

    @property
    def mean(self) -> float | None:
        """The mean over seeds; None without a finite one."""
        return stats.mean(self.values)

    @property
    def between_groups(self) -> float:
        """The standard deviation of the mean over the bootstrap samples of the test groups, 0 without samples."""
        columns = zip(*self.replicates, strict=True)
        return stats.spread([math.fsum(column) / len(column) for column in columns])

    def shifted(self, by: float) -> "PairedDifferences":
        """Return the differences minus `by`."""
        rows = [[value - by for value in row] for row in self.replicates]
        return replace(self, values=[value - by for value in self.values], replicates=rows)

    def interval(self) -> Interval | None:
        """Return the 95% interval of the mean."""
        both = self._two_level()
        return both.interval() if both is not None else stats.mean_interval(self.values)

    def p_differs(self) -> float | None:
        """Return the two-sided p of a mean of 0: small if there is a difference."""
        both = self._two_level()
        return both.p_differs() if both is not None else stats.sign_flip_p(self.values)

    def p_within(self, margin: float) -> float | None:
        """Return the p of a mean beyond +-margin, by two one-sided tests: small if the two are equivalent."""
        both = self._two_level()
        if both is None:
            return stats.equivalence_p(self.values, margin)
        return max(both.p_above(-margin), both.p_below(margin))

    def p_beyond(self, margin: float) -> float | None:
        """Return the two-sided p of a mean within +-margin: small if it is beyond on either side."""
        both = self._two_level()
        if both is not None:
            return min(1.0, 2 * min(both.p_above(margin), both.p_below(-margin)))
        above = stats.sign_flip_p([value - margin for value in self.values], "greater")
        below = stats.sign_flip_p([value + margin for value in self.values], "less")
        return None if above is None or below is None else min(1.0, 2 * min(above, below))

    def _two_level(self) -> stats.TwoLevel | None:
        return stats.two_level_mean(self.replicates, self.mean) if self.replicates else None


def paired_replicates(
    left: Mapping[int, Sequence[float]],
    right: Mapping[int, Sequence[float]],
    seeds: Sequence[int],
    change: Callable[[float, float], float | None],
) -> list[list[float]]:
    """Return change(left, right) over the bootstrap samples of the test groups, by seed.

    Empty if a seed lacks samples, or if one of the changes is not known.
    """
    found = []
    for seed in seeds:
        ours, theirs = left.get(seed, ()), right.get(seed, ())
        if not ours or len(ours) != len(theirs):
            return []
        row = [change(a, b) for a, b in zip(ours, theirs, strict=True)]
        if any(value is None for value in row):
            return []
        found.append([value for value in row if value is not None])
    return found


def paired_comparisons(
    errors: Errors, reference: str, metric: str = TEST_MSE, replicates: Replicates | None = None
) -> list[PairedComparison]:
    """Compare every other model of `errors` (model -> seed -> value of `metric`) with the reference, paired by seed.

    p of the sign-flip permutation test and Student's interval over seeds; where `replicates` (model -> seed -> values
    over bootstrap samples of the test groups) has them for every pair, both come from the spread over seeds and over
    these samples. p is Holm-corrected over all these comparisons; under six pairs nothing is called significant.
    """
    base = errors[reference]
    others = [model for model in errors if model != reference]
    seeds = {model: sorted(errors[model].keys() & base.keys()) for model in others}
    samples = replicates or {}
    differences = [
        PairedDifferences(
            [errors[model][seed] - base[seed] for seed in seeds[model]],
            paired_replicates(
                samples.get(model, {}), samples.get(reference, {}), seeds[model], lambda own, other: own - other
            ),
        )
        for model in others
    ]
    p_values = [one.p_differs() for one in differences]
    made = []
    for model, one, p, p_holm in zip(others, differences, p_values, stats.holm(p_values), strict=True):
        difference = one.mean
        made.append(
            PairedComparison(
                model=model,
                reference=reference,
                metric=metric,
                n_pairs=len(seeds[model]),
                seeds=seeds[model],
                difference=difference,
                ci95=one.interval(),
                p=p,
                p_holm=p_holm,
                verdict=verdict(len(seeds[model]), difference, p_holm),
            )
        )
    return made


def verdict(pairs: int, difference: float | None, p_holm: float | None) -> Verdict:
    """Return in words what `pairs` paired differences (model - reference) with this adjusted p allow to say."""
    if pairs < stats.MIN_PAIRS:
        return "too few seeds (n < 6)"
    if difference is None or p_holm is None or p_holm > stats.SIGNIFICANCE:
        return "not significant"
    return "significantly lower" if difference < 0 else "significantly higher"


def pairs_on(comparisons: Iterable[PairedComparison], metric: str = TEST_MSE) -> dict[str, PairedComparison]:
    """Return the comparisons on `metric` by model, in the order given; the reference has none."""
    return {pair.model: pair for pair in comparisons if pair.metric == metric}


def differs(pair: PairedComparison | None) -> bool:
    """Tell whether the difference is significant (Holm-corrected)."""
    return pair is not None and pair.verdict.startswith("significantly")
