"""Walker2d rollouts that lnncmp simulates itself: four policies, 100 rollouts each, made once and then cached.

It replaces the rollouts of Lechner and Hasani, "Learning Long-Term Dependencies in Irregularly-Sampled Time
Series" (2020), which need a download. Deviations (other policies, another gait) are in the data card,
`datasets/walker2d/simulated.md`.
"""

from collections.abc import Callable
from pathlib import Path

from lnncmp.data.recording import Recording, regular
from lnncmp.errors import UsageError, unknown_name
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.walker2d.simulated.manifest import Manifest, NamedRollout, describe, difference, shipped_manifest
from lnncmp.sources.walker2d.simulated.physics import model_digest
from lnncmp.sources.walker2d.simulated.policies import shipped_policy
from lnncmp.sources.walker2d.simulated.recipe import VERSION, Recipe, recipe_key
from lnncmp.sources.walker2d.simulated.rollouts import simulate
from lnncmp.sources.walker2d.simulated.store import obtain
from lnncmp.sources.walker2d.simulated.variants import RECIPES, VARIANTS, simulate_variant

_FOLDER = "walker2d-simulated"

RECIPE = Recipe()
"""The recipe of the data set."""


def _refuse_data_dir(context: SourceContext) -> None:
    if context.data_dir is not None:
        raise UsageError(
            f"simulated Walker2d data are made, not read, so --data {context.data_dir} cannot be used",
            "To read the original rollouts use --source original --data FOLDER; else leave --data out.",
        )


def _set(
    recipe: Recipe, label: str, frames: int, context: SourceContext, make: Callable[[], list[NamedRollout]]
) -> tuple[list[NamedRollout], Manifest, Path]:
    """Return a cached set and its folder, made first if needed; `label` and `frames` belong to variants."""
    _refuse_data_dir(context)
    digests = {name: shipped_policy(name).digest() for name in recipe.policies}
    model = model_digest()
    key = recipe_key(recipe, digests, model, frames)
    folder = context.cache / "-".join(filter(None, [_FOLDER, label, key]))

    def made() -> tuple[list[NamedRollout], Manifest]:
        named = make()
        return named, describe(key, recipe, digests, model, named)

    named, manifest = obtain(folder, key, made, context.warn)
    return named, manifest, folder


def load_set(recipe: Recipe, context: SourceContext) -> tuple[list[NamedRollout], Manifest, Path]:
    """Return all rollouts of `recipe`, their manifest and the cache folder. Raises DataError or UsageError."""

    def make() -> list[NamedRollout]:
        by_policy = simulate(recipe, threads=context.jobs, progress=context.progress)
        return [
            (f"policy{policy}-rollout{number:03d}", values)
            for policy, rollouts in enumerate(by_policy)
            for number, values in enumerate(rollouts)
        ]

    return _set(recipe, "", 0, context, make)


def _checked(context: SourceContext) -> tuple[list[NamedRollout], Path]:
    """Return the data set and its folder; warn if it is not the one that the shipped manifest describes."""
    named, manifest, folder = load_set(RECIPE, context)
    warning = difference(manifest, shipped_manifest())
    if warning:
        context.warn(warning)
    return named, folder


def load(context: SourceContext) -> list[Recording]:
    """Return the 400 recordings (T, 17), policy by policy. Raises DataError or UsageError."""
    return [regular(values, group) for group, values in _checked(context)[0]]


def fetch(context: SourceContext) -> Path:
    """Make the data set if it is not in the cache, check it, and return its folder."""
    return _checked(context)[1]


def load_variant(name: str, frames: int, context: SourceContext) -> list[Recording]:
    """Return recordings of the variant `name` with at least `frames` frames in all. Raises DataError or UsageError."""
    if name not in VARIANTS:
        raise unknown_name("Walker2d variant", name, VARIANTS)

    def make() -> list[NamedRollout]:
        return simulate_variant(name, frames, threads=context.jobs, progress=context.progress)

    return [regular(values, group) for group, values in _set(RECIPES[name], name, frames, context, make)[0]]


SOURCE = Source(
    name="simulated",
    summary="Walker2d rollouts simulated with MuJoCo: 4 policies x 100 rollouts, 17 columns at 125 Hz, no download",
    card="walker2d",
    version=VERSION,
    load=load,
    fetch=fetch,
    variants=VARIANTS,
    load_variant=load_variant,
)
