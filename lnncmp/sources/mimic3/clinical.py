"""Source of the user's own copy of the MIMIC-III clinical tables (v1.4 or the demo): one recording per stay.

The full set is credentialed: it is never downloaded, and what is made of it stays in a private folder of the cache.
polars is imported only when recordings are asked for.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.errors import UsageError
from lnncmp.sources.base import Progress, Source, SourceContext

if TYPE_CHECKING:
    from lnncmp.sources.mimic3.extraction.extraction import Extraction


def _folder(context: SourceContext) -> Path:
    """Return the folder that the user named. Raises UsageError if none was."""
    if context.data_dir is None:
        raise UsageError(
            "the MIMIC-III clinical tables cannot be downloaded for you: name the folder of your own copy",
            "Use --data DIR. Without access to the full set, `lnncmp data fetch mimic3 --source demo` gets the demo.",
        )
    return context.data_dir


def _extract(context: SourceContext) -> "Extraction":
    folder = _folder(context)
    from lnncmp.sources.mimic3.extraction.extraction import extract

    grid = context.options.get("grid", "hour")
    return extract(
        folder, context.cache, name="MIMIC-III clinical", grid=grid, progress=context.progress, warn=context.warn
    )


def _load(context: SourceContext) -> list[Recording]:
    return _extract(context).recordings


def _attrition(context: SourceContext) -> tuple[AttritionStep, ...]:
    return _extract(context).attrition


def _fetch(context: SourceContext) -> Path:
    _extract(context)
    return _folder(context)


def _bench(rows: int, folder: Path, compress: bool, format: str, progress: Progress) -> str:
    from lnncmp.sources.mimic3.extraction.bench import render, run_bench

    return render(run_bench(rows, folder, folder, compress, progress), format)


SOURCE = Source(
    name="clinical",
    summary="Your own copy of the MIMIC-III v1.4 tables (--data DIR): vital signs of adults in intensive care.",
    card="mimic3",
    version=1,
    load=_load,
    fetch=_fetch,
    attrition=_attrition,
    bench=_bench,
)
