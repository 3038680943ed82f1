"""The available intensive care data: the user's own copy, else the open demo, else a simulated unit.

Delivers nothing itself: `resolve` names the source to use. It falls back to the simulation only if PhysioNet cannot be
reached, and says so; data that exist but are wrong are an error. The data card is `datasets/mimic3/auto.md`.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path

from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.errors import DataError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.download.fetch import UnreachableError, probe
from lnncmp.sources.download.manifest import some_names
from lnncmp.sources.mimic3 import demo as mimic3_demo
from lnncmp.sources.mimic3.extraction.tables import find_tables

PATIENCE = 8.0
"""Seconds that PhysioNet has for a first answer."""


def choose(context: SourceContext, manifest: mimic3_demo.DemoManifest, patience: float = PATIENCE) -> str:
    """Return "clinical", "waveforms", "demo" or "synthetic"; fetch the demo if it is needed and available.

    patience: seconds within which the first, small file of `manifest` must arrive.
    Raises DataError if what is in the cache or what PhysioNet sends is not the demo.
    """
    if context.data_dir is not None:
        return _kind(context.data_dir)
    missing, damaged = mimic3_demo.flaws(context.cache / mimic3_demo.FOLDER, manifest)
    if not missing and not damaged:
        return "demo"
    reason = "offline mode forbids it"
    if not context.offline:
        try:
            first = manifest.files[0]
            probe(manifest.url(first), sha256=first.sha256, seconds=patience, hint=mimic3_demo.HINT)
            mimic3_demo.obtain(context, manifest)
            return "demo"
        except UnreachableError as error:
            reason = error.message
    if damaged:
        raise DataError(
            f"the MIMIC-III demo in the cache is damaged ({some_names(damaged)}) and was not fetched again: {reason}",
            mimic3_demo.HINT,
        )
    context.warn(
        f"the open MIMIC-III demo could not be fetched ({reason}), so a simulated intensive care unit is used: no "
        "claim about patients can rest on these numbers"
    )
    return "synthetic"


def _kind(folder: Path) -> str:
    """Return the source that reads the user's own folder; of one that holds neither kind, the one that explains it."""
    try:
        find_tables(folder, lambda message: None)
        return "clinical"
    except DataError:
        pass
    try:
        events = any(path.name.lower().startswith("chartevents.csv") for path in folder.iterdir())
        return "waveforms" if not events and next(folder.rglob("*.hea"), None) is not None else "clinical"
    except OSError:
        return "clinical"


def _resolve(context: SourceContext) -> str:
    return choose(context, mimic3_demo.published())


def _chosen(context: SourceContext) -> Source:
    """Return the source that this one resolves to."""
    source: Source = importlib.import_module(f"lnncmp.sources.mimic3.{_resolve(context)}").SOURCE
    return source


def _load(context: SourceContext) -> list[Recording]:
    return _chosen(context).load(context)


def _attrition(context: SourceContext) -> Sequence[AttritionStep]:
    counted = _chosen(context).attrition
    return () if counted is None else counted(context)


def _fetch(context: SourceContext) -> Path:
    source = _chosen(context)
    return context.cache if source.fetch is None else source.fetch(context)


SOURCE = Source(
    name="auto",
    summary="Your own data if --data names them, else the open MIMIC-III demo, else a simulated intensive care unit.",
    card="mimic3",
    version=1,
    load=_load,
    fetch=_fetch,
    attrition=_attrition,
    resolve=_resolve,
)
