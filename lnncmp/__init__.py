"""Compare liquid neural networks (LTC, CfC, NCP) with LSTM and GRU, fairly and reproducibly."""

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lnncmp.networks.load import load as load

try:
    __version__ = version("lnncmp")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"

_LAZY = {"load": "lnncmp.networks.load"}
"""Names that are imported when they are first asked for, as they need torch, and their modules."""


def __getattr__(name: str) -> Any:
    """Return a name of `_LAZY`."""
    if name not in _LAZY:
        raise AttributeError(f"module 'lnncmp' has no attribute '{name}'")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    """Return the names of the package, those imported later included."""
    return sorted({*globals(), *_LAZY})
