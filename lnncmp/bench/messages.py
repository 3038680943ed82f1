"""Messages to the measuring processes, and the raw figures that they return. No torch here."""

from dataclasses import dataclass, field

from lnncmp.bench.candidates import Candidate
from lnncmp.bench.operations import Operations
from lnncmp.bench.timing import Effort, Noise, Samples
from lnncmp.bench.workload import Workload

MEMORY_SHARE = 0.4
"""Fraction of the available memory that a training step may use."""


@dataclass(frozen=True)
class Limits:
    """A training step estimated to take more than `seconds` or `bytes` is measured on fewer steps.

    It then takes at most about `shorter` seconds and no more than `bytes`.
    """

    seconds: float = 8.0
    shorter: float = 2.0
    bytes: float = float("inf")


@dataclass(frozen=True)
class Plan:
    """What one process measures: a workload, candidates, the requested `parts`, and how long.

    copies: networks in one stacked training step.
    """

    workload: Workload
    candidates: tuple[Candidate, ...]
    parts: frozenset[str]
    effort: Effort = field(default_factory=Effort)
    limits: Limits = field(default_factory=Limits)
    copies: int = 10


@dataclass
class Found:
    """Raw figures of one network, requested as `asked` and run as `candidate`, measured on `steps` steps.

    samples: by what was timed: train, stacked, inference, latency (of one streaming step), optimizer,
    default_optimizer. operations: None if they are not counted. saved_bytes, difference: as in `BenchRow`. Anything not
    measured is missing or None.
    """

    candidate: Candidate
    asked: Candidate
    steps: int
    operations: Operations | None
    difference: float | None = None
    saved_bytes: int | None = None
    samples: dict[str, Samples] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """What one process measured, how noisy the machine was, and notes for the user."""

    found: list[Found]
    noise: Noise | None
    notes: list[str]
    failed: list[str]
