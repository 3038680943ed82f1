"""`lnncmp claims`: the verdict of the stored runs on each claim; `show ID`: one claim in full; `draw`: the effects."""

from pathlib import Path
from typing import Annotated

import typer

from lnncmp.cli import complete, options
from lnncmp.cli.figures import ALL_PICTURES, PictureFormats
from lnncmp.cli.lists import LIST_FORMATS, ListFormat
from lnncmp.cli.options import check_choice
from lnncmp.cli.terminal import interruptible, page, print_rendered, print_result
from lnncmp.report.tables.render import FORMATS, render

_OPPOSITE = 5

app = typer.Typer(
    help="Evaluate the claims on stored records, explain one verdict, or draw the effects.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
Strict = Annotated[bool, typer.Option("--strict", help="End with exit code 5 if the opposite of a claim is shown.")]


@app.callback()
def claims(
    context: typer.Context,
    out: options.Out = options.RESULTS,
    claims_file: options.ClaimsFile = None,
    beside: options.Beside = False,
    strict: Strict = False,
    format: options.OutputFormat = "table",
    details: options.Details = False,
) -> None:
    """Report for each claim whether the stored runs support it, show the opposite, or depend on a choice."""
    if context.invoked_subcommand is not None:
        context.obj = (out, claims_file, beside)
        return
    check_choice("format", format, FORMATS)
    options.check_beside(claims_file, beside)
    from lnncmp.claims.judge import judge_folder
    from lnncmp.report.tables.claims import brief_of_claims, document_of_claims

    with interruptible("Nothing was changed."):
        table = judge_folder(out, claims_file, beside)
    brief = format == "table" and not details
    print_rendered(render(brief_of_claims(table) if brief else document_of_claims(table), format, *page()))
    if strict and any(row.verdict == "opposite" for row in table.rows):
        raise typer.Exit(_OPPOSITE)


@app.command()
def show(
    context: typer.Context,
    claim: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            autocompletion=complete.claim,
            help="A claim, as `lnncmp claims` names it.",
        ),
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of records and checkpoints.")] = None,
    claims_file: options.ClaimsFile = None,
    beside: options.Beside = False,
    format: ListFormat = "table",
) -> None:
    """Explain one verdict: numbers by seed, tests, assumptions, deviations from the protocol, runs."""
    check_choice("format", format, LIST_FORMATS)
    from lnncmp.claims.claim import find_claim, load_claims
    from lnncmp.claims.judge import judge_folder
    from lnncmp.report.tables.claim import document_of_claim

    folder, file, both = context.obj
    file, both = claims_file or file, beside or both
    options.check_beside(file, both)
    find_claim(load_claims(file, both), claim)
    with interruptible("Nothing was changed."):
        table = judge_folder(out or folder, file, both)
    row = next(row for row in table.rows if row.id == claim)
    print_rendered(render(document_of_claim(row), format, *page()))


@app.command()
def draw(
    context: typer.Context,
    claim: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Only these claims.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of records and checkpoints.")] = None,
    claims_file: options.ClaimsFile = None,
    beside: options.Beside = False,
    format: PictureFormats = ALL_PICTURES,
) -> None:
    """Draw the effect behind each verdict with its interval and the smallest effect of interest; print the paths."""
    folder, file, both = context.obj
    file, both = claims_file or file, beside or both
    options.check_beside(file, both)
    formats = options.names(format)
    from lnncmp.claims.claim import find_claim, load_claims
    from lnncmp.claims.judge import judge_folder
    from lnncmp.report.build.claims import draw_effects
    from lnncmp.report.build.figures import check_formats

    check_formats(formats)
    known = load_claims(file, both)
    wanted = {find_claim(known, name).id for name in claim or ()}
    with interruptible("Figures written so far are complete; the same command draws all of them again."):
        table = judge_folder(out or folder, file, both)
        rows = [row for row in table.rows if not wanted or row.id in wanted]
        written = draw_effects(table.model_copy(update={"rows": rows}), out or folder, formats)
    print_result("\n".join(str(path) for picture in written for path in picture.paths))
