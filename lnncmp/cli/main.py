"""Registers all commands; every case study is a command named after its file, or as its package names it."""

import io
import os
import sys
from typing import Annotated

import typer

from lnncmp import __version__
from lnncmp.cases.base import own_case_names
from lnncmp.cli import claims, data, lists, runs, study
from lnncmp.cli.bench import bench
from lnncmp.cli.compare import compare
from lnncmp.cli.doctor import doctor
from lnncmp.cli.export import export
from lnncmp.cli.figures import figures
from lnncmp.cli.multiverse import multiverse
from lnncmp.cli.plan import plan
from lnncmp.cli.plugin_cases import Commands, help_of
from lnncmp.cli.predict import predict
from lnncmp.cli.recipes import recipes
from lnncmp.cli.report import report
from lnncmp.cli.reproduce import reproduce_all
from lnncmp.cli.terminal import be_quiet, print_error, print_traceback
from lnncmp.cli.tune import tune
from lnncmp.errors import DataError, LnncmpError, shown

app = typer.Typer(
    name="lnncmp",
    cls=Commands,
    help="Compare liquid neural networks (LTC, CfC, NCP) with LSTM and GRU, fairly and reproducibly.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},  # subcommands inherit it
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lnncmp {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Compare liquid neural networks (LTC, CfC, NCP) with LSTM and GRU, fairly and reproducibly."""
    be_quiet(False)  # a command with --quiet may have run before in this process


for _name in own_case_names():
    app.command(_name, help=help_of(_name))(study.case_command(_name))
app.command("reproduce-all")(reproduce_all)
app.command("tune")(tune)
app.command("multiverse")(multiverse)
app.command("plan")(plan)
app.command("figures")(figures)
app.command("bench")(bench)
app.command("compare")(compare)
app.add_typer(claims.app, name="claims")
app.command("export")(export)
app.command("report")(report)
app.add_typer(runs.app, name="runs")
app.command("predict")(predict)
app.add_typer(data.app, name="data")
app.command("models")(lists.models)
app.command("recipes")(recipes)
app.command("doctor")(doctor)


def main() -> None:
    """Run the command line. Errors for the user are printed here, and only here, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # prints "?" for characters that the terminal lacks
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="lnncmp")
    except Exception as error:
        if "_LNNCMP_COMPLETE" in os.environ:  # a shell asks for completions, in the middle of a line
            sys.exit(0)
        said = _for_the_user(error)
        if said is None:
            sys.excepthook = print_traceback  # in the place of typer's
            raise
        print_error(said)
        sys.exit(said.exit_code)


def _for_the_user(error: Exception) -> LnncmpError | None:
    """Return what the user is told, None for a mistake of ours.

    A path that the system refuses (a name that is too long, a link in a circle) is the user's, wherever it is met.
    """
    if isinstance(error, OSError) and error.filename is not None:
        why = error.strerror or type(error).__name__
        return DataError(f"{shown(str(error.filename))} cannot be used: {why.lower()}", "Choose another path.")
    return error if isinstance(error, LnncmpError) else None
