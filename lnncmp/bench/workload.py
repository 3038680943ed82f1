"""Workloads: sizes of a batch and of a network, standard ones and the user's own."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from lnncmp.errors import UsageError, unknown_name

LIMITS = {"batch": 65_536, "steps": 65_536, "inputs": 4_096, "hidden": 4_096, "outputs": 4_096}
"""The largest value of each size; the smallest is 1."""

_EXAMPLE = "for example --workload batch=8,steps=100,inputs=4,hidden=32"


@dataclass(frozen=True)
class Workload:
    """A batch of sequences and the width of the network, with `outputs` values per step, in float32.

    irregular: elapsed times are drawn from U(0.1, 1.9) for every sample and step; otherwise they are all 1.
    """

    name: str
    batch: int
    steps: int
    inputs: int
    hidden: int
    outputs: int
    irregular: bool = False

    def describe(self) -> str:
        """Return the sizes in words."""
        times = "irregular times" if self.irregular else "regular times"
        return (
            f"batch {self.batch}, {self.steps} steps, {self.inputs} inputs, {self.hidden} hidden, "
            f"{self.outputs} outputs, {times}"
        )

    def facts(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


STANDARD = (
    Workload("W1", 64, 64, 17, 64, 17, irregular=True),
    Workload("W2", 16, 32, 1, 16, 1),
    Workload("W3", 32, 512, 17, 128, 17),
)
"""The workloads that are measured by default."""

_SIZES = [field.name for field in fields(Workload) if field.name in LIMITS]


def parse_workload(text: str, name: str) -> Workload:
    """Parse `batch=8,steps=100,inputs=4,hidden=32[,outputs=4][,irregular=yes]`.

    outputs: the same number as inputs if not given. Raises UsageError.

    >>> parse_workload("batch=8,steps=100,inputs=4,hidden=32", "W4").outputs
    4
    """
    given = _parts(text)
    times = given.pop("irregular", "no")
    if times not in ("yes", "no"):
        raise UsageError(f"--workload takes irregular=yes or irregular=no, got irregular={times}")
    sizes = {key: _size(key, value) for key, value in given.items()}
    missing = [key for key in _SIZES if key not in sizes and key != "outputs"]
    if missing:
        raise UsageError(f"--workload '{text}' does not say {', '.join(missing)}", f"Give all sizes, {_EXAMPLE}.")
    sizes.setdefault("outputs", sizes["inputs"])
    return Workload(name, irregular=times == "yes", **sizes)


def _parts(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in text.split(","):
        key, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign:
            raise UsageError(
                f"--workload takes SIZE=NUMBER, separated by commas, got '{part}'", f"Write it {_EXAMPLE}."
            )
        if key not in (*_SIZES, "irregular"):
            raise unknown_name("size of a workload", key, (*_SIZES, "irregular"))
        if key in given:
            raise UsageError(f"--workload '{text}' gives {key} twice")
        given[key] = value
    return given


def _size(key: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= LIMITS[key]:
        raise UsageError(f"{key} of a workload is a whole number from 1 to {LIMITS[key]}, got '{value}'")
    return int(value)


def choose_workloads(names: Sequence[str] | None, given: Sequence[str]) -> list[Workload]:
    """Return the named standard workloads (None: all), then those parsed from `given`, numbered from W4.

    With texts in `given` but no names, only those of the texts. Raises UsageError.
    """
    known = {workload.name: workload for workload in STANDARD}
    if names is None:
        names = [] if given else list(known)
    for name in names:
        if name not in known:
            raise unknown_name("workload", name, known)
    own = [parse_workload(text, f"W{len(STANDARD) + 1 + number}") for number, text in enumerate(given)]
    chosen = [known[name] for name in dict.fromkeys(names)] + own
    if not chosen:
        raise UsageError("no workload to measure", f"Name some of {', '.join(known)}, or give one, {_EXAMPLE}.")
    return chosen
