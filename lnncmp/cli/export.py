"""`lnncmp export`: the network that a run kept, for machines without lnncmp; results, for other programs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnncmp.cases.base import load_case
from lnncmp.cli import complete, options
from lnncmp.cli.lists import LIST_FORMATS, ListFormat, print_listing
from lnncmp.cli.options import check_choice
from lnncmp.cli.terminal import interruptible, note
from lnncmp.common.files import write_bytes
from lnncmp.common.registry import member_names
from lnncmp.errors import DataError, LnncmpError, UsageError, unknown_name

if TYPE_CHECKING:
    from lnncmp.export.formats.base import Choices, Exported
    from lnncmp.export.network import PortableNetwork

_TOLERANCE = 1e-4
"""Standard deviations of the outputs by which files of float32 may differ from the network in float64."""

_FORMATS = ("c", "onnx", "torch", "csv", "parquet", "tensorboard", "mlflow", "wandb-offline")
What = Annotated[
    str,
    typer.Argument(metavar="RUN|DIR", help="A run (its id, or how it begins, or its record), or a folder of records."),
]
To = Annotated[
    str,
    typer.Option(
        metavar="|".join(_FORMATS),
        autocompletion=complete.one_of(_FORMATS),
        help="A network as c, onnx, torch; the results of a folder as one of the others: docs/export.md.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="PLACE", help="The folder (csv, parquet: the file) to write to."),
]
Prefix = Annotated[
    str | None, typer.Option("--name", help="Networks: what files and C functions begin with.", show_default="lnn")
]
Int8 = Annotated[bool, typer.Option("--int8", help="C: weights as int8, with a scale for each row.")]
Check = Annotated[bool, typer.Option("--check", help="Networks: run the files for 1,000 steps and compare; time C.")]
Force = Annotated[bool, typer.Option("--force", help="Results: replace an earlier export.")]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Networks: the folder that RUN is in.", show_default=str(options.RESULTS)),
]


def export(
    what: What,
    to: To,
    output: Output = None,
    name: Prefix = None,
    int8: Int8 = False,
    check: Check = False,
    force: Force = False,
    out: Out = None,
    format: ListFormat = "table",
) -> None:
    """Write the network that a run kept for machines without lnncmp, or the results of a folder for other programs.

    Networks: one step in C, a step and a sequence as ONNX or for torch, in raw units. Results: one long table, or the
    files of an experiment tracker.
    """
    check_choice("format", format, LIST_FORMATS)
    from lnncmp.export import formats
    from lnncmp.results.formats.base import format_names

    networks, results = member_names(formats), format_names()
    if to in results:
        _require_folder(what, to, networks)
        _refuse("networks", to, {"--name": name, "--int8": int8, "--check": check, "--out": out})
        _export_results(Path(what), to, output, force, format)
    elif to in networks:
        _require_run(what, to, results)
        _refuse("results", to, {"--force": force})
        _export_network(what, out or options.RESULTS, to, output or Path(), (name or "lnn", int8, check), format)
    else:
        raise unknown_name("export format", to, [*networks, *results])


def _require_folder(what: str, to: str, others: Sequence[str]) -> None:
    if not Path(what).is_dir():
        raise UsageError(
            f"--to {to} exports a folder of records, and {what} is {'a file' if Path(what).exists() else 'no folder'}",
            f"Name the folder that --out named when runs were made; a run alone goes to {', '.join(others)}.",
        )


def _require_run(what: str, to: str, others: Sequence[str]) -> None:
    if Path(what).is_dir():
        raise UsageError(
            f"--to {to} exports the network of one run, and {what} is a folder",
            f"Name a run of it (`lnncmp runs list --out {what}`), or export its results to {', '.join(others)}.",
        )


def _refuse(kind: str, to: str, given: Mapping[str, object]) -> None:
    """Raise UsageError if an option is given that is for exports of the other kind."""
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} is for {kind}, and --to {to} exports none", "Leave it out.")


def _export_results(folder: Path, to: str, output: Path | None, force: bool, format: str) -> None:
    from lnncmp.results.export import export_results

    with interruptible("Nothing was written."):
        place, records = export_results(folder, to, output, force, note)
    counts = {"runs": records.runs, "baselines": records.baselines, "measurements": records.measurements}
    rows = [{"what": kind, "value": len(found)} for kind, found in counts.items()]
    print_listing(f"Results of {folder} as {to}", [{"what": "written", "value": str(place)}, *rows], format)


def _export_network(run: str, out: Path, to: str, output: Path, chosen: tuple[str, bool, bool], format: str) -> None:
    """Export a network. chosen: prefix of names, whether weights are int8, whether the files are checked."""
    from lnncmp.export.formats.base import Choices
    from lnncmp.export.from_run import portable
    from lnncmp.export.writing import export as exported_as
    from lnncmp.networks.load import load

    name, int8, check = chosen
    loaded = load(run, out)
    network, choices = portable(loaded), Choices(name, int8)
    with interruptible("Nothing was written."):
        made = exported_as(network, to, choices)
        rows = _counts(network, made) + (_checked(network, to, choices, made) if check else [])
        mode = 0o600 if load_case(loaded.record.case).private else 0o666
        written = [_written(output / file, content, mode) for file, content in made.files.items()]
    print_listing(f"{loaded.record.model} of {loaded.record.case}, {loaded.record.run_id}", written + rows, format)


def _written(path: Path, content: bytes, mode: int) -> dict[str, Any]:
    try:
        write_bytes(path, content, mode)
    except DataError as error:
        raise DataError(error.message, "Choose another folder with --output.") from error
    return {"what": str(path), "value": len(content), "unit": "bytes"}


def _counts(network: "PortableNetwork", made: "Exported") -> list[dict[str, Any]]:
    """Return what is counted without running anything."""
    from lnncmp.export.writing import operations

    rows = [{"what": what, "value": number, "unit": ""} for what, number in made.counts.items()]
    counted = vars(operations(network))
    return rows + [{"what": what.replace("_", "-"), "value": n, "unit": "per step"} for what, n in counted.items()]


def _checked(network: "PortableNetwork", to: str, choices: "Choices", made: "Exported") -> list[dict[str, Any]]:
    """Return what running the files found. Raises LnncmpError if float32 files compute something else."""
    from lnncmp.export.writing import check

    found = check(network, to, choices, made)
    worst = max(found.largest.values())
    if not choices.int8 and not worst <= _TOLERANCE:
        raise LnncmpError(
            f"the {to} files differ from the network by {worst:.1e} standard deviations of the outputs within "
            f"{found.steps} steps",
            "Nothing was written. A network whose state explodes differs like this: see its free-running errors.",
        )
    rows = [
        {
            "what": f"difference in {found.steps} steps, {name}",
            "value": f"{value:.1e}",
            "unit": "sd of the outputs",
        }
        for name, value in found.largest.items()
    ]
    return rows + [{"what": what, "value": f"{value:.0f}", "unit": ""} for what, value in found.facts.items()]
