"""The options that say where runs are carried out, shared by the commands that make runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import typer

from lnncmp.cli import complete
from lnncmp.cli.options import check_choice
from lnncmp.common.cores import available_cores
from lnncmp.runs.executors.base import Choice, executor_names
from lnncmp.runs.limits import limits_of
from lnncmp.runs.ready import Request, StudyListener

LOCAL = Choice().name

Name = Annotated[
    str,
    typer.Option(
        metavar="|".join(executor_names()),
        help="Where runs are made: on this machine, or by a Ray cluster (docs/scaling.md).",
        autocompletion=complete.one_of(lambda ctx: executor_names()),
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        metavar="auto|HOST:PORT",
        help="The running Ray cluster to join (default: one is started for this command).",
        autocompletion=complete.one_of(("auto",)),
    ),
]

TimeLimit = Annotated[
    float | None,
    typer.Option(
        "--time-limit", metavar="MINUTES", help="Stop a run that finishes no epoch for this long (default: 60)."
    ),
]
MemoryLimit = Annotated[
    float | None,
    typer.Option("--memory-limit", metavar="GB", help="Stop runs whose process takes more memory (default: none)."),
]


def chosen_executor(
    name: str, address: str | None, jobs: int | None, minutes: float | None, gigabytes: float | None
) -> Choice:
    """Return what the options ask for. Raises UsageError for an unknown name and impossible limits."""
    check_choice("executor", name, executor_names())
    return Choice(name, jobs, address, available_cores(), limits_of(minutes, gigabytes))


def jobs_here(choice: Choice) -> int:
    """Return the number of processes on this machine: `--jobs`, which counts tasks elsewhere with another executor."""
    jobs = choice.jobs or choice.cores
    return jobs if choice.name == LOCAL else min(jobs, choice.cores)


@contextmanager
def carried_out_by(choice: Choice, request: Request, listener: StudyListener) -> Iterator[Request]:
    """Give the request with the chosen executor, ready to work, and end that afterwards."""
    if choice.name != LOCAL:
        listener.doing(f"starting {choice.name}" if choice.address is None else f"joining {choice.address}")
    with choice.started() as executor:
        listener.doing("")
        yield replace(request, executor=executor)
