"""The available intensive care data: the user's own copy, else open patient data, else a simulated unit.

Open are the PhysioNet Challenge 2012 (thousands of patients) and the demo of MIMIC-III (a hundred). Delivers nothing
itself: `resolve` names the source to use. It falls back only if PhysioNet cannot be reached, and says so; data that
exist but are wrong are an error. The data card is `datasets/mimic3/auto.md`.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.errors import DataError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.download.fetch import UnreachableError, probe
from lnncmp.sources.download.manifest import some_names
from lnncmp.sources.mimic3 import challenge2012, demo
from lnncmp.sources.mimic3.challenge2012.copies import looks_like
from lnncmp.sources.mimic3.extraction.tables import find_tables
from lnncmp.sources.mimic3.published import Manifest, Published
from lnncmp.sources.mimic3.waveforms.header import is_header

PATIENCE = 8.0
"""Seconds that PhysioNet has for a first answer."""


@dataclass(frozen=True)
class Open:
    """Open data that can be had: the source that reads them, and what has to be in the cache for it."""

    source: str
    data: Published
    manifest: Manifest


def choose(context: SourceContext, known: Sequence[Open], patience: float = PATIENCE) -> str:
    """Return the source of the user's own folder; else the first of `known` that can be had, else "synthetic".

    What is needed and missing is fetched. PhysioNet is not asked again once it has not answered.
    patience: seconds within which the first, small file of a manifest must arrive.
    Raises DataError if what is in the cache or what PhysioNet sends is not what was published.
    """
    if context.data_dir is not None:
        return _kind(context.data_dir)
    silent = "offline mode forbids it" if context.offline else ""
    passed: list[str] = []
    for one in known:
        missing, damaged = one.data.flaws(context.cache, one.manifest)
        there = not missing and not damaged
        if not there and not silent:
            silent = _why_not_fetched(context, one, patience)
            there = not silent
        if there:
            if passed:
                context.warn(f"{' and '.join(passed)} could not be fetched ({silent}), so the {one.data.title} is used")
            return one.source
        if damaged:
            raise DataError(
                f"the {one.data.title} in the cache is damaged ({some_names(damaged)}) and was not fetched again: "
                f"{silent}",
                one.data.hint,
            )
        passed.append(f"the {one.data.title}")
    context.warn(
        f"{' and '.join(passed)} could not be fetched ({silent}), so a simulated intensive care unit is used: no claim "
        "about patients can rest on these numbers"
    )
    return "synthetic"


def _why_not_fetched(context: SourceContext, one: Open, patience: float) -> str:
    """Fetch the data and return an empty text; if PhysioNet does not answer, say so. Raises DataError."""
    first = one.manifest.files[0]
    try:
        probe(one.manifest.url(first), sha256=first.sha256, seconds=patience, hint=one.data.hint)
        one.data.obtain(context, one.manifest)
    except UnreachableError as error:
        return error.message
    return ""


def _kind(data: Path) -> str:
    """Return the source that reads the user's own folder or archive; if none does, the one that explains."""
    try:
        find_tables(data, lambda message: None)
        return "clinical"
    except DataError:
        pass
    try:
        if data.is_dir() and any(path.name.lower().startswith("chartevents.csv") for path in data.iterdir()):
            return "clinical"
        if looks_like(data):
            return "challenge2012"
        return "waveforms" if any(is_header(path.name) for path in data.rglob("*")) else "clinical"
    except OSError:
        return "clinical"


def _resolve(context: SourceContext) -> str:
    sets = challenge2012.of_sets(challenge2012.published(), challenge2012.asked_sets(context))
    return choose(
        context,
        (
            Open("challenge2012", challenge2012.CHALLENGE, sets),
            Open("demo", demo.DEMO, demo.published()),
        ),
    )


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
    summary="Your own data (--data), else the open PhysioNet Challenge 2012 or MIMIC-III demo, else a simulation.",
    card="mimic3",
    version=1,
    load=_load,
    fetch=_fetch,
    attrition=_attrition,
    resolve=_resolve,
)
