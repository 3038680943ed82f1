"""The whole way of an export of results: read a folder of records, write it in a format, whole or not at all."""

from collections.abc import Callable
from pathlib import Path

from lnncmp import __version__
from lnncmp.common.files import explained
from lnncmp.errors import LnncmpError
from lnncmp.records.read import Records, read_records
from lnncmp.results.formats.base import ResultFormat, load_format, require_package
from lnncmp.results.place import new_file, new_folder, place_of, require_free


def export_results(
    folder: Path, to: str, output: Path | None, force: bool, warn: Callable[[str], None]
) -> tuple[Path, Records]:
    """Export the records of a folder and return where to, and the records.

    output: a file or a folder, by the format; None: one in the current folder, named after the folder of records.
    force: replace an earlier export. warn: is told of records that cannot be used. Raises UsageError for an unknown
    format; DataError without records, without the package that a format needs, or if something is in the way.
    """
    form = load_format(to)
    require_package(to)
    place = place_of(output, folder, to, form.ending)
    require_free(place, not form.ending, force)
    records = read_records(folder)
    for sentence in records.notes:
        warn(sentence)
    facts = {"format": to, "exported_by": f"lnncmp {__version__}", "runs": len(records.runs)}
    with new_file(place) if form.ending else new_folder(place, facts) as path, explained(place):
        _write(form, records, path, place)
    return place, records


def _write(form: ResultFormat, records: Records, path: Path, place: Path) -> None:
    """Write the records. Raises LnncmpError for whatever the package of a tracker raises."""
    try:
        form.write(records, path, place)
    except (LnncmpError, OSError):
        raise
    except Exception as error:
        if not form.package:
            raise
        raise LnncmpError(
            f"the package {form.package} cannot write these records: {type(error).__name__}: {error}",
            f"Nothing was written. Another version of it may: pip install 'lnncmp[{form.package}]'",
        ) from error
