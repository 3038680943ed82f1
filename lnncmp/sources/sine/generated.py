"""Source of the damped sine waves: drawn from stated ranges whenever they are needed, nothing to download."""

import numpy as np

from lnncmp.data.recording import Recording
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.sine.waves import Ranges, draw

DEFAULT_RANGES = Ranges(amplitude=(0.5, 1.5), damping=(0.05, 0.3), frequency=(0.5, 2.0))
"""Amplitude (no unit), damping (1/s) and angular frequency (rad/s) unless a recipe says otherwise."""

DEFAULT_STEP = 0.2
"""Seconds between two samples unless a recipe says otherwise."""


def _load(context: SourceContext, waves: int = 100, samples: int = 51) -> list[Recording]:
    """Return a fixed choice of clean waves of the default ranges, times in seconds: a sample of what the case draws."""
    drawn = draw(waves, DEFAULT_RANGES, np.random.default_rng(0))
    times = np.broadcast_to(DEFAULT_STEP * np.arange(samples), (waves, samples))
    values = drawn.values(times)
    observed = np.ones((samples, 1), bool)
    return [Recording(values[n][:, None], times[n], observed, f"wave-{n:03d}") for n in range(waves)]


SOURCE = Source(
    name="generated",
    summary="Damped sine waves drawn from stated ranges, in closed form.",
    card="sine",
    version=1,
    load=_load,
    fetch=None,
)
