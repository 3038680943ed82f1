"""Differences of models to a reference: paired by seed, tested, adjusted; over groups too where records allow it."""

from collections.abc import Iterable, Mapping, Sequence

from lnncmp import stats
from lnncmp.comparison.table import Interval, PairedComparison, Verdict

TEST_MSE = "test_mse"
"""The metric of the main table."""
Errors = Mapping[str, Mapping[int, float]]
"""model -> seed -> value of one metric."""
Replicates = Mapping[str, Mapping[int, Sequence[float]]]
"""model -> seed -> values of one metric over bootstrap samples of the groups of the test data."""


def paired_comparisons(
    errors: Errors, reference: str, metric: str = TEST_MSE, replicates: Replicates | None = None
) -> list[PairedComparison]:
    """Compare every other model of `errors` (model -> seed -> value of `metric`) with the reference, paired by seed.

    Sign-flip p and Student interval over seeds; where `replicates` (model -> seed -> values over bootstrap samples of
    the test groups) has them for every pair, both come from the spread over seeds and over these samples. p is adjusted
    by Holm over all these comparisons; under six pairs nothing is called significant.
    """
    base = errors[reference]
    others = [model for model in errors if model != reference]
    seeds = {model: sorted(errors[model].keys() & base.keys()) for model in others}
    differences = {model: [errors[model][seed] - base[seed] for seed in seeds[model]] for model in others}
    tests = [_test(differences[m], _paired_replicates(replicates or {}, m, reference, seeds[m])) for m in others]
    adjusted = stats.holm([p for _, p in tests])
    made = []
    for model, (ci95, p), p_holm in zip(others, tests, adjusted, strict=True):
        difference = stats.mean(differences[model])
        made.append(
            PairedComparison(
                model=model,
                reference=reference,
                metric=metric,
                n_pairs=len(seeds[model]),
                seeds=seeds[model],
                difference=difference,
                ci95=ci95,
                p=p,
                p_holm=p_holm,
                verdict=verdict(len(seeds[model]), difference, p_holm),
            )
        )
    return made


def _paired_replicates(replicates: Replicates, model: str, reference: str, seeds: Sequence[int]) -> list[list[float]]:
    """Return model - reference over the bootstrap samples for each seed; nothing if a seed lacks them."""
    own, base = replicates.get(model, {}), replicates.get(reference, {})
    if not all(seed in own and seed in base and len(own[seed]) == len(base[seed]) for seed in seeds):
        return []
    return [[a - b for a, b in zip(own[seed], base[seed], strict=True)] for seed in seeds]


def _test(differences: Sequence[float], replicates: list[list[float]]) -> tuple[Interval | None, float | None]:
    """Return interval and p of the mean of paired differences."""
    both = stats.two_level(replicates) if replicates else None
    return both or (stats.mean_interval(differences), stats.sign_flip_p(differences))


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
    """Tell whether the difference is significant after Holm's correction."""
    return pair is not None and pair.verdict.startswith("significantly")
