"""One trial: settings of a model, its runs (a run for each condition and seed), and its loss from their records."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lnncmp.errors import UsageError
from lnncmp.models.base import load_model
from lnncmp.recipe.decay import rate_left_of
from lnncmp.recipe.recipe import Recipe
from lnncmp.recipe.tuned import tuned_entry
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store
from lnncmp.runs.plan import DataShape, RunBatch, RunSpec, make_plan
from lnncmp.runs.ready import Ready
from lnncmp.tuning.space import Point, Space
from lnncmp.tuning.table import TrialRow

Outcome = Literal["ok", "diverged", "failed"]


@dataclass(frozen=True)
class Condition:
    """One way of making the data: the recipe, the shape of its data, the models' arguments in final sizes."""

    recipe: Recipe
    shape: DataShape
    arguments: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, ready: Ready) -> "Condition":
        """Return the condition of a study whose data are ready."""
        return cls(ready.recipe, ready.plan.shape, {spec.label: spec.arguments for spec in ready.plan.measurements})

    @property
    def words(self) -> str:
        """What sets these data apart, empty if nothing does."""
        return self.recipe.data_settings().conditions

    def space(self, label: str) -> Space:
        """Return the settings among which the model `label` is tuned. Raises UsageError if it cannot be tuned."""
        name = self.recipe.entry(label).model
        spec = load_model(name)
        if spec.tuned is None:
            raise UsageError(
                f"the model {name} names no argument to tune, which every model of a search must have",
                "Leave it out with --models, or give its ModelSpec a `tuned`.",
            )
        arguments, train = self.arguments[label], self.recipe.train_settings(label)
        tuned = spec.tuned(spec.arguments.model_validate(arguments))
        default = {
            "learning_rate": train.learning_rate,
            "rate_left": rate_left_of(train.decay, train.epochs),
            "argument": arguments[tuned.argument],
        }
        return Space(tuned, default)


@dataclass(frozen=True)
class Trial:
    """Settings of one model to be tried."""

    label: str
    number: int
    space: Space
    point: Point

    def specs(self, condition: Condition, seeds: Sequence[int]) -> list[RunSpec]:
        """Return the runs under one condition, one for each seed; their labels say which trial they belong to."""
        train = {name: self.point[name] for name in ("learning_rate", "rate_left")}
        given = {self.space.tuned.argument: self.point["argument"]}
        entry = tuned_entry(condition.recipe.models[self.label], train, given)
        recipe = condition.recipe.model_copy(
            update={"models": {self.label: entry}, "reference": self.label, "seeds": tuple(seeds)}
        )
        kind = load_model(recipe.entry(self.label).model).arguments
        arguments = kind.model_validate({**condition.arguments[self.label], **given})
        name = " ".join(filter(None, [self.label, f"trial {self.number + 1}", condition.words]))
        made = make_plan(recipe, condition.shape, {self.label: arguments})
        return [spec.model_copy(update={"label": name}) for spec in made.runs]

    def batches(self, conditions: Sequence[Condition], seeds: Sequence[int]) -> list[RunBatch]:
        """Return the runs of the trial, those of one condition together."""
        return [RunBatch(runs=tuple(self.specs(condition, seeds))) for condition in conditions]


@dataclass(frozen=True)
class Tried:
    """A finished trial and its records."""

    trial: Trial
    records: Sequence[RunRecord]

    @property
    def status(self) -> Outcome:
        """How it ended: failed or diverged if one of its runs did."""
        found = {record.status for record in self.records}
        return "failed" if not found or found - {"ok", "diverged"} else "diverged" if "diverged" in found else "ok"

    @property
    def loss(self) -> float:
        """The geometric mean of the validation losses of its runs; infinite unless all ended well."""
        if self.status != "ok":
            return math.inf
        return math.exp(sum(math.log(max(loss, 1e-300)) for loss in map(_loss, self.records)) / len(self.records))

    @property
    def seconds(self) -> float:
        """The time of training of all its runs."""
        return sum(epoch.seconds for record in self.records for epoch in record.history)

    def row(self) -> TrialRow:
        """Return what a table shows of it."""
        loss = self.loss
        return TrialRow(
            number=self.trial.number,
            **self.trial.point,
            loss=loss if math.isfinite(loss) else None,
            status=self.status,
        )


def _loss(record: RunRecord) -> float:
    """Return the validation loss of the weights that the recipe would evaluate."""
    losses = [epoch.validation_loss for epoch in record.history]
    if record.recipe.train.restore == "best":
        return min(losses)
    return losses[-1 if record.best_epoch is None or record.recipe.train.restore == "last" else record.best_epoch - 1]


def finished(
    trials: Sequence[Trial], conditions: Sequence[Condition], seeds: Sequence[int], store: Store
) -> Iterator[Tried]:
    """Yield the trials with their records, which must exist."""
    for trial in trials:
        specs = [spec for condition in conditions for spec in trial.specs(condition, seeds)]
        yield Tried(trial, [record for spec in specs if (record := store.run(spec.run_id)) is not None])
