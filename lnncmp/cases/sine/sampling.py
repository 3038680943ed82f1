"""Damped sine waves as a model reads them: sampled, perhaps irregularly, perhaps with noise and gaps.

All times are in steps, the nominal distance of two samples. A target is always the wave one step after its input.

Legend of shapes: N waves, T samples.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.sine.noise import KINDS
from lnncmp.sources.sine.waves import Floats, Waves


@dataclass(frozen=True)
class Sampled:
    """Samples of N waves: elapsed times before each input, inputs with noise, and targets, all (N, T).

    elapsed[:, 0] is 1 by convention. truth: the clean wave one step after each input. targets: the truth, or that
    with noise of its own. noise_std (N,): standard deviation of the inputs' noise.
    """

    waves: Waves
    elapsed: Floats
    inputs: Floats
    targets: Floats
    noise_std: Floats

    @property
    def input_times(self) -> Floats:
        """Times (N, T) of the inputs, the first at 0."""
        return np.asarray(np.cumsum(self.elapsed, axis=1) - self.elapsed[:, :1])

    @property
    def target_times(self) -> Floats:
        """Times (N, T) of the targets."""
        return self.input_times + 1.0

    @property
    def truth(self) -> Floats:
        """The clean wave at the target times (N, T)."""
        return self.waves.values(self.target_times)

    def without(self, kept: NDArray[np.bool_]) -> "Sampled":
        """Return what is left if only the samples `kept` (N, T) were taken: equally many of each row, the first too.

        The elapsed times grow accordingly: a gap shows in nothing else.
        """
        rows, left = len(kept), int(kept[0].sum())
        times = self.input_times[kept].reshape(rows, left)
        elapsed = np.diff(times, axis=1, prepend=times[:, :1] - self.elapsed[:, :1])
        inputs, targets = (part[kept].reshape(rows, left) for part in (self.inputs, self.targets))
        return replace(self, elapsed=elapsed, inputs=inputs, targets=targets)


def sample(waves: Waves, samples: int, irregularity: float, rng: np.random.Generator) -> Sampled:
    """Return clean samples of `waves`.

    irregularity r in [0, 1): elapsed times are drawn uniformly from [1 - r, 1 + r); 0 samples regularly.
    """
    drawn = rng.random((len(waves), samples))
    elapsed = 1.0 + irregularity * (2.0 * drawn - 1.0)
    elapsed[:, 0] = 1.0
    clean = Sampled(waves, elapsed, elapsed, elapsed, np.zeros(len(waves)))
    return replace(clean, inputs=waves.values(clean.input_times), targets=clean.truth)


def add_noise(clean: Sampled, level: float, kind: str, rng: np.random.Generator, *, targets: bool) -> Sampled:
    """Return `clean` with noise of standard deviation `level` times each wave's amplitude A in the inputs.

    targets: whether the targets get noise too. Where an input is the target before it, as under regular sampling, it
    is one measurement and its noise is the same in both places.
    """
    std = level * clean.waves.amplitude
    noise = KINDS[kind](clean.elapsed, rng) * std[:, None]
    if not targets:
        return replace(clean, inputs=clean.inputs + noise, noise_std=std)
    after = KINDS[kind](clean.elapsed, rng) * std[:, None]
    after[:, :-1] = np.where(clean.elapsed[:, 1:] == 1.0, noise[:, 1:], after[:, :-1])
    return replace(clean, inputs=clean.inputs + noise, targets=clean.targets + after, noise_std=std)


def drop_stretch(given: Sampled, share: float, rng: np.random.Generator) -> Sampled:
    """Return `given` with one stretch of a share of its samples missing, at a random place but neither end."""
    rows, samples = given.elapsed.shape
    missing = round(share * samples)
    first = rng.integers(1, samples - missing, size=rows, endpoint=False)[:, None]
    place = np.arange(samples)
    return given.without((place < first) | (place >= first + missing))
