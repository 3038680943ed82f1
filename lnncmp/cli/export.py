"""`lnncmp export RUN --to c|onnx|torch`: the network that a run kept, for machines without lnncmp."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnncmp.cases.base import load_case
from lnncmp.cli import complete, options
from lnncmp.cli.lists import LIST_FORMATS, ListFormat, print_listing
from lnncmp.cli.options import check_choice
from lnncmp.cli.runs import RunName
from lnncmp.cli.terminal import interruptible
from lnncmp.common.files import write_bytes
from lnncmp.errors import DataError, LnncmpError

if TYPE_CHECKING:
    from lnncmp.export.formats.base import Choices, Exported
    from lnncmp.export.network import PortableNetwork

_TOLERANCE = 1e-4
"""Standard deviations of the outputs by which files of float32 may differ from the network in float64."""

To = Annotated[
    str,
    typer.Option(
        metavar="c|onnx|torch",
        autocompletion=complete.one_of(("c", "onnx", "torch")),
        help="The format: docs/export.md.",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write to.")]
Prefix = Annotated[str, typer.Option("--name", help="What files and C functions begin with.")]
Int8 = Annotated[bool, typer.Option("--int8", help="C: weights as int8, with a scale for each row.")]
Check = Annotated[bool, typer.Option("--check", help="Run the files for 1,000 steps and compare; time C.")]


def export(
    run: RunName,
    to: To,
    output: Output = Path(),
    name: Prefix = "lnn",
    int8: Int8 = False,
    check: Check = False,
    out: options.Out = options.RESULTS,
    format: ListFormat = "table",
) -> None:
    """Write the network that a run kept as C (one step), or as ONNX or for torch (a step and a sequence).

    Inputs and outputs are in raw units: the scalers are in the files.
    """
    check_choice("format", format, LIST_FORMATS)
    from lnncmp.export.formats.base import Choices, load_format
    from lnncmp.export.from_run import portable
    from lnncmp.export.writing import export as exported_as
    from lnncmp.networks.load import load

    load_format(to)
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
