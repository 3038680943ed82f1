"""`lnncmp compare DIR [DIR2]`: tables of any stored records, and significant differences between two sets."""

from pathlib import Path
from typing import Annotated

import typer

from lnncmp.cli import complete, options
from lnncmp.cli.options import check_choice
from lnncmp.cli.terminal import interruptible, note, page, print_rendered
from lnncmp.report.tables.render import FORMATS, render

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder of records, as given to --out.")]
Other = Annotated[
    Path | None, typer.Argument(metavar="DIR2", help="A second folder: from another machine, version or recipe.")
]
Reference = Annotated[
    str | None,
    typer.Option(
        autocompletion=complete.model,
        help="The reference model of the comparison, instead of the recipe's.",
    ),
]


def compare(
    folder: Folder,
    other: Other = None,
    reference: Reference = None,
    format: options.OutputFormat = "table",
    details: options.Details = False,
) -> None:
    """Compare the models of one folder of records, or each model of two folders, seed by seed on equal data."""
    check_choice("format", format, FORMATS)
    from lnncmp.comparison.contrasts.folders import contrast_folders, contrast_groups
    from lnncmp.comparison.main_error import main_error_only
    from lnncmp.comparison.studies import comparable, studies_of
    from lnncmp.records.read import read_records
    from lnncmp.report.tables.contrasts import Compared, brief_of_compared, document_of_compared

    brief = format == "table" and not details and other is None
    with interruptible("Nothing was changed."):
        records = comparable(read_records(folder))
        if other is None:
            for sentence in records.notes:
                note(sentence)
            contrasts = contrast_groups(records)
            records = main_error_only(records) if brief else records
            tables = [study.table for study in studies_of(records, reference=reference)]
            found = Compared(comparisons=tables, contrasts=contrasts)
        else:
            found = Compared(comparisons=[], contrasts=[contrast_folders(records, comparable(read_records(other)))])
    rest = [f"All tables, notes{' and contrasts' if found.contrasts else ''}: --details."]
    print_rendered(render(brief_of_compared(found, rest) if brief else document_of_compared(found), format, *page()))
