"""How kernels are compiled and where the machine code is kept.

Numba looks for changes in the file of a compiled function only, not in those that it calls. So the cache has a folder
for each state of all kernel sources: code that is stale is never found. $LNNCMP_KERNEL_CACHE names another place for
these folders than the cache of data.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config, event
from numpy.typing import NDArray

from lnncmp.data.cache import cache_root
from lnncmp.kernels.watch import note_compilation

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
Array = NDArray[Any]
"""An array that a kernel works on: contiguous, 1-D unless said otherwise, float32 or float64 unless said otherwise."""
Arrays = tuple[Array, ...]


@cache
def cache_folder() -> Path:
    """Return the folder of the machine code of these kernel sources, as compiled by this version of Numba."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    chosen = os.environ.get("LNNCMP_KERNEL_CACHE")
    return (Path(chosen) if chosen else cache_root() / "kernels") / digest.hexdigest()[:16]


def kept_on_disk() -> bool:
    """Return whether there is compiled code in the cache: False where its folder cannot be written."""
    return any(cache_folder().rglob("*.nbi"))


class _Watch(event.Listener):
    def on_start(self, event: Any) -> None:
        note_compilation()

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Watch())


_TRIED = "0.68."
"""The version of Numba whose internals `_called` knows."""


def _called(function: Kernel, **options: bool) -> Kernel:
    """Compile a function for calls from compiled code alone.

    Numba would make machine code of each such function by itself and wrappers for calls from Python, and optimise its
    code together with that of all it calls, again at each level of calls: three quarters of the time that a kernel
    takes to compile. So flags are set that Numba itself sets for its own such functions, what it does with a compiled
    function is cut to what callers need, and only kernels, into which all is put, are optimised as a whole. Those are
    internals of Numba, so other versions than the one tried compile as they always do, in twice the time.
    """
    if not numba.__version__.startswith(_TRIED):
        plain: Kernel = numba.njit(nogil=True, error_model="numpy", **options)(function)
        return plain
    compiled: Any = numba.njit(error_model="numpy", **options)(function)

    def without_entry(flags: Any) -> Any:
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        return flags

    def add_overload(result: Any) -> None:
        result = result._replace(entry_point=object())  # callers find the function by this; it only has to be unique
        result.library._optimize_final_module = lambda: None
        compiled.overloads[tuple(result.signature.args)] = result
        compiled.targetctx.insert_user_function(result.entry_point, result.fndesc, [result.library])

    compiled._compiler._customize_flags = without_entry
    compiled.add_overload = add_overload
    called: Kernel = compiled
    return called


def part(function: Kernel) -> Kernel:
    """Compile a function that kernels call; it is kept with its callers."""
    return _called(function)


def lean(function: Kernel) -> Kernel:
    """Compile a function that kernels call and that neither allocates nor returns arrays.

    It does not count references to arrays. Numba does so atomically around every call that takes an array and cannot
    always prove it needless; in a loop over lanes with a branch that took four times as long as the arithmetic.
    """
    return _called(function, _nrt=False)


def inlined(function: Kernel) -> Kernel:
    """Compile a small lean function whose code is put where it is called, so that lanes stay in registers."""
    return _called(function, forceinline=True, _nrt=False)


def kernel(function: Kernel) -> Kernel:
    """Compile a function on its first call for each type of arguments, and keep the code on disk.

    It runs without the interpreter lock. Where the folder cannot be written, nothing is kept.
    """
    compiled: Kernel = _kept(numba.njit(nogil=True, no_cfunc_wrapper=True, error_model="numpy")(function))
    return compiled


def lean_kernel(function: Kernel) -> Kernel:
    """Compile a kernel like `kernel`, one that allocates nothing (see `lean`)."""
    compiled: Kernel = _kept(numba.njit(nogil=True, no_cfunc_wrapper=True, error_model="numpy", _nrt=False)(function))
    return compiled


def _kept(compiled: Any) -> Any:
    """Have a compiled function's machine code kept on disk."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        with suppress(RuntimeError):  # no folder can be written
            compiled.enable_caching()
    finally:
        config.CACHE_DIR = before
    return compiled
