"""The band of a prediction that is kept to be drawn: between which values most samples of a model lie."""

from pydantic import BaseModel, ConfigDict, Field


class Band(BaseModel):
    """The central part of the predictions of a model that predicts with a spread, in raw units.

    level: share of the samples within the band at each time. samples: how many there were. lower, upper: one list for
    each time of the prediction, with one value for each of its quantities; NaN where a sample is not finite.
    """

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    level: float = Field(gt=0, lt=1)
    samples: int = Field(ge=2)
    lower: list[list[float]]
    upper: list[list[float]]

    @property
    def words(self) -> str:
        """What the band is, for a legend."""
        return f"{self.level:.0%} of {self.samples} samples"

    def fits(self, times: int, quantities: int) -> bool:
        """Return whether the band has a value for each of these times and quantities."""
        sides = (self.lower, self.upper)
        return all(len(side) == times and all(len(row) == quantities for row in side) for side in sides)
