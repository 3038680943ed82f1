"""What processes of tests of the bench do: it has to be importable there."""

import os
import sys

import torch

from lnncmp.errors import UsageError


def answer(tell, value):
    tell("working", 1, 2)
    return value, torch.get_num_threads(), os.environ.get("LNNCMP_KERNEL_CACHE"), os.getpid()


def refuse(tell):
    raise UsageError("this is refused", "Do something else.")


def fail(tell):
    raise RuntimeError("something\nbroke")


def die(tell, *args):
    os._exit(7)


def loaded(tell):
    """Return which heavy modules are there before any kernel ran."""
    import lnncmp.bench.memory  # noqa: F401

    return [name for name in ("numba", "lnncmp.kernels.common.compiling") if name in sys.modules]
