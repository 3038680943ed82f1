"""Predictions that are kept in a record, a few numbers from which they can be drawn without their network."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lnncmp.records.band import Band


class _Drawn(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")


class Zoom(_Drawn):
    """A stretch of time to be magnified, e.g. the neighbourhood of a peak."""

    name: str
    start: float
    end: float


class Example(_Drawn):
    """One test window with its predictions, kept to be drawn. Raw units, first target only; times in `time_unit`.

    inputs (as given, noise included) belong to input_times; truth, predicted and band to target_times. band: None for a
    predictor without a spread, and in older records.
    """

    name: str
    time_unit: str
    input_times: list[float]
    inputs: list[float]
    target_times: list[float]
    truth: list[float]
    predicted: list[float]
    band: Band | None = None
    zooms: list[Zoom] = Field(default_factory=list)

    @model_validator(mode="after")
    def _band_fits(self) -> "Example":
        if self.band is not None and not self.band.fits(len(self.predicted), 1):
            raise ValueError("the band of an example should have one value for each time of its prediction")
        return self


class Forecast(_Drawn):
    """One free-running forecast, kept to be drawn. Raw units; times in `time_unit` since the last true input.

    names, units: of the quantities that are kept. before: their course up to the last true input, one list for each of
    before_times (none above 0), NaN where nothing was measured. truth, predicted: one list for each of `times`, which
    need not be every step; NaN where the truth is not known, or there is nothing to predict from. band: of the
    predictions, None for a predictor without a spread, and in older records.
    """

    name: str
    time_unit: str
    names: list[str]
    units: list[str]
    before_times: list[float] = Field(default_factory=list)
    before: list[list[float]] = Field(default_factory=list)
    times: list[float]
    truth: list[list[float]]
    predicted: list[list[float]]
    band: Band | None = None

    @model_validator(mode="after")
    def _rectangular(self) -> "Forecast":
        widths = [len(self.units), *map(len, (*self.before, *self.truth, *self.predicted))]
        lengths = [len(self.before), len(self.truth), len(self.predicted)]
        times = [len(self.before_times), len(self.times), len(self.times)]
        fits = self.band is None or self.band.fits(len(self.times), len(self.names))
        if lengths != times or set(widths) != {len(self.names)} or not (self.times and fits):
            raise ValueError("a forecast should have one list for each time, with one value for each name")
        return self
