"""Members of installed packages, found by their entry points; none is imported before it is loaded.

A package offers models, cases and sources in the groups `GROUPS`: the name of an entry point is the member's name, its
value `module` or `module:ATTRIBUTE`.
"""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import TypeVar

from lnncmp.errors import UsageError

GROUPS = ("lnncmp.models", "lnncmp.cases", "lnncmp.sources")
"""Groups of entry points, named like the packages of lnncmp to whose members they add."""
Member = TypeVar("Member")


class PluginError(UsageError):
    """A member of an installed package that cannot be used: the message names the package."""


@dataclass(frozen=True)
class Plugin:
    """One member that an installed package offers."""

    entry: EntryPoint
    package: str
    version: str

    @property
    def words(self) -> str:
        """What it is and where it comes from, for sentences."""
        kind = self.entry.group.rpartition(".")[2].removesuffix("s")
        return f"the {kind} '{self.entry.name}' of the package {self.package}"

    def load(self, attribute: str, form: type[Member]) -> Member:
        """Import what the entry point names: an object, or `attribute` of a module. Raises PluginError."""
        found = load_reference(self.entry.value, attribute, form)
        if isinstance(found, str):
            raise PluginError(
                f"{self.words} cannot be used: {found}", f"Mend the package, or remove it: pip uninstall {self.package}"
            )
        return found

    def folder(self, kind: str) -> Path | None:
        """Return the folder "recipes" or "datasets" of the Python package that the member is in, None without one."""
        return package_folder(self.entry.value, kind)


def plugins(group: str) -> Mapping[str, tuple[Plugin, ...]]:
    """Return what installed packages offer in a group, by name; where several offer one name, all of them."""
    found: dict[str, tuple[Plugin, ...]] = {}
    for one in _installed()[0]:
        if one.entry.group == group:
            found[one.entry.name] = (*found.get(one.entry.name, ()), one)
    return found


def unreadable() -> tuple[str, ...]:
    """Return a sentence for each package whose entry points for lnncmp cannot be read."""
    return _installed()[1]


def load_reference(reference: str, attribute: str, form: type[Member]) -> Member | str:
    """Return the object that `module` (its `attribute`) or `module:ATTRIBUTE` names; if it is no `form`, why not."""
    module, _, own = reference.partition(":")
    try:
        found = importlib.import_module(module.strip())
        for name in (own.strip() or attribute).split("."):
            found = getattr(found, name)
    except (Exception, SystemExit) as error:  # whatever a module of somebody else does when it is imported
        reason = " ".join(str(error).split()) or "no message"
        return f"{module.strip()} raises {type(error).__name__}: {reason}"
    if isinstance(found, form):
        return found
    return f"{reference} should be a {form.__name__}, it is a {type(found).__name__}"


def package_folder(reference: str, kind: str) -> Path | None:
    """Return the folder `kind` in the outermost Python package of a reference, None without one. Imports nothing."""
    try:
        spec = importlib.util.find_spec(reference.partition(":")[0].partition(".")[0].strip())
    except (ImportError, ValueError):
        return None
    places = spec.submodule_search_locations if spec is not None else None
    return next((folder for place in places or () if (folder := Path(place) / kind).is_dir()), None)


def forget() -> None:
    """Look for packages again when next asked: one was installed or removed while this process runs."""
    importlib.invalidate_caches()
    _installed.cache_clear()


@cache
def _installed() -> tuple[tuple[Plugin, ...], tuple[str, ...]]:
    """Return all plugins, and a sentence for each package whose entry points cannot be read."""
    found: list[Plugin] = []
    refused: list[str] = []
    known: set[str] = set()
    for package in distributions():
        if "[lnncmp." not in (package.read_text("entry_points.txt") or ""):
            continue
        name = str(package.metadata["Name"] or "without a name")
        if name in known:  # hidden by one that is found earlier
            continue
        known.add(name)
        try:
            found += _offered(package, name)
        except Exception as error:
            refused.append(f"the entry points of the package {name} cannot be read: {' '.join(str(error).split())}")
    return tuple(found), tuple(refused)


def _offered(package: Distribution, name: str) -> Iterator[Plugin]:
    for entry in package.entry_points:
        if entry.group in GROUPS:
            yield Plugin(entry, name, str(package.metadata["Version"] or ""))
