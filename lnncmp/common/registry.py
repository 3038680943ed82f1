"""Registry by folder: the members of a package are its modules, and what installed packages add; imported on demand."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from lnncmp.common.files import share_dir
from lnncmp.common.plugins import Plugin, PluginError, plugins
from lnncmp.errors import unknown_name

Member = TypeVar("Member")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def own_names(package: ModuleType) -> list[str]:
    """Return the names of lnncmp's own members of `package`: its public modules other than `base`, sorted."""
    return list(_names_in(tuple(package.__path__)))


@lru_cache
def _names_in(folders: tuple[str, ...]) -> tuple[str, ...]:
    found = (module.name for module in pkgutil.iter_modules(folders))
    return tuple(sorted(name for name in found if name != "base" and not name.startswith("_")))


def member_names(package: ModuleType) -> list[str]:
    """Return the names of all members of `package`, those of installed packages among them, sorted; imports none."""
    return sorted({*own_names(package), *added(package)})


def added(package: ModuleType) -> dict[str, Plugin]:
    """Return the members that installed packages add to `package`, by name; those of `refused` are left out."""
    return {name: one for name, (one, *_) in plugins(package.__name__).items() if not _objection(package, name)}


def refused(package: ModuleType) -> dict[str, str]:
    """Return for each member of an installed package that lnncmp does not take why not: one sentence, by name."""
    found = {name: _objection(package, name) for name in plugins(package.__name__)}
    return {name: objection for name, objection in found.items() if objection}


def _objection(package: ModuleType, name: str) -> str:
    """Return why a member that is offered under `name` is not taken, "" if it is. lnncmp's own members win."""
    first, *others = plugins(package.__name__)[name]
    if others:
        return f"{first.words} is not used: {' and '.join(one.package for one in others)} offers one of that name, too"
    if not all(_NAME.fullmatch(part) for part in name.split(".")):
        return f"{first.words} is not used: a name has small letters, digits, _ and - only"
    if name in own_names(package):
        return f"{first.words} is not used: lnncmp has one of that name itself"
    if name in getattr(package, "RESERVED", ()):
        return f"{first.words} is not used: lnncmp has a command of that name"
    return ""


def load_member(package: ModuleType, name: str, attribute: str, kind: str, form: type[Member]) -> Member:
    """Import the member `name` of `package` and return its `attribute`, a `form`.

    Raises UsageError with the nearest match if there is no such member, `kind` naming it in the message; PluginError if
    an installed package offers it and it cannot be used.
    """
    if name in own_names(package):
        found: Member = getattr(importlib.import_module(f"{package.__name__}.{name}"), attribute)
        return found
    plugin = added(package).get(name)
    if plugin is not None:
        return plugin.load(attribute, form)
    if name in refused(package):
        raise PluginError(refused(package)[name])
    raise unknown_name(kind, name, member_names(package))


def usable(names: Iterable[str], load: Callable[[str], Member], warn: Callable[[str], None]) -> dict[str, Member]:
    """Return the members of these names by name; warn of those of packages that cannot be used, and leave them out."""
    found = {}
    for name in names:
        try:
            found[name] = load(name)
        except PluginError as error:
            warn(error.message)
    return found


def origin(package: ModuleType, name: str) -> dict[str, str]:
    """Return the installed package that a member comes from, with its version; empty for one of lnncmp's own."""
    plugin = added(package).get(name)
    return {} if plugin is None else {plugin.package: plugin.version}


def share_of(package: ModuleType, name: str, kind: str) -> Path | None:
    """Return the folder `kind` ("recipes", "datasets") that belongs to a member: lnncmp's, or that of its package."""
    plugin = added(package).get(name)
    return share_dir(kind) if plugin is None else plugin.folder(kind)
