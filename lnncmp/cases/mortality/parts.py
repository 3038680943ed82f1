"""Which stays are for training, validation and test: folds with equal shares of deaths.

Legend of shapes: N stays.
"""

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.mortality.settings import MortalitySettings
from lnncmp.errors import DataError

PARTS = ("training", "validation", "test")


def parts_of(died: NDArray[np.bool_], settings: MortalitySettings) -> NDArray[np.intp]:
    """Return the part of each stay (N,), a place in PARTS; each stay is in the test of one fold.

    Who is in which fold follows from `seed`; validation stays are drawn anew for each fold. Raises DataError if a part
    lacks an outcome.
    """
    parts = np.zeros(len(died), np.intp)
    for outcome in (False, True):
        stays = np.random.default_rng([settings.seed, outcome]).permutation(np.flatnonzero(died == outcome))
        test = stays[settings.fold :: settings.folds]
        rest = np.setdiff1d(stays, test)
        drawn = np.random.default_rng([settings.seed, outcome, settings.fold]).permutation(rest)
        validation = drawn[: round(settings.validation_fraction * len(rest))]
        if not (len(test) and len(validation) and len(rest) > len(validation)):
            raise DataError(
                f"{len(stays)} of {len(died)} patients {'died' if outcome else 'survived'}: too few for training, "
                f"validation and a test of one in {settings.folds}",
                "Use more stays, fewer data.folds, or a larger data.validation_fraction.",
            )
        parts[test], parts[validation] = 2, 1
    return parts
