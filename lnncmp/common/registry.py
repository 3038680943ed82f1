"""Registry by folder: the members of a package are its modules, imported on demand."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from lnncmp.errors import unknown_name


def member_names(package: ModuleType) -> list[str]:
    """Return the names of the members of `package`: its public modules other than `base`, sorted."""
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in found if name != "base" and not name.startswith("_"))


def load_member(package: ModuleType, name: str, attribute: str, kind: str) -> Any:
    """Import the member `name` of `package` and return its `attribute`.

    Raises UsageError with the nearest match if there is no such member; `kind` names it in the message.
    """
    if name not in member_names(package):
        raise unknown_name(kind, name, member_names(package))
    return getattr(importlib.import_module(f"{package.__name__}.{name}"), attribute)
