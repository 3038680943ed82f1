"""Which settings to try next: the recipe's own, then a quasi-random start, then optuna's TPE sampler.

Every proposal is a function of the results before it and of the number of the trial: a search that was interrupted
proposes the same again.
"""

import math
from collections.abc import Sequence
from typing import Any

from lnncmp.errors import UsageError
from lnncmp.tuning.space import DIMENSIONS, RATES, RATES_LEFT, Point, Space

SEED = 0
"""Of the sequence and the sampler; the same for all models, which start from the same points."""
ROUND = 4
"""How many trials the sampler proposes at once: they can run side by side, on any number of processes."""
Result = tuple[Point, float]
"""A point and its loss, infinite if training diverged."""


def require_optuna() -> str:
    """Return the version of optuna. Raises UsageError with the command that installs it if it is missing."""
    try:
        import optuna
    except ImportError:
        raise UsageError("tuning needs the package optuna", "Install it with: pip install 'lnncmp[tune]'") from None
    return str(optuna.__version__)


def rounds(trials: int) -> list[int]:
    """Return how many trials each round has: half of them at the start, then a few at a time.

    >>> rounds(16), rounds(7), rounds(1)
    ([8, 4, 4], [4, 3], [1])
    """
    first = (trials + 1) // 2
    rest = trials - first
    return [first, *([ROUND] * (rest // ROUND)), *([rest % ROUND] if rest % ROUND else [])]


def start(space: Space, count: int) -> list[Point]:
    """Return the settings of the recipe and `count` - 1 points of a scrambled Sobol sequence."""
    from scipy.stats import qmc

    power = max(math.ceil(math.log2(max(count - 1, 1))), 0)
    places = qmc.Sobol(len(DIMENSIONS), scramble=True, seed=SEED).random_base2(power)
    return [space.default, *(space.at(place) for place in places[: count - 1])]


def proposed(space: Space, results: Sequence[Result], count: int) -> list[Point]:
    """Return the next `count` points after these results, by optuna's tree-structured Parzen estimator."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions: dict[str, Any] = {
        "learning_rate": optuna.distributions.FloatDistribution(*RATES, log=True),
        "rate_left": optuna.distributions.FloatDistribution(*RATES_LEFT, log=True),
        "argument": optuna.distributions.CategoricalDistribution(space.tuned.values),
    }
    # The proposals of one round must differ: the sampler treats those not yet tried as poor ("constant liar").
    sampler = optuna.samplers.TPESampler(
        seed=SEED + len(results), n_startup_trials=1, multivariate=True, constant_liar=True
    )
    study = optuna.create_study(sampler=sampler)
    for point, loss in results:
        if space.holds(point):
            study.add_trial(optuna.create_trial(params=dict(point), distributions=distributions, value=loss))
    return [space.rounded(study.ask(distributions).params) for _ in range(count)]
