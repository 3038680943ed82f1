"""A second entry of a kernel, for calls without the interpreter: it reads its arguments from memory.

A call is written down once, as words of 64 bits: of a number the number, of an array its address and how many elements
it has, of a tuple its parts one after the other. What the kernel returns are arrays of its own; their content is
copied to the arrays that the words after the arguments name, which have the same sizes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.types.containers import BaseTuple
from numba.np.arrayobj import get_itemsize, populate_array

SUFFIX = ".from_memory"
_WORD, _CODE = ir.IntType(64), ir.IntType(32)
KIND = ir.FunctionType(_CODE, [_WORD.as_pointer()])
"""Of the entry: takes the words, returns 0 unless the kernel failed."""


def _is_array(kind: Any) -> bool:
    return isinstance(kind, types.Array) and kind.ndim == 1 and kind.layout == "C"


def _can_read(kind: Any) -> bool:
    if isinstance(kind, BaseTuple):
        return all(map(_can_read, kind))
    return _is_array(kind) or isinstance(kind, types.Integer | types.Float | types.Boolean)


def _can_return(kind: Any) -> bool:
    if isinstance(kind, BaseTuple):
        return all(map(_can_return, kind))
    return _is_array(kind) or kind == types.none


class _Words:
    """Reads one word after the other."""

    def __init__(self, context: Any, builder: Any, pointer: Any) -> None:
        self.context, self.builder, self.pointer, self.read = context, builder, pointer, 0

    def next(self) -> Any:
        place = self.builder.gep(self.pointer, [ir.Constant(_WORD, self.read)])
        self.read += 1
        return self.builder.load(place)

    def value(self, kind: Any) -> Any:
        """Return the value of a type that the next words are."""
        if isinstance(kind, BaseTuple):
            return self.context.make_tuple(self.builder, kind, [self.value(own) for own in kind])
        if _is_array(kind):
            return self._array(kind)
        wanted = self.context.get_value_type(kind)
        if isinstance(kind, types.Float):
            number = self.builder.bitcast(self.next(), ir.DoubleType())
            return number if wanted == number.type else self.builder.fptrunc(number, wanted)
        return self.builder.trunc(self.next(), wanted) if wanted != _WORD else self.next()

    def _array(self, kind: Any) -> Any:
        made = self.context.make_array(kind)(self.context, self.builder)
        data, length = self.builder.inttoptr(self.next(), made.data.type), self.next()
        size = ir.Constant(_WORD, get_itemsize(self.context, kind))
        populate_array(made, data=data, shape=[length], strides=[size], itemsize=size, meminfo=None)
        return made._getvalue()

    def keep(self, kind: Any, value: Any) -> None:
        """Copy the arrays of a value to where the next words say."""
        if isinstance(kind, BaseTuple):
            for place, own in enumerate(kind):
                self.keep(own, self.builder.extract_value(value, place))
        elif _is_array(kind):
            made = self.context.make_array(kind)(self.context, self.builder, value)
            bytes_of = ir.IntType(8).as_pointer()
            into, _ = self.builder.inttoptr(self.next(), bytes_of), self.next()
            length = self.builder.mul(made.nitems, made.itemsize)
            move = self.builder.module.declare_intrinsic("llvm.memmove", [bytes_of, bytes_of, _WORD])
            source = self.builder.bitcast(made.data, bytes_of)
            self.builder.call(move, [into, source, length, ir.Constant(ir.IntType(1), 0)])


def add_entry(context: Any, library: Any, described: Any) -> None:
    """Add the entry to the library of a kernel; none if it takes or returns anything else than is said above."""
    takes, gives = described.argtypes, described.restype
    if not all(map(_can_read, takes)) or not _can_return(gives):
        return
    module = context.create_module("from_memory")
    kernel_kind = context.call_conv.get_function_type(gives, takes)
    kernel = ir.Function(module, kernel_kind, described.llvm_func_name)
    entry = ir.Function(module, KIND, described.llvm_func_name + SUFFIX)
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    words = _Words(context, builder, entry.args[0])
    given = [words.value(kind) for kind in takes]
    status, made = context.call_conv.call_function(builder, kernel, gives, takes, given, attrs=("noinline",))
    with builder.if_then(status.is_error, likely=False):
        builder.ret(ir.Constant(_CODE, 1))
    words.keep(gives, made)
    if gives != types.none:
        context.nrt.decref(builder, gives, made)
    builder.ret(ir.Constant(_CODE, 0))
    library.add_ir_module(module)


def address(compiled: Any) -> int:
    """Return where the entry of a compiled kernel is, 0 if it has none."""
    found: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name + SUFFIX)
    return found


def words_of(value: Any) -> Iterator[int]:
    """Give the words of a value. Raises TypeError for what is none of the things above."""
    if isinstance(value, tuple):
        for own in value:
            yield from words_of(own)
    elif isinstance(value, np.ndarray):
        yield value.ctypes.data
        yield value.size
    elif isinstance(value, bool | int | np.integer | np.bool_):
        yield int(value)
    elif isinstance(value, float | np.floating):
        yield int(np.float64(value).view(np.int64))
    elif value is not None:
        raise TypeError(f"a kernel cannot be given a {type(value).__name__} from memory")
