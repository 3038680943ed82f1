"""How the settings of a run's model were tuned before the run: kept beside its recipe, since it changes no number."""

from pydantic import BaseModel, ConfigDict


class Tuning(BaseModel):
    """One search for the settings of a model; all models of one search get the same budget.

    trials: how many settings were tried, the untuned ones among them. dimensions: what was varied, as keys of a model's
    entry in a recipe. origin: the tuned recipe and how it came about, in one phrase.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: int
    dimensions: tuple[str, ...]
    origin: str

    @property
    def budget(self) -> tuple[int, int]:
        """What two models must have in common to be equally tuned: trials, number of dimensions."""
        return self.trials, len(self.dimensions)


def tuning_words(tuning: Tuning | None) -> str:
    """Return a budget in words: "untuned", or "16 trials over 3 settings"."""
    if tuning is None:
        return "untuned"
    trials, dimensions = tuning.budget
    return f"{trials} trial{'' if trials == 1 else 's'} over {dimensions} settings"
