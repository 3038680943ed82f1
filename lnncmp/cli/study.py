"""`lnncmp <case>`: run a case study and print its comparison."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from lnncmp.cases.base import load_case
from lnncmp.cli import executors, options
from lnncmp.cli.case_options import own_choices, own_files, with_own_options
from lnncmp.cli.executors import carried_out_by, chosen_executor, jobs_here
from lnncmp.cli.lists import LIST_FORMATS
from lnncmp.cli.options import (
    IMPLEMENTATIONS,
    MATCHES,
    check_choice,
    chosen_recipe,
    files_of,
    parse_seeds,
    tuned_choice,
)
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.terminal import interruptible, note, page, print_rendered
from lnncmp.common.cache import cache_root
from lnncmp.comparison.data_sets import with_data_sets
from lnncmp.comparison.table import ComparisonTable
from lnncmp.recipe.data_seeds import over_data_seeds
from lnncmp.recipe.load import load_recipe
from lnncmp.recipe.recipe import Recipe
from lnncmp.report.tables.comparison import brief_of_comparison, document_of_comparison
from lnncmp.report.tables.render import FORMATS, render
from lnncmp.runs.executors.base import Choice
from lnncmp.runs.ready import Request

SOME_RUNS_FAILED = 4
ADVICE = "Finished epochs are kept: the same command continues"


def case_command(case: str) -> Callable[..., None]:
    """Return the command for the case study `case`."""

    def command(
        preset: options.Preset = None,
        own_recipe: options.OwnRecipe = None,
        models: options.Models = None,
        seeds: options.Seeds = None,
        data_seeds: options.DataSeeds = 1,
        changes: options.Changes = None,
        tuned: options.TunedFlag = None,
        tuned_with: options.TunedFile = None,
        match: options.Matching = None,
        source: options.SourceName = None,
        data: options.DataDir = None,
        device: options.Device = None,
        threads: options.Threads = None,
        jobs: options.Jobs = None,
        stack: options.Stack = None,
        executor: executors.Name = executors.LOCAL,
        ray_address: executors.RayAddress = None,
        time_limit: executors.TimeLimit = None,
        memory_limit: executors.MemoryLimit = None,
        implementation: options.Implementation = None,
        out: options.Out = options.RESULTS,
        fresh: options.Fresh = False,
        weights: options.KeepWeights = True,
        dry_run: options.DryRun = False,
        offline: options.Offline = False,
        deterministic: options.Deterministic = False,
        format: options.OutputFormat = "table",
        details: options.Details = False,
        quiet: options.Quiet = False,
        verbose: options.Verbose = False,
        **own: Any,
    ) -> None:
        _check(format, dry_run, match, implementation)
        overrides = _given(
            match=match,
            source=source,
            implementation=implementation,
            device=device,
            threads=threads,
            deterministic=deterministic or None,
            tuned=tuned_choice(tuned, tuned_with),
            seeds=parse_seeds(seeds) if seeds is not None else None,
        )
        (variant, settings), chosen = own_choices(load_case(case), own), chosen_recipe(case, preset, own_recipe)
        recipe = load_recipe(case, chosen, [*settings, *(changes or ())], overrides, _names(models), variant)
        where = chosen_executor(executor, ray_address, jobs, time_limit, memory_limit)
        files = own_files(own) or files_of(chosen)
        request = Request(out, cache_root(), data, offline, jobs_here(where), stack, fresh, dry_run, weights, files)
        recipes = over_data_seeds(recipe, data_seeds)
        if verbose and not quiet:
            _explain(recipe)
        _study(recipes, request, where, format, details, quiet)

    return with_own_options(command, load_case(case))


def _study(recipes: Sequence[Recipe], request: Request, where: Choice, format: str, details: bool, quiet: bool) -> None:
    """Carry out a study on each of its data sets and print the comparison, or print the plan alone."""
    with interruptible(ADVICE + " without --fresh." if request.fresh else ADVICE + "."):
        if request.dry_run:
            _plan(recipes[0], request, format, quiet, len(recipes))
            return
        made = _carried_out(recipes, request, where, quiet)
    _show(recipes, made, format, [] if details else where_the_rest_lies(request.out))


def _check(format: str, dry_run: bool, match: str | None, implementation: str | None) -> None:
    """Raise UsageError for a value that is none of those which an option takes."""
    check_choice("format", format, LIST_FORMATS if dry_run else FORMATS)
    check_choice("way to match", match, MATCHES)
    check_choice("implementation", implementation, IMPLEMENTATIONS)


def where_the_rest_lies(out: Path, page: Path | None = None) -> list[str]:
    """Return how to see everything else that the records in `out` say; page: the report, if it is written."""
    folder = shlex.quote(str(out))
    report = f"lnncmp report --out {folder}" if page is None else shlex.quote(str(page))
    return [f"All tables and notes: lnncmp compare {folder} --details. Figures and verdicts: {report}."]


def _show(recipes: Sequence[Recipe], made: Sequence[ComparisonTable], format: str, rest: Sequence[str]) -> None:
    """Print the comparison of a study, or of one on several data sets; in brief where `rest` says what is left out."""
    key = load_case(recipes[0].case).data_seed or "seed"
    shown = with_data_sets(made, [one.data_settings().data_seed for one in recipes], key)
    brief = bool(rest) and format == "table"
    document = brief_of_comparison(shown, rest) if brief else document_of_comparison(shown)
    print_rendered(render(document, format, *page()))
    exit_if_lost(made)


def _plan(recipe: Recipe, request: Request, format: str, quiet: bool, data_seeds: int) -> None:
    """Print the dry run of a study, and on how many data sets it is carried out."""
    from lnncmp.report.tables.dry_run import document_of_dry_run
    from lnncmp.runs.dry_run import dry_run
    from lnncmp.runs.ready import get_ready

    with LiveProgress(quiet) as progress:
        planned, *ablations = (
            dry_run(get_ready(one, request, progress), request, progress.doing) for one in (recipe, *recipe.ablations())
        )
    planned = planned.model_copy(update={"ablations": ablations})
    print_rendered(render(document_of_dry_run(planned), format, *page()))
    if data_seeds > 1 and not quiet:
        note(f"This plan is carried out {data_seeds} times, once for each data set.")


def _carried_out(recipes: Sequence[Recipe], given: Request, where: Choice, quiet: bool) -> list[ComparisonTable]:
    with LiveProgress(quiet, given.out) as progress, carried_out_by(where, given, progress) as request:
        progress.total = sum(one.count_runs() for one in recipes)
        return [carry_out(one, request, progress)[0] for one in recipes]


def carry_out(recipe: Recipe, request: Request, progress: LiveProgress) -> tuple[ComparisonTable, int]:
    """Execute one study, its ablations first; return its comparison and how many runs and measurements were missing."""
    before = sum(carry_out(ablation, request, progress)[1] for ablation in recipe.ablations())
    progress.title = " ".join(filter(None, (recipe.case, recipe.data_settings().conditions)))
    progress.doing("importing torch")
    from lnncmp.runs.ready import get_ready, missing_tasks
    from lnncmp.study import run_study

    ready = get_ready(recipe, request, progress)
    missing = missing_tasks(ready, request)
    comparison = run_study(ready, request, progress)
    if not missing:
        note(f"Nothing had to be run: all {len(ready.plan.runs)} runs are in {request.out} (--fresh repeats them).")
    return comparison, before + missing


def exit_if_lost(comparisons: Sequence[ComparisonTable]) -> None:
    """End with exit code 4 if a run failed, diverged or was stopped."""
    if any(row.n_diverged + row.n_failed + row.n_stopped for comparison in comparisons for row in comparison.rows):
        raise typer.Exit(SOME_RUNS_FAILED)


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _names(models: str | None) -> list[str] | None:
    return None if models is None else [name.strip() for name in models.split(",") if name.strip()]


def _explain(recipe: Recipe) -> None:
    note(f"Recipe {recipe.case}.{recipe.preset}:")
    for key, value in recipe.model_dump(mode="json", exclude={"assumptions"}).items():
        note(f"  {key} = {value}")
    note("Assumed, because the paper leaves it unspecified:")
    for key, reason in recipe.assumptions.items():
        note(f"  {key}: {reason}")
