"""`lnncmp tune CASE`: find settings for every model of a case with equal budgets, and write them as a tuned recipe."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lnncmp.cases.base import load_case
from lnncmp.cli import executors, options
from lnncmp.cli.executors import carried_out_by, chosen_executor, jobs_here
from lnncmp.cli.options import MATCHES, check_choice, chosen_recipe, files_of, parse_seeds
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.terminal import interruptible, note, page, print_rendered
from lnncmp.common.cache import cache_root
from lnncmp.common.files import write_bytes
from lnncmp.recipe.files import has_variant
from lnncmp.recipe.load import load_recipe
from lnncmp.report.tables.render import FORMATS, render
from lnncmp.report.tables.tuning import document_of_tuning
from lnncmp.runs.ready import Request

_SOME_FAILED = 4

Trials = Annotated[int | None, typer.Option(min=1, max=1000, help="Trials of each model (default: 16).")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs of a trial (default: the preset's).")]
TuningSeeds = Annotated[
    str | None,
    typer.Option(
        help="Number of seeds of each trial, from 1000 on (default: 1), or a range or list; not the preset's."
    ),
]
To = Annotated[
    Path | None,
    typer.Option("--to", "-o", metavar="FILE", help="The tuned recipe.", show_default="OUT/tuned/CASE.toml"),
]
Fresh = Annotated[bool, typer.Option("--fresh/--resume", help="Discard the stored trials and repeat them.")]


def tune(
    case: options.CaseName,
    preset: options.Preset = None,
    own_recipe: options.OwnRecipe = None,
    trials: Trials = None,
    epochs: Epochs = None,
    seeds: TuningSeeds = None,
    models: options.Models = None,
    changes: options.Changes = None,
    match: options.Matching = None,
    source: options.SourceName = None,
    data: options.DataDir = None,
    jobs: options.Jobs = None,
    executor: executors.Name = executors.LOCAL,
    ray_address: executors.RayAddress = None,
    time_limit: executors.TimeLimit = None,
    memory_limit: executors.MemoryLimit = None,
    out: options.Out = options.RESULTS,
    to: To = None,
    fresh: Fresh = False,
    offline: options.Offline = False,
    format: options.OutputFormat = "table",
    quiet: options.Quiet = False,
) -> None:
    """Tune learning rate, decay and one argument of every model on validation data, with the same number of trials."""
    check_choice("format", format, FORMATS)
    check_choice("way to match", match, MATCHES)
    from lnncmp.tuning.propose import require_optuna
    from lnncmp.tuning.results import tuned_recipe
    from lnncmp.tuning.search import SEEDS, TRIALS, Budget
    from lnncmp.tuning.search import tune as search

    require_optuna()
    overrides: dict[str, Any] = {"tuned": False}
    overrides |= {key: value for key, value in {"match": match, "source": source}.items() if value is not None}
    only = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    settings = [*(changes or ()), *([f"train.epochs={epochs}"] if epochs is not None else [])]
    chosen = chosen_recipe(case, preset, own_recipe)
    recipes = [
        load_recipe(case, chosen, settings, overrides, only, variant)
        for variant in (None, *load_case(case).tuned_variants)
        if variant is None or has_variant(chosen, variant)
    ]
    budget = Budget(trials or TRIALS, SEEDS if seeds is None else _seeds(seeds, SEEDS[0]))
    where = chosen_executor(executor, ray_address, jobs, time_limit, memory_limit)
    given = Request(
        out / "tuning", cache_root(), data, offline=offline, jobs=jobs_here(where), fresh=fresh, files=files_of(chosen)
    )
    with interruptible("Finished epochs are kept: the same command continues."):
        with LiveProgress(quiet, out) as progress, carried_out_by(where, given, progress) as request:
            progress.title = f"tuning {case}"
            table = search(recipes, request, budget, progress)
        print_rendered(render(document_of_tuning(table), format, *page()))
        file = out / "tuned" / f"{case}.toml" if to is None else to
        write_bytes(file, tuned_recipe(table).as_toml().encode())
    recipe = "" if own_recipe is None else f" --recipe {own_recipe}"
    note(f"Tuned recipe: {file}. Use it with: lnncmp {case}{recipe} --tuned-with {file}")
    if any(row.n_failed for row in table.rows):
        raise typer.Exit(_SOME_FAILED)


def _seeds(text: str, first: int) -> tuple[int, ...]:
    """Return the seeds of a range or list, or that many from the first one of tuning on. Raises UsageError."""
    seeds = parse_seeds(text)
    return tuple(first + seed for seed in seeds) if text.strip().isdigit() else seeds
