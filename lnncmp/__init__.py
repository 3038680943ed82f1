"""Compare liquid neural networks (LTC, CfC, NCP) with LSTM and GRU, fairly and reproducibly."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("lnncmp")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"

_LAZY = {"accelerate": "lnncmp.torch"}
"""Names that need torch, and where they are: importing lnncmp alone loads nothing."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'lnncmp' has no attribute '{name}'")
    return vars(import_module(_LAZY[name]))[name]
