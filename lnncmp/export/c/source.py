"""The whole C file: a comment that says all that a reader needs, the interface, constants, helpers and the step."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from lnncmp.data.encoding import Quantity
from lnncmp.export.c.statements import Translator
from lnncmp.export.counts import count
from lnncmp.export.network import PortableNetwork, named
from lnncmp.export.program import Program

_WIDTH = 110


@dataclass(frozen=True)
class Source:
    """A C file: its text, and the bytes of its constants (read-only memory) and of its state struct."""

    text: str
    constant_bytes: int
    state_bytes: int


def write_source(network: PortableNetwork, program: Program, prefix: str, int8: bool) -> Source:
    """Return the C99 file of a network whose functions are called PREFIX_reset and PREFIX_step.

    Raises UsageError if it has too many constants, or some that are not finite in float32.
    """
    translator = Translator(program, prefix, int8)
    body = translator.body()
    arrays = translator.arrays
    state_bytes = 4 * sum(program.sizes[name] for name in (*program.states, *program.scratch))
    comment = _comment(network, program, prefix, int8, (arrays.bytes, state_bytes))
    parts = [
        comment,
        _interface(program, prefix),
        f"#ifndef {prefix.upper()}_DECLARE_ONLY\n\n#include <math.h>",
        *arrays.declarations,
        *translator.helpers(),
        _reset(program, prefix),
        _step(prefix, body),
        f"#endif /* {prefix.upper()}_DECLARE_ONLY */",
    ]
    return Source("\n\n".join(parts) + "\n", arrays.bytes, state_bytes)


def _interface(program: Program, prefix: str) -> str:
    fields = [f"    float {name}[{program.sizes[name]}];" for name in program.states]
    scratch = [f"    float {name}[{program.sizes[name]}];" for name in program.scratch]
    upper = prefix.upper()
    return "\n".join(
        [
            f"#ifndef {upper}_INTERFACE\n#define {upper}_INTERFACE",
            "#include <stdint.h>\n",
            f"#define {upper}_INPUTS {program.inputs}\n#define {upper}_OUTPUTS {program.outputs}\n",
            "typedef struct {",
            "    /* kept from step to step */",
            *fields,
            *(["    /* scratch of one step: needs no value, here to spare the stack */", *scratch] if scratch else []),
            f"}} {prefix}_state;\n",
            f"void {prefix}_reset({prefix}_state *s);",
            f"void {prefix}_step({prefix}_state *s, const float *x, float dt, float *y);",
            f"#endif /* {upper}_INTERFACE */",
        ]
    )


def _reset(program: Program, prefix: str) -> str:
    lines = [
        f"for (int i = 0; i < {program.sizes[name]}; i++)\n        s->{name}[i] = 0.0f;" for name in program.states
    ]
    return f"void {prefix}_reset({prefix}_state *s)\n{{\n    " + "\n    ".join(lines) + "\n}"


def _step(prefix: str, body: list[str]) -> str:
    text = "\n".join(f"    {line}" for line in body)
    unused = "" if re.search(r"\bdt\b", text) else "    (void)dt;\n"
    return f"void {prefix}_step({prefix}_state *s, const float *x, float dt, float *y)\n{{\n{unused}{text}\n}}"


def _comment(network: PortableNetwork, program: Program, prefix: str, int8: bool, sizes: tuple[int, int]) -> str:
    lines = list(_sentences(network, program, prefix, int8, sizes))
    wrapped = [part for line in lines for part in _wrap(printable(line))]
    return "/*\n" + "\n".join(f" * {line}".rstrip() for line in wrapped) + "\n */"


def _wrap(line: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, subsequent_indent="    ", drop_whitespace=True) or [""]


def _sentences(
    network: PortableNetwork, program: Program, prefix: str, int8: bool, sizes: tuple[int, int]
) -> Iterator[str]:
    """Yield the lines of the comment."""
    operations = count(program)
    yield "A trained recurrent network, written by lnncmp export. C99; needs nothing but expf of the C library (-lm)."
    yield ""
    yield from (f"{name}: {text}" for name, text in network.about.items())
    yield f"Shape: {program.inputs} inputs, {program.outputs} outputs, " + ", ".join(
        f"state {name} of {program.sizes[name]}" for name in program.states
    )
    yield (
        f"Memory: {sizes[0]} bytes of constants ({'int8 weights with a float scale for each row' if int8 else 'float'}"
        f"), {sizes[1]} bytes in {prefix}_state, none allocated"
    )
    yield (
        f"One step: {operations.multiply_adds} multiply-adds, {operations.exponentials} exponentials, "
        f"{operations.divisions} divisions, {operations.elementwise} other operations"
    )
    yield ""
    yield f"{prefix}_reset(s) before the first step of a sequence; then {prefix}_step(s, x, dt, y) at each observation."
    if network.withholds_time:
        yield "dt is not read: this network was trained with every elapsed time set to 1."
    else:
        yield f"dt is the time since the previous step; its unit is {network.step_unit or 'that of training'}."
    yield "x, in raw units (scaled within):"
    yield from _listed(network.features, network.input_scaler.mean)
    yield from network.notes or ("Where an input is not known, give the mean in parentheses.",)
    yield "y, in raw units (unscaled within):"
    yield from _listed(network.targets, None)
    yield f"#define {prefix.upper()}_DECLARE_ONLY before including this file elsewhere: then it is the interface alone."


def _listed(quantities: tuple[Quantity, ...], means: object) -> Iterator[str]:
    for k, one in enumerate(quantities):
        mean = f" (mean {float(means[k]):.6g})" if means is not None else ""  # type: ignore[index]
        yield f"    [{k}] {named(one)}{mean}"


def printable(text: str) -> str:
    """Return text that is safe in a comment of C: ASCII, no ends or starts of comments, no trigraphs."""
    ascii_only = "".join(c if " " <= c <= "~" else "_" for c in text)
    return ascii_only.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").replace("\\", "/")
