"""What goes to the processes that measure, and the raw figures that come back. No torch here."""

from dataclasses import dataclass, field

from lnncmp.bench.contenders import Contender
from lnncmp.bench.limits import Limits
from lnncmp.bench.noise import Noise
from lnncmp.bench.operations import Operations
from lnncmp.bench.timing import Effort, Samples
from lnncmp.bench.workload import Workload


@dataclass(frozen=True)
class Plan:
    """What one process measures: a workload, networks, the `parts` asked for, and how long.

    copies: networks in one call of a stacked training step.
    """

    workload: Workload
    contenders: tuple[Contender, ...]
    parts: frozenset[str]
    effort: Effort = field(default_factory=Effort)
    limits: Limits = field(default_factory=Limits)
    copies: int = 10


@dataclass
class Found:
    """Raw figures of one network, which was `asked` for and ran as `contender`, at `steps` steps.

    samples by what was timed: train, stacked, inference, latency (of one streaming step), optimizer, and
    default_optimizer; saved_bytes and difference as in a row of the result. What was not measured is missing or None.
    """

    contender: Contender
    asked: Contender
    steps: int
    operations: Operations
    difference: float | None = None
    saved_bytes: int | None = None
    samples: dict[str, Samples] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """What one process found, how noisy the machine was, and what is to be told of both."""

    found: list[Found]
    noise: Noise | None
    notes: list[str]
    failed: list[str]


@dataclass(frozen=True)
class Ceilings:
    """flops: operations per second in matrix products, two a multiply-add; sigmoids per second. All threads."""

    flops: float
    sigmoids: float
