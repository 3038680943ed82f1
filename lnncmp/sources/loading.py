"""From what a case names as a source to the source and its data card.

A case names a module under lnncmp/sources, or `module:ATTRIBUTE` of any package; `ADDED` and the name of an entry point
stand for a source that an installed package adds to a case.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path

from lnncmp import sources
from lnncmp.common.files import share_dir
from lnncmp.common.plugins import PluginError, load_reference, package_folder
from lnncmp.common.registry import added, load_member, origin, share_of
from lnncmp.errors import DataError
from lnncmp.sources.base import Source

ADDED = "@"


def with_added(case: str, own: Mapping[str, str]) -> Mapping[str, str]:
    """Return the sources of a case by name, its own first, then those of entry points named `CASE.SOURCE`."""
    more = {name: ADDED + entry for entry, name in _added_to(case).items() if name not in own}
    return {**own, **more} if more else own


def overruled(case: str, known: Mapping[str, str]) -> list[str]:
    """Return a sentence for each added source whose name the case has itself. known: as `with_added` returns them."""
    return [
        f"{added(sources)[entry].words} is not used: {case} has a source of that name itself"
        for entry, name in _added_to(case).items()
        if known.get(name) != ADDED + entry
    ]


def without_case(cases: list[str]) -> list[str]:
    """Return a sentence for each added source whose entry point does not begin with the name of a case."""
    return [
        f"{one.words} is not used: its name should be CASE.SOURCE, with one of the cases {', '.join(cases)}"
        for entry, one in added(sources).items()
        if entry.partition(".")[0] not in cases or not entry.partition(".")[2]
    ]


def _added_to(case: str) -> dict[str, str]:
    """Return the names of the sources that packages add to a case, by entry point."""
    split = {entry: entry.partition(".") for entry in added(sources)}
    return {entry: name for entry, (first, _, name) in split.items() if first == case and name}


def load(reference: str) -> Source:
    """Return the source that a case names so. Raises PluginError if it is of another package and cannot be used."""
    if reference.startswith(ADDED):
        return load_member(sources, reference.removeprefix(ADDED), "SOURCE", "source", Source)
    if ":" not in reference:
        own: Source = importlib.import_module(f"lnncmp.sources.{reference}").SOURCE
        return own
    found = load_reference(reference, "SOURCE", Source)
    if isinstance(found, str):
        raise PluginError(f"the source {reference} cannot be used: {found}")
    return found


def package_of(reference: str) -> dict[str, str]:
    """Return the installed package that adds a source to a case, with its version; empty for a source of the case."""
    return origin(sources, reference.removeprefix(ADDED)) if reference.startswith(ADDED) else {}


def card_of(reference: str, source: Source) -> str:
    """Return the data card of a source. Raises DataError if the package that it comes from has none."""
    if reference.startswith(ADDED):
        folder = share_of(sources, reference.removeprefix(ADDED), "datasets")
    else:
        folder = package_folder(reference, "datasets") if ":" in reference else share_dir("datasets")
    path = Path(source.card) / f"{source.name}.md"
    if folder is None or not (folder / path).is_file():
        raise DataError(
            f"the source {source.name} has no data card: its package lacks the file datasets/{path}",
            f"What it says of itself: {source.summary}",
        )
    return (folder / path).read_text(encoding="utf-8")
