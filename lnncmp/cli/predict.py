"""`lnncmp predict`: the predictions of a kept network for raw values in a CSV file."""

from pathlib import Path
from typing import Annotated

import typer

from lnncmp.cases.base import load_case
from lnncmp.cli import options
from lnncmp.cli.runs import RunName
from lnncmp.cli.terminal import note, print_result
from lnncmp.common.files import write_bytes
from lnncmp.errors import DataError, UsageError


def predict(
    run: RunName,
    data: Annotated[Path, typer.Argument(metavar="DATA.csv", help="Raw values, one step a row: docs/networks.md.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write (default: standard output).")
    ] = None,
    out: options.Out = options.RESULTS,
) -> None:
    """Predict what follows each row of a CSV file, in raw units, or its class, by the network that a run kept."""
    from lnncmp.networks.load import load
    from lnncmp.networks.table import predicted, read_table

    if output is not None and output.exists() and output.resolve() == data.resolve():
        raise UsageError(f"--output {output} is the file that is read", "Choose another file.")
    network = load(run, out)
    table = read_table(data, network)
    text = predicted(network, table)
    if output is None:
        print_result(text)
        return
    private = load_case(network.record.case).private
    try:
        write_bytes(output, text.encode(), 0o600 if private else 0o666)
    except DataError as error:
        raise DataError(error.message, "Choose another file with --output.") from error
    note(f"{output}: {len(table.dt)} rows, {', '.join(network.outputs)}")
