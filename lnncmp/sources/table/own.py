"""A user's own files, as they are."""

from lnncmp.data.recording import Recording
from lnncmp.errors import UsageError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.table import Roles, read_table


def _load(context: SourceContext) -> list[Recording]:
    """Return the series of the files that the user named. Raises DataError and UsageError."""
    files = context.files or (() if context.data_dir is None else (context.data_dir,))
    if not files:
        raise UsageError("the data of this case are files of your own, and none was named", "Name one with --data.")
    table = read_table(files, Roles(), context.warn)
    return [Recording(one.values, one.times, one.values == one.values, one.group) for one in table.series]


SOURCE = Source(
    name="files",
    summary="Your own table: CSV, Parquet or NPZ, one file or a folder of them.",
    card="table",
    version=1,
    load=_load,
    fetch=None,
)
