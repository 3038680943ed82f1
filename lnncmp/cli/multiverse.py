"""`lnncmp multiverse CASE`: the claims over all reasonable readings of what the study left open."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnncmp.cases.base import case_names, load_case
from lnncmp.cli import complete, executors, options
from lnncmp.cli.executors import carried_out_by, chosen_executor, jobs_here
from lnncmp.cli.lists import LIST_FORMATS
from lnncmp.cli.options import check_choice, parse_seeds
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.study import ADVICE, SOME_RUNS_FAILED
from lnncmp.cli.terminal import interruptible, note, page, print_rendered
from lnncmp.common.cache import cache_root
from lnncmp.errors import UsageError, unknown_name
from lnncmp.recipe.files import read_recipe
from lnncmp.report.tables.render import FORMATS, render
from lnncmp.runs.executors.base import Choice
from lnncmp.runs.ready import Request

if TYPE_CHECKING:
    from lnncmp.multiverse.study import ReadyMultiverse

ChoicesFile = Annotated[
    Path | None,
    typer.Option(
        "--choices",
        metavar="FILE",
        help="Your own open choices (TOML) instead of lnncmp's.",
        autocompletion=complete.toml_file,
    ),
]
Universes = Annotated[
    int | None, typer.Option(min=1, help="Number of universes, the most informative first (default: the file's).")
]
Budget = Annotated[
    float | None, typer.Option(metavar="MINUTES", help="Take universes, the most informative first, for this long.")
]
Folders = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="SOURCE=DIR", help="Folder with your own copy of the data of a source. Repeatable."),
]


def multiverse(
    case: options.CaseName,
    universes: Universes = None,
    budget: Budget = None,
    seeds: options.Seeds = None,
    changes: options.Changes = None,
    data: Folders = None,
    choices_file: ChoicesFile = None,
    own_recipe: options.OwnRecipe = None,
    claims_file: options.ClaimsFile = None,
    beside: options.Beside = False,
    jobs: options.Jobs = None,
    stack: options.Stack = None,
    executor: executors.Name = executors.LOCAL,
    ray_address: executors.RayAddress = None,
    time_limit: executors.TimeLimit = None,
    memory_limit: executors.MemoryLimit = None,
    out: options.Out = options.RESULTS,
    dry_run: options.DryRun = False,
    offline: options.Offline = False,
    format: options.OutputFormat = "table",
    quiet: options.Quiet = False,
) -> None:
    """Run a case under every reasonable reading of what its study left open; print in how many each claim holds."""
    check_choice("format", format, LIST_FORMATS if dry_run else FORMATS)
    check_choice("case", case, case_names())
    options.check_beside(claims_file, beside)
    if budget is not None and not budget > 0:
        raise UsageError(f"--budget takes minutes above 0, got {budget:g}")
    from lnncmp.multiverse.choices import load_choices
    from lnncmp.multiverse.study import Wanted, get_multiverse

    choices = load_choices(case, choices_file)
    wanted = Wanted(
        universes,
        parse_seeds(seeds) if seeds is not None else None,
        _folders(case, data or ()),
        tuple(changes or ()),
        None if own_recipe is None else read_recipe(own_recipe, case),
        claims_file,
        beside,
    )
    where = chosen_executor(executor, ray_address, jobs, time_limit, memory_limit)
    given = Request(out, cache_root(), None, offline, jobs_here(where), stack, False, dry_run)
    with (
        interruptible(ADVICE + "."),
        LiveProgress(quiet, None if dry_run else out) as progress,
        carried_out_by(Choice() if dry_run else where, given, progress) as request,
    ):
        progress.title = f"multiverse of {case}"
        progress.doing("importing")
        ready = get_multiverse(choices, wanted, request, progress)
        text, lost = _planned(ready, progress, format) if dry_run else _carried_out(ready, progress, budget, format)
    print_rendered(text)
    if lost:
        raise typer.Exit(SOME_RUNS_FAILED)


def _planned(ready: "ReadyMultiverse", progress: LiveProgress, format: str) -> tuple[str, bool]:
    """Return the list of universes with what each takes at most, and False: nothing was lost."""
    from lnncmp.multiverse.study import estimate_universes
    from lnncmp.report.tables.multiverse_plan import MultiversePlan, PlannedLine, document_of_plan

    seconds = estimate_universes(ready, progress)
    lines = [
        PlannedLine(
            number=one.number,
            differs=one.universe.words,
            runs=len(one.runs),
            missing=sum(ready.store.finished(run.run_id) is None for run in one.runs),
            minutes=cost / 60,
            trouble=one.trouble,
        )
        for one, cost in zip(ready.planned, seconds, strict=True)
    ]
    plan = MultiversePlan(
        case=ready.choices.case,
        possible=ready.choices.possible,
        seeds=list(ready.seeds),
        universes=lines,
        missing=ready.missing,
        notes=list(ready.notes),
    )
    return render(document_of_plan(plan), format, *page()), False


def _carried_out(
    ready: "ReadyMultiverse", progress: LiveProgress, budget: float | None, format: str
) -> tuple[str, bool]:
    """Run, draw, and return the table, and whether a run was lost."""
    from lnncmp.multiverse.study import run_multiverse
    from lnncmp.report.build.curves import draw_curves
    from lnncmp.report.tables.multiverse import document_of_multiverse

    progress.total = 0 if budget is not None else ready.missing
    progress.doing("")
    found = run_multiverse(ready, progress, budget)
    progress.doing("drawing")
    written = draw_curves(found, ready.out)
    if written:
        note(f"Specification curves: {written[0].paths[0].parent}")
    lost = any(one.diverged or one.failed or one.trouble for one in found.universes)
    return render(document_of_multiverse(found), format, *page()), lost


def _folders(case: str, given: Sequence[str]) -> dict[str, Path]:
    """Return the folders of `--data SOURCE=DIR` by source. Raises UsageError."""
    found = {}
    for text in given:
        source, equals, folder = text.partition("=")
        if not equals or not folder:
            raise UsageError(f"--data takes SOURCE=DIR here, got '{text}'", "For example: --data original=FOLDER")
        if source not in load_case(case).sources:
            raise unknown_name("source", source, load_case(case).sources)
        found[source] = Path(folder)
    return found
