"""What determines the simulated stays: size, seed, version; and the random streams of its parts."""

import dataclasses

import numpy as np

from lnncmp.common.cache import content_key

VERSION = 1
"""Raised whenever the files made for the same settings change."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How many subjects are simulated, and the root of all random numbers."""

    subjects: int = 200
    seed: int = 0


def settings_key(settings: Settings) -> str:
    """Return the name of the cache folder of a simulated set."""
    return content_key({"version": VERSION, **dataclasses.asdict(settings)})


_STREAMS = ("cohort", "physiology", "charting", "items", "traps", "output")


def stream(settings: Settings, part: str) -> np.random.Generator:
    """Return the generator of one part of the simulation, independent of how much the other parts draw."""
    return np.random.default_rng(np.random.SeedSequence([settings.seed, 1 + _STREAMS.index(part)]))
