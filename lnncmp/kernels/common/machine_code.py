"""Self-contained machine code of a kernel: nothing in it is shared with the code of another kernel.

Numba links every function that a kernel calls into the kernel's object file, as a weak symbol: when two object files
are loaded, the linker keeps the first of two symbols with one name and both kernels call it. The names are unique only
within the process that compiled them (Numba disambiguates functions of one qualified name and type by a counter that
starts anew in each process), so kernels compiled by different processes could run each other's code. Here every such
function becomes local to its kernel, Numba's own functions included.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from numba.core.compiler import Compiler

from lnncmp.kernels.common.entry import add_entry

SHARED = ("linkonce_odr", "linkonce_any", "weak_odr", "weak_any")
"""Kinds of linkage by which definitions of one name in several object files count as one."""


def _make_local(module: Any) -> None:
    """Hide every function and constant of an LLVM module that the linker would merge with others of its name."""
    local = llvm.Linkage.internal
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.linkage.name in SHARED:
            value.linkage = local


class StandaloneCompiler(Compiler):
    """Numba's compiler, whose result shares no function with other object files and has an entry from memory."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile `func`; what is linked into it is optimised with it and then made local."""
        library = self.state.targetctx.codegen().create_library(func.__qualname__)
        library.enable_object_caching()
        optimize = library._optimize_final_module

        def optimize_and_hide() -> None:
            optimize()
            _make_local(library._final_module)

        library._optimize_final_module = optimize_and_hide
        self.state.library = library
        context = self.state.targetctx  # a copy for this kernel alone
        wrap = context.create_cpython_wrapper

        def wrap_and_enter(library: Any, described: Any, *rest: Any, **options: Any) -> None:
            wrap(library, described, *rest, **options)
            add_entry(context, library, described)

        context.create_cpython_wrapper = wrap_and_enter
        return super().compile_extra(func)
