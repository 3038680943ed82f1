"""How kernels are compiled and where the machine code is kept.

A function's name in machine code is its qualified name and the types of its arguments; two functions of one name could
be confused. So every compiled function is declared here and has a name of its own.

What a kernel computes depends on the functions that it calls too. So the cache has a folder for each state of all
kernel sources: code that is stale is never found. $LNNCMP_KERNEL_CACHE names another place for these folders than the
cache of data.
"""

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import numba
from numba.core import event
from numpy.typing import NDArray

from lnncmp.common.cache import cache_root, require_own
from lnncmp.errors import UsageError
from lnncmp.kernels.common.code_cache import SUFFIX, CodeCache
from lnncmp.kernels.common.machine_code import StandaloneCompiler
from lnncmp.kernels.common.watch import note_compilation, warn

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
Array = NDArray[Any]
"""An array that a kernel works on: contiguous, 1-D unless said otherwise, float32 or float64 unless said otherwise."""
Arrays = tuple[Array, ...]


@cache
def cache_folder() -> Path:
    """Return the folder of the machine code of these kernel sources, as compiled by these versions of the compiler."""
    versions = numba.__version__, llvmlite.__version__, sys.implementation.cache_tag
    digest = hashlib.sha256(repr(versions).encode())
    here = Path(__file__).parents[1]
    for source in sorted(here.rglob("*.py")):
        digest.update(source.relative_to(here).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return _root() / digest.hexdigest()[:16]


def _root() -> Path:
    """Return the folder of all machine code: this user's own, or a private one for as long as this process lasts."""
    chosen = os.environ.get("LNNCMP_KERNEL_CACHE")
    try:
        if not chosen:
            return cache_root() / "kernels"
        require_own(Path(chosen))
    except UsageError as error:
        private = tempfile.mkdtemp(prefix="lnncmp-kernels-")
        atexit.register(shutil.rmtree, private, ignore_errors=True)
        warn(f"{error.message}; compiled kernels are kept in a private folder until this process ends")
        return Path(private)
    return Path(chosen)


def kept_on_disk() -> bool:
    """Return whether the cache has compiled code: False where its folder cannot be read or written."""
    try:
        return any(path.suffix == SUFFIX for path in cache_folder().iterdir())
    except OSError:
        return False


_declared: set[str] = set()


def _declare(function: Callable[..., Any]) -> None:
    """Keep the name of a function that is compiled. Raises RuntimeError if another one has it already.

    A function that is made inside another one (`f.<locals>.g`) may exist many times under one name; it has to be given
    a `__qualname__` of its own.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    if "<locals>" in name:
        raise RuntimeError(f"compiled function {name} is made inside another one: give it a __qualname__ of its own")
    if name in _declared:
        raise RuntimeError(f"two compiled functions are named {name}: each needs a name of its own")
    _declared.add(name)


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
    _declare(function)
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
    return _kernel(function)


def lean_kernel(function: Kernel) -> Kernel:
    """Compile a kernel like `kernel`, one that allocates nothing (see `lean`)."""
    return _kernel(function, _nrt=False)


def _kernel(function: Kernel, **options: bool) -> Kernel:
    """Have a function compiled for calls from Python, its machine code self-contained and kept on disk."""
    _declare(function)
    if numba.__version__.startswith(_TRIED):
        options |= {"pipeline_class": StandaloneCompiler}  # type: ignore[dict-item]
    compiled: Any = numba.njit(nogil=True, no_cfunc_wrapper=True, error_model="numpy", **options)(function)
    compiled._cache = CodeCache(function, cache_folder())
    made: Kernel = compiled
    return made
