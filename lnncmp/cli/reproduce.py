"""`lnncmp reproduce-all`: all case studies, then the verdicts on all claims and the report."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from lnncmp.cases.base import load_case, own_case_names
from lnncmp.cli import complete, executors, options
from lnncmp.cli.executors import carried_out_by, chosen_executor, jobs_here
from lnncmp.cli.options import MATCHES, check_choice
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.study import ADVICE, carry_out, exit_if_lost, where_the_rest_lies
from lnncmp.cli.terminal import interruptible, note, page, print_rendered
from lnncmp.common.cache import cache_root
from lnncmp.common.cores import available_cores
from lnncmp.comparison.table import ComparisonTable
from lnncmp.errors import DataError, unknown_name
from lnncmp.recipe.load import load_recipe
from lnncmp.recipe.recipe import Recipe
from lnncmp.report.tables.claims import document_of_claims
from lnncmp.report.tables.comparison import (
    brief_of_comparison,
    brief_of_study,
    document_of_comparison,
    document_of_comparisons,
)
from lnncmp.report.tables.render import FORMATS, TEXTS, render
from lnncmp.runs.ready import Request

Cases = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[,NAME]",
        autocompletion=complete.cases,
        help="Cases, e.g. walker2d,gesture (default: those of the study).",
    ),
]
Matchings = Annotated[
    str | None,
    typer.Option(
        "--match",
        metavar="NAME[,NAME]",
        help="Ways to match sizes, e.g. hidden,params (default: the recipe's own).",
        autocompletion=complete.some_of(MATCHES),
    ),
]


def reproduce_all(
    preset: options.Preset = None,
    cases: Cases = None,
    match: Matchings = None,
    seeds: options.Seeds = None,
    tuned: options.TunedFlag = None,
    implementation: options.Implementation = None,
    jobs: options.Jobs = None,
    stack: options.Stack = None,
    executor: executors.Name = executors.LOCAL,
    ray_address: executors.RayAddress = None,
    time_limit: executors.TimeLimit = None,
    memory_limit: executors.MemoryLimit = None,
    out: options.Out = options.RESULTS,
    weights: options.KeepWeights = True,
    offline: options.Offline = False,
    format: options.OutputFormat = "table",
    details: options.Details = False,
    quiet: options.Quiet = False,
) -> None:
    """Run every case of the study and its variants; print the comparisons and the claims, and write the report."""
    check_choice("format", format, FORMATS)
    check_choice("implementation", implementation, options.IMPLEMENTATIONS)
    preset = preset or options.STANDARD
    numbers = options.parse_seeds(seeds) if seeds is not None else None
    chosen = {"seeds": numbers, "implementation": implementation, "tuned": tuned}
    given = {key: value for key, value in chosen.items() if value is not None}
    where = chosen_executor(executor, ray_address, jobs, time_limit, memory_limit)
    asked = Request(out, cache_root(), offline=offline, jobs=jobs_here(where), stack=stack, keep_weights=weights)
    ways = [given if matching is None else {**given, "match": matching} for matching in _matchings(match)]
    studies = [recipes_of_case(case, preset, overrides) for overrides in ways for case in chosen_cases(cases)]
    made: list[ComparisonTable] = []
    ran, brief = 0, format == "table" and not details
    with (
        interruptible(ADVICE + "."),
        LiveProgress(quiet, out) as progress,
        carried_out_by(where, asked, progress) as request,
    ):
        progress.total = sum(recipe.count_runs() for recipes in studies for recipe in recipes)
        for recipes in studies:
            for comparison, missing in _carried_out(recipes, request, progress):
                ran += missing
                made.append(comparison)
                if format in TEXTS and (not brief or comparison.case not in {table.case for table in made[:-1]}):
                    document = (brief_of_comparison if brief else document_of_comparison)(comparison)
                    with progress.hidden():
                        print_rendered(("\n" if len(made) > 1 else "") + render(document, format, *page()))
        _conclude(made, out, format, brief, progress, ran)
    exit_if_lost(made)


def recipes_of_case(case: str, preset: str, overrides: dict[str, Any]) -> list[Recipe]:
    """Return the recipe of a case and those of its variants."""
    variants = (None, *load_case(case).variants)
    return [load_recipe(case, preset, overrides=overrides, variant=variant) for variant in variants]


def _carried_out(
    recipes: Sequence[Recipe], request: Request, progress: LiveProgress
) -> Iterator[tuple[ComparisonTable, int]]:
    """Yield what `carry_out` returns for each recipe of a case; one beside the study without its data is left out."""
    case = recipes[0].case
    for number, recipe in enumerate(recipes):
        try:
            done = carry_out(recipe, request, progress)
        except DataError as error:
            if load_case(case).in_study:
                raise
            note(f"{case} is left out: {error.message}. {error.hint}")
            progress.total -= sum(one.count_runs() for one in recipes[number:])
            return
        yield done


def chosen_cases(names: str | None) -> list[str]:
    """Return the cases to be run: those named, else those of the study. Raises UsageError for an unknown name."""
    known = [case for case in own_case_names() if not load_case(case).reads_files]
    if names is None:
        return [case for case in known if load_case(case).in_study]
    chosen = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in chosen or (names,):
        if name not in known:
            raise unknown_name("case", name, known)
    return chosen


def _matchings(match: str | None) -> tuple[str | None, ...]:
    """Return the requested ways to match; None is the recipe's own."""
    if match is None:
        return (None,)
    names = tuple(dict.fromkeys(name.strip() for name in match.split(",") if name.strip()))
    for name in names or (match,):
        check_choice("way to match", name, MATCHES)
    return names


def _conclude(
    made: list[ComparisonTable], out: Path, format: str, brief: bool, progress: LiveProgress, ran: int
) -> None:
    """Print the verdicts and write the report; an existing report is rewritten only if something ran."""
    from lnncmp.claims.judge import judge_folder
    from lnncmp.report.build.write import write_report

    progress.doing("judging claims")
    claims = judge_folder(out)
    with progress.hidden():
        if brief:
            rest = where_the_rest_lies(out, out / "report" / "report.html")
            print_rendered("\n" + render(brief_of_study(made, claims, rest), format, *page()))
        elif format in TEXTS:
            print_rendered("\n" + render(document_of_claims(claims), format, *page()))
        else:
            print_rendered(render(document_of_comparisons(made, claims), format))
    report = out / "report" / "report.html"
    if ran or not report.exists():
        progress.doing("writing the report")
        report = write_report(out, None, (), True, progress.warn, progress.data, available_cores())
    else:
        note("Nothing had to be run; the report is unchanged.")
    note(f"Report: {report}")
