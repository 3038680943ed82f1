"""The `data` table of a sine recipe: which waves, how they are sampled, what noise they carry."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from lnncmp.cases.base import Settings
from lnncmp.sources.sine.generated import DEFAULT_RANGES, DEFAULT_STEP
from lnncmp.sources.sine.waves import Range, Ranges

Limits = tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], Annotated[float, Field(ge=0, allow_inf_nan=False)]]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Level = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SineSettings(Settings):
    """The `data` table of a sine recipe.

    amplitude (no unit), damping (1/s), frequency (rad/s): ranges of the waves. step: seconds between samples.
    samples: inputs of a wave. irregularity r: elapsed times vary uniformly by a factor 1 - r to 1 + r.
    noise_std: standard deviation of the noise as a share of each wave's amplitude A. warmup: time in steps at the
    start of a wave whose predictions are not counted, because the wave cannot be known yet. context: samples before
    free-running. gap: share of samples missing in one of the shifted test sets. noise_levels: of the sweep.
    """

    amplitude: Limits = DEFAULT_RANGES.amplitude
    damping: Limits = DEFAULT_RANGES.damping
    step: Annotated[float, Field(gt=0, le=1000)] = DEFAULT_STEP
    irregularity: Annotated[float, Field(ge=0, lt=1)] = 0.0
    frequency: Annotated[Limits, Field(validate_default=True)] = DEFAULT_RANGES.frequency
    samples: Annotated[int, Field(ge=8, le=10_000)] = 50
    noise_std: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.0
    waves: Count = 500
    validation_waves: Count = 100
    test_waves: Count = 200
    shifted_waves: Count = 100
    warmup: Annotated[int, Field(ge=0), Field(validate_default=True)] = 5
    context: Annotated[int, Field(ge=1), Field(validate_default=True)] = 20
    gap: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    noise_levels: tuple[Level, ...] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
    scale: Literal["standard", "none"] = "standard"
    timespans: Literal["elapsed", "ones"] = "elapsed"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20251

    @field_validator("amplitude", "damping", "frequency")
    @classmethod
    def _is_a_range(cls, limits: Limits, info: ValidationInfo) -> Limits:
        low, high = limits
        if low > high:
            raise PydanticCustomError("range", "should be [low, high] with low <= high: this range is empty")
        if info.field_name != "damping" and low <= 0:
            raise PydanticCustomError("range", "should lie above 0")
        return limits

    @field_validator("frequency")
    @classmethod
    def _below_nyquist(cls, limits: Limits, others: ValidationInfo) -> Limits:
        step, irregularity = others.data.get("step"), others.data.get("irregularity")
        if step is None or irregularity is None:  # refused already
            return limits
        nyquist = np.pi / (step * (1 + irregularity))
        if limits[1] >= nyquist:
            raise PydanticCustomError(
                "nyquist",
                "should stay below the Nyquist frequency, {nyquist} rad/s for samples {gap} s apart; "
                "use lower frequencies or a smaller data.step",
                {"nyquist": f"{nyquist:.4g}", "gap": f"{step * (1 + irregularity):.4g}"},
            )
        return limits

    @field_validator("warmup", "context")
    @classmethod
    def _shorter_than_the_wave(cls, value: int, others: ValidationInfo) -> int:
        samples = others.data.get("samples", value + 1)
        if value >= samples:
            raise PydanticCustomError(
                "length", "should be less than the {samples} samples of a wave", {"samples": samples}
            )
        return value

    @property
    def data_seed(self) -> int:
        """The seed that all waves, noise and elapsed times are drawn from."""
        return self.seed

    @property
    def conditions(self) -> str:
        """Clean or noisy, and irregular if so."""
        noise = f"noise {self.noise_std:g}" if self.noise_std else "clean"
        return noise + (f", irregular {self.irregularity:g}" if self.irregularity else "")

    def ranges(self, **changes: Range) -> Ranges:
        """Return the ranges with times in steps, some of them changed (changes are in the settings' units)."""
        given = {"amplitude": self.amplitude, "damping": self.damping, "frequency": self.frequency} | changes
        per_step = {name: (self.step * low, self.step * high) for name, (low, high) in given.items()}
        return Ranges(given["amplitude"], per_step["damping"], per_step["frequency"])
