"""Whether the runs behind a verdict had converged when their training ended."""

import statistics
from collections.abc import Collection

from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.schema import Converged
from lnncmp.comparison.groups import ModelRuns


def convergence_of(pair: ClaimPair, seeds: Collection[int]) -> list[Converged]:
    """Return for the left and the right model how many of its runs with these seeds had converged.

    Runs that diverged or failed are no part of it.
    """
    return [one for side in pair.both if (one := _of(side, seeds)) is not None]


def _of(side: ModelRuns, seeds: Collection[int]) -> Converged | None:
    runs = [run for seed, run in side.by_seed.items() if seed in seeds and run.status == "ok"]
    ended = [run.convergence for run in runs if run.convergence is not None]
    if not ended:
        return None
    open_ones = [one.gain for one in ended if not one.converged]
    gain = statistics.median(open_ones) if open_ones else None
    return Converged(model=side.row, runs=len(ended), converged=len(ended) - len(open_ones), gain=gain)


def convergence_words(found: Collection[Converged]) -> str:
    """Return which models had not converged, and how fast their error still fell; "" if all had."""
    return "; ".join(
        f"{one.model} had not converged in {one.runs - one.converged} of {one.runs} runs: gain {one.gain:.2g} over the "
        "last quarter of the epochs"
        for one in found
        if one.gain is not None
    )
