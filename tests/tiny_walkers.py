"""A tiny Walker2d recipe and small helpers for the tests of the simulated source."""

import numpy as np

from lnncmp.sources.base import SourceContext
from lnncmp.sources.walker2d.simulated.recipe import POLICIES, Recipe

TINY = Recipe(policies=POLICIES[:2], rollouts=3, frames=50)


def same(first, second) -> bool:
    return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def flat(by_policy):
    return [rollout for rollouts in by_policy for rollout in rollouts]


def context(tmp_path, **changes):
    warnings: list[str] = []
    return SourceContext(cache=tmp_path, warn=warnings.append, **changes), warnings
