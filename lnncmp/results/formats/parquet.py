"""Parquet: the long table with its types."""

import io
from pathlib import Path

from lnncmp.common.files import write_bytes
from lnncmp.records.read import Records
from lnncmp.results.formats.base import ResultFormat
from lnncmp.results.table import table_of


def write(records: Records, path: Path, place: Path) -> None:
    """Write the table, null for what is not known or does not apply."""
    content = io.BytesIO()
    table_of(records).write_parquet(content)
    write_bytes(path, content.getvalue())


FORMAT = ResultFormat("One long table as Parquet, with types.", ".parquet", write)
