"""The contract of an export format: which files it writes of a program, and how these are checked.

A format is a file `lnncmp/export/formats/<name>.py` that defines `FORMAT = Format(...)`; the file's name is what
`--to` takes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lnncmp.common.registry import load_member, member_names
from lnncmp.export import formats
from lnncmp.export.network import PortableNetwork
from lnncmp.export.program import Program

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Choices:
    """What a user chooses. name: prefix of file and function names. int8: weights as int8, where the format can."""

    name: str = "lnn"
    int8: bool = False


@dataclass(frozen=True)
class Exported:
    """Files by name, and counts worth telling, such as bytes of constants, by what they count."""

    files: Mapping[str, bytes]
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Checked:
    """What a check found.

    outputs: (N, O) in raw units for N steps, by what gave them: step or sequence. facts: further results, such as
    nanoseconds per step, by what they are.
    """

    outputs: Mapping[str, NDArray[np.float64]]
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """One export format.

    summary: one sentence. int8: whether it can write weights as int8.
    write: (network, its program, choices) -> files; raises LnncmpError, writes nothing to disk.
    run: (exported, choices, x (N, I), dt (N,)) -> the outputs of the written files for N steps of one sequence, from
        the raw inputs x; raises DataError if something is missing that it needs to run them.
    """

    summary: str
    write: Callable[[PortableNetwork, Program, Choices], Exported]
    run: Callable[[Exported, Choices, Floats, Floats], Checked]
    int8: bool = False


def format_names() -> list[str]:
    """Return the names of all formats."""
    return member_names(formats)


def load_format(name: str) -> Format:
    """Return the format `name`. Raises UsageError with the nearest match for an unknown name."""
    return load_member(formats, name, "FORMAT", "export format", Format)
