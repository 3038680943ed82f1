"""From universes to the runs that they need, each planned as a study of its own; equal data are prepared once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lnncmp.common.cache import content_key
from lnncmp.errors import DataError, LnncmpError
from lnncmp.models.base import Arguments
from lnncmp.multiverse.choices import Alternative, Choices
from lnncmp.multiverse.recipes import recipes_of
from lnncmp.multiverse.universes import Universe
from lnncmp.recipe.files import RecipeFile
from lnncmp.recipe.recipe import Recipe
from lnncmp.runs.plan import DataShape, Plan, RunSpec, data_shape, make_plan
from lnncmp.runs.ready import Request, StudyListener, model_arguments, prepare

_MATCHED = {"match", "reference", "hidden", "dt_as_input", "implementation", "models", "seeds"}
"""What the sizes of models follow from, but for the number of features."""


@dataclass(frozen=True)
class PlannedUniverse:
    """A universe and the plan of each of its variants. number: its place in the list, from 1.

    trouble: why it cannot be run, empty if it can. data_dir: the folder that its data come from.
    """

    number: int
    universe: Universe
    plans: Mapping[str, Plan] = field(default_factory=dict)
    data_dir: Path | None = None
    trouble: str = ""

    @property
    def runs(self) -> list[RunSpec]:
        """All runs of the universe."""
        return [run for plan in self.plans.values() for run in plan.runs]


class Planner:
    """Plans universes.

    data: folders of the user's own data, by source. changes: `key=value` for all universes. own: the recipe that they
    start from, None for the preset of the choices.
    """

    def __init__(
        self,
        request: Request,
        listener: StudyListener,
        seeds: Sequence[int],
        data: Mapping[str, Path],
        changes: Sequence[str] = (),
        own: RecipeFile | None = None,
    ) -> None:
        self.request, self.listener = request, listener
        self.seeds, self.data, self.changes, self.own = tuple(seeds), data, tuple(changes), own
        self._shapes: dict[str, tuple[str, DataShape]] = {}
        self._matched: dict[str, dict[str, Arguments]] = {}

    def plan(self, number: int, universe: Universe) -> PlannedUniverse:
        """Return the plans of a universe. One that cannot be built or has no data is kept, with the reason."""
        try:
            return self.must_plan(number, universe)
        except LnncmpError as error:
            return PlannedUniverse(number, universe, trouble=error.message)

    def must_plan(self, number: int, universe: Universe) -> PlannedUniverse:
        """Return the plans of a universe. Raises DataError and UsageError."""
        recipes = recipes_of(universe, self.seeds, self.changes, self.own)
        plans = {variant: self._planned(recipe) for variant, recipe in recipes.items()}
        (source,) = {recipe.source for recipe in recipes.values()}
        return PlannedUniverse(number, universe, plans, self.data.get(source))

    def _planned(self, recipe: Recipe) -> Plan:
        settings: dict[str, Any] = {
            "source": recipe.source,
            "data": recipe.data_settings().model_dump(mode="json"),
            "horizon": recipe.evaluate_settings().horizon,
        }
        key = content_key(settings)
        if key not in self._shapes:
            request = replace(self.request, data_dir=self.data.get(recipe.source))
            found, prepared = prepare(recipe, request, self.listener)
            self._shapes[key] = found.source, data_shape(prepared)
        source, shape = self._shapes[key]
        return make_plan(recipe.model_copy(update={"source": source}), shape, self._arguments(recipe, shape))

    def _arguments(self, recipe: Recipe, shape: DataShape) -> dict[str, Arguments]:
        """Return the models' arguments; sizes that were matched once are not matched again for other data."""
        key = content_key({**recipe.model_dump(mode="json", include=_MATCHED), "shape": [shape.inputs, shape.outputs]})
        if key not in self._matched:
            self._matched[key] = model_arguments(recipe, shape.inputs, shape.outputs)
        return self._matched[key]


def with_data(choices: Choices, planner: Planner) -> tuple[Choices, list[str]]:
    """Return the choices without alternatives whose source of data is not there, and a sentence for each of those.

    Where the default's data are not there, the next alternative becomes the default. Raises DataError if none are.
    """
    lacking: list[str] = []
    kept = []
    for place, choice in enumerate(choices.choice):
        alternatives = list(choice.alternative)
        if any(_sets_source(one) for one in alternatives):
            errors = [_lacking(choices, planner, place, level) for level in range(len(alternatives))]
            if None not in errors and errors[0] is not None:
                raise errors[0]
            for one, error in zip(choice.alternative, errors, strict=True):
                if error is not None:
                    alternatives.remove(one)
                    lacking.append(f"{choice.name}={one.name}: {error.message}. {error.hint}".strip())
        kept.append(choice.model_copy(update={"alternative": tuple(alternatives)}))
    return choices.model_copy(update={"choice": tuple(kept)}), lacking


def _sets_source(one: Alternative) -> bool:
    return any(change.partition("=")[0].strip() == "source" for change in one.set)


def _lacking(choices: Choices, planner: Planner, place: int, level: int) -> DataError | None:
    """Return why an alternative, alone, has no data; None if it has."""
    try:
        planner.must_plan(0, Universe(choices, tuple(level if n == place else 0 for n in range(len(choices.choice)))))
    except DataError as error:
        return error
    return None
