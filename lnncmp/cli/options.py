"""Options that several commands share, declared once, and how their texts become values."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lnncmp.errors import UsageError, unknown_name
from lnncmp.report.tables.render import FORMATS

MATCHES = ("hidden", "params", "own")
IMPLEMENTATIONS = ("auto", "fused", "loop")
MAX_SEEDS = 1000
RESULTS = Path("lnncmp-results")
"""The folder of records unless `--out` names another."""


def available_cores() -> int:
    """Return how many processor cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


Preset = Annotated[str, typer.Option(help="Recipe to follow: quick, standard or paper.")]
Models = Annotated[str | None, typer.Option(help="Comma-separated models, in place of the recipe's, e.g. ltc,lstm.")]
Seeds = Annotated[str | None, typer.Option(help="How many seeds (10), or which: 0-4 or 0,3,7.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe, e.g. train.epochs=5. Repeatable."),
]
Matching = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(MATCHES), help="Equal hidden units, equal active parameters, or each model's own size."
    ),
]
SourceName = Annotated[str | None, typer.Option("--source", help="Where the data come from; never mixed in one table.")]
DataDir = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Folder with your own copy of the data.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or cuda:N.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Torch threads of each process (recipe: 1).")]
Implementation = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(IMPLEMENTATIONS), help="Fused kernels, plain PyTorch, or auto: kernels where they run."
    ),
]
Stack = Annotated[
    int | None,
    typer.Option(min=1, help="Seeds of a model trained in one call; as many as keep all jobs busy if not given."),
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes at once; the number of cores if not given.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder of records and checkpoints.")]
Fresh = Annotated[bool, typer.Option("--fresh/--resume", help="Forget this study's stored runs and run them again.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and an estimate, train nothing.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never touch the network.")]
Deterministic = Annotated[bool, typer.Option("--deterministic", help="Refuse kernels that are not deterministic.")]
OutputFormat = Annotated[str, typer.Option("--format", metavar="|".join(FORMATS), help="How to print the result.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on standard error but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also print the resolved recipe and its assumptions.")]


def check_choice(kind: str, given: str | None, known: Sequence[str]) -> None:
    """Raise UsageError with the nearest match unless `given` is one of `known` or None."""
    if given is not None and given not in known:
        raise unknown_name(kind, given, known)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds that `10` (ten of them), `0-4` or `0,3,7` mean. Raises UsageError.

    >>> parse_seeds("3"), parse_seeds("2-4"), parse_seeds("0,7")
    ((0, 1, 2), (2, 3, 4), (0, 7))
    """
    seeds: Sequence[int]
    try:
        if "-" in text:
            first, last = (int(part) for part in text.split("-"))
            seeds = range(first, last + 1)
        elif "," in text:
            seeds = [int(part) for part in text.split(",") if part.strip()]
        else:
            seeds = range(int(text))
    except ValueError:
        seeds = ()
    if len(seeds[: MAX_SEEDS + 1]) > MAX_SEEDS:
        raise UsageError(f"--seeds '{text}' asks for more than {MAX_SEEDS} seeds", "Use fewer.")
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UsageError(f"--seeds takes a number (10), a range (0-4) or a list (0,3,7) of seeds, got '{text}'")
    return tuple(seeds)
