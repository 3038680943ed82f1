"""CSV: one long table; text that a spreadsheet would take for a formula has an apostrophe before it."""

from pathlib import Path

from lnncmp.common.files import write_bytes
from lnncmp.common.text import csv_of_frame
from lnncmp.records.read import Records
from lnncmp.results.formats.base import ResultFormat
from lnncmp.results.table import table_of


def write(records: Records, path: Path, place: Path) -> None:
    """Write the table, empty cells for what is not known or does not apply."""
    write_bytes(path, csv_of_frame(table_of(records)).encode())


FORMAT = ResultFormat("One long table as CSV: a row for each number.", ".csv", write)
