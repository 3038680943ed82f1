"""Differences between models on one metric: each model against the reference, tested over seeds.

Runs of two models are independent samples, even at equal seeds (`docs/statistics.md`): Welch's t test. Metrics above
zero are tested, and shown, as ratios: of logarithms. Where records hold bootstrap samples of the groups of the test
data, the error of a difference has a part of seeds and a part of groups.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from lnncmp import stats
from lnncmp.comparison.table import Interval, ModelDifference, Verdict

Errors = Mapping[str, Mapping[int, float]]
"""model -> seed -> value of one metric."""
Replicates = Mapping[str, Mapping[int, Sequence[float]]]
"""model -> seed -> values of one metric over bootstrap samples of the groups of the test data."""


def differences_to(
    reference: str,
    errors: Errors,
    metric: str,
    replicates: Replicates | None = None,
    *,
    ratios: bool = True,
) -> list[ModelDifference]:
    """Compare every other model of `errors` (model -> seed -> value of `metric`) with the reference.

    ratios: compare logarithms if all values are above zero, and show ratios. p is Holm-corrected over all these
    comparisons; where a side has under six runs nothing is called significant.
    """
    logs = ratios and all(value > 0 for by_seed in errors.values() for value in by_seed.values())
    samples = {model: _samples(by_seed, (replicates or {}).get(model, {}), logs) for model, by_seed in errors.items()}
    values = {model: _scaled(by_seed.values(), logs) for model, by_seed in errors.items()}
    others = [model for model in errors if model != reference]
    found = [stats.difference(values[reference], values[model], samples[reference], samples[model]) for model in others]
    p_values = [None if one is None else one.p_differs() for one in found]
    made = []
    for model, one, p, p_holm in zip(others, found, p_values, stats.holm(p_values), strict=True):
        means = stats.mean(values[model]), stats.mean(values[reference])
        change = None if means[0] is None or means[1] is None else means[0] - means[1]
        seeds = min(len(values[model]), len(values[reference]))
        made.append(
            ModelDifference(
                model=model,
                reference=reference,
                metric=metric,
                n_seeds=seeds,
                kind="ratio" if logs else "difference",
                change=shown(change, logs),
                ci95=None if one is None else shown_interval(one.interval(), logs),
                p=p,
                p_holm=p_holm,
                verdict=verdict(seeds, change, p_holm),
            )
        )
    return made


def _scaled(values: Iterable[float], logs: bool) -> list[float]:
    return [math.log(value) if logs else value for value in values]


def _samples(by_seed: Mapping[int, float], found: Mapping[int, Sequence[float]], logs: bool) -> stats.Samples:
    """Return the bootstrap samples of these seeds, () if a seed lacks them or one of them has no logarithm."""
    rows = [found.get(seed, ()) for seed in by_seed]
    if not all(rows) or (logs and not all(value > 0 for row in rows for value in row)):
        return ()
    return [_scaled(row, logs) for row in rows]


def shown(change: float | None, logs: bool) -> float | None:
    """Return a change as it is shown: the ratio behind a logarithm; None if it is not known or not finite."""
    if change is None or not logs:
        return change
    return math.exp(change) if change < 700 else None


def shown_interval(ends: Interval | None, logs: bool) -> Interval | None:
    """Return an interval as it is shown; None also if an end is not finite."""
    if ends is None or not logs:
        return ends
    return (math.exp(ends[0]), math.exp(ends[1])) if ends[1] < 700 else None


def verdict(seeds: int, change: float | None, p_holm: float | None) -> Verdict:
    """Return in words what a change (model - reference) with this adjusted p allows to say."""
    if seeds < stats.MIN_SEEDS:
        return "too few seeds (n < 6)"
    if change is None or p_holm is None or p_holm > stats.SIGNIFICANCE:
        return "not significant"
    return "significantly lower" if change < 0 else "significantly higher"


def differences_on(found: Iterable[ModelDifference], metric: str) -> dict[str, ModelDifference]:
    """Return the differences on `metric` by model, in the order given; the reference has none."""
    return {one.model: one for one in found if one.metric == metric}


def differs(found: ModelDifference | None) -> bool:
    """Tell whether the difference is significant (Holm-corrected)."""
    return found is not None and found.verdict.startswith("significantly")
