"""Compare liquid neural networks (LTC, CfC, NCP) with LSTM and GRU, fairly and reproducibly."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("lnncmp")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"
