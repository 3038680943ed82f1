"""C99: one self-contained file."""

from lnncmp.export.c.compiler import run_source
from lnncmp.export.c.source import write_source
from lnncmp.export.formats.base import Checked, Choices, Exported, Floats, Format
from lnncmp.export.network import PortableNetwork
from lnncmp.export.program import Program


def write(network: PortableNetwork, program: Program, choices: Choices) -> Exported:
    """Return the C file, called after the prefix of its functions."""
    source = write_source(network, program, choices.name, choices.int8)
    counts = {"bytes of constants": source.constant_bytes, "bytes of state and scratch": source.state_bytes}
    return Exported({f"{choices.name}.c": source.text.encode("ascii")}, counts)


def run(exported: Exported, choices: Choices, x: Floats, dt: Floats) -> Checked:
    """Return what the compiled file computes, its size and its time. Raises DataError without a C compiler."""
    return run_source(exported.files[f"{choices.name}.c"], choices.name, x, dt)


FORMAT = Format("One self-contained C99 file: weights, state, reset and step.", write, run, int8=True)
