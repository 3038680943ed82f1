"""`lnncmp plan`: the runs of studies and multiverses, and what they would take, without doing them."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnncmp.cases.base import case_names
from lnncmp.cli import complete, options
from lnncmp.cli.lists import LIST_FORMATS
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.reproduce import chosen_cases, recipes_of_case
from lnncmp.cli.terminal import interruptible, page, print_rendered
from lnncmp.common.cache import cache_root
from lnncmp.common.cores import available_cores
from lnncmp.errors import UsageError
from lnncmp.recipe.data_seeds import over_data_seeds
from lnncmp.recipe.load import load_recipe
from lnncmp.recipe.recipe import Recipe
from lnncmp.report.tables.render import render
from lnncmp.runs.ready import Request

if TYPE_CHECKING:
    from lnncmp.runs.plan import Plan
    from lnncmp.runs.study_cost import StudyCost

CaseNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="[CASE]...", help="Cases (default: those of the study).", autocompletion=complete.case),
]
Cost = Annotated[
    bool, typer.Option("--cost", help="Estimate core-hours, memory and storage from measured training steps.")
]
OfMultiverse = Annotated[bool, typer.Option("--multiverse", help="Plan the multiverses of the cases.")]


def plan(
    cases: CaseNames = None,
    cost: Cost = False,
    of_multiverse: OfMultiverse = False,
    preset: options.Preset = None,
    own_recipe: options.OwnRecipe = None,
    models: options.Models = None,
    seeds: options.Seeds = None,
    data_seeds: options.DataSeeds = 1,
    changes: options.Changes = None,
    match: options.Matching = None,
    source: options.SourceName = None,
    data: options.DataDir = None,
    jobs: options.Jobs = None,
    out: options.Out = options.RESULTS,
    weights: options.KeepWeights = True,
    offline: options.Offline = False,
    format: options.OutputFormat = "table",
    quiet: options.Quiet = False,
) -> None:
    """Print the runs of studies or multiverses and, with --cost, what they would take; trains nothing."""
    options.check_choice("format", format, LIST_FORMATS)
    options.check_choice("way to match", match, options.MATCHES)
    for case in cases or ():
        options.check_choice("case", case, case_names())
    seeds_given = None if seeds is None else options.parse_seeds(seeds)
    request = Request(out, cache_root(), data, offline, jobs or available_cores(), dry_run=True, keep_weights=weights)
    own = {"--recipe": own_recipe, "--models": models, "--match": match, "--source": source, "--data": data}
    with interruptible("Nothing was changed."), LiveProgress(quiet) as progress:
        progress.doing("importing")
        counter = _Counter(request, progress, cost)
        if of_multiverse:
            _refuse({**own, "--preset": preset}, "Leave them out: the choices of a multiverse set them.")
            found = [counter.multiverse(case, seeds_given, changes or []) for case in cases or chosen_cases(None)]
        else:
            overrides = _given(match=match, source=source, seeds=seeds_given)
            if not cases:
                _refuse({**own, "--set": changes}, "Name the cases that they belong to.")
            chosen = [(case, options.chosen_recipe(case, preset, own_recipe)) for case in cases or ()]
            labels = None if models is None else options.names(models)
            wanted = [(load_recipe(*one, changes or [], overrides, labels), options.files_of(one[1])) for one in chosen]
            found = [
                counter.study(recipe, data_seeds, files)
                for recipe, files in wanted or _whole(preset or options.STANDARD, overrides)
            ]
    from lnncmp.report.tables.plan_cost import PlanCost, document_of_plan_cost

    document = document_of_plan_cost(PlanCost(studies=found, jobs=request.jobs, measured=cost))
    print_rendered(render(document, format, *page()))


def _whole(preset: str, overrides: dict[str, Any]) -> list[tuple[Recipe, tuple[Path, ...]]]:
    """Return the recipes of `reproduce-all`, which read no files of the user's own."""
    return [(one, ()) for case in chosen_cases(None) for one in recipes_of_case(case, preset, overrides)]


def _given(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _refuse(given: dict[str, Any], reason: str) -> None:
    """Raise UsageError for options that are given where they do not belong."""
    wrong = [name for name, value in given.items() if value]
    if wrong:
        raise UsageError(f"{' and '.join(wrong)} cannot be combined with this plan", reason)


class _Counter:
    """Plans studies and adds up what their runs take, each model measured once."""

    def __init__(self, request: Request, progress: LiveProgress, cost: bool) -> None:
        from lnncmp.records.store import Store
        from lnncmp.runs.unit_costs import UnitCosts

        self.request, self.progress, self.cost = request, progress, cost
        self.units = UnitCosts(Store(request.out, progress.warn, read_only=True), progress.warn, progress.doing)

    def study(self, recipe: Recipe, data_seeds: int, files: tuple[Path, ...] = ()) -> "StudyCost":
        """Return the cost of a study with its ablations, over all its data sets."""
        from lnncmp.runs.ready import get_ready

        recipes = [one for drawn in over_data_seeds(recipe, data_seeds) for one in (drawn, *drawn.ablations())]
        request = replace(self.request, files=files)
        plans = [get_ready(one, request, self.progress).plan for one in recipes]
        conditions = recipe.data_settings().conditions
        name = " ".join(filter(None, (recipe.case, conditions, f"({plans[0].recipe.source})")))
        return self._cost(name, plans, self.request.out)

    def multiverse(self, case: str, seeds: tuple[int, ...] | None, changes: list[str]) -> "StudyCost":
        """Return the cost of the multiverse of a case."""
        from lnncmp.multiverse.choices import load_choices
        from lnncmp.multiverse.study import Wanted, get_multiverse

        wanted = Wanted(seeds=seeds, changes=tuple(changes))
        ready = get_multiverse(load_choices(case, None), wanted, self.request, self.progress)
        plans = [made for one in ready.planned for made in one.plans.values()]
        return self._cost(f"multiverse of {case}", plans, ready.store.out)

    def _cost(self, name: str, plans: "list[Plan]", out: Path) -> "StudyCost":
        from lnncmp.records.store import Store
        from lnncmp.runs.study_cost import study_cost

        self.progress.doing(f"planning {name}")
        store = Store(out, self.progress.warn, read_only=True)
        return study_cost(name, plans, store, self.units if self.cost else None, self.request.keep_weights)
