"""Work with torch in an isolated process."""

from collections.abc import Mapping
from typing import Any

from lnncmp.common import process
from lnncmp.common.process import Tell, Work

_LOADED_BEFORE = ("torch", "torch._dynamo", "ncps.torch", "lnncmp.bench.memory")
"""torch._dynamo is loaded by every optimiser. No kernel is preloaded: its compiler is part of its first call."""


def in_fresh_process(work: Work, *args: Any, tell: Tell, threads: int, environment: Mapping[str, str]) -> Any:
    """Return work(tell, *args) as computed by a new process with `threads` threads of torch.

    Otherwise as in `lnncmp.common.process`; the environment is complete before a kernel is loaded.
    """
    return process.in_fresh_process(
        _work,
        threads,
        work,
        *args,
        tell=tell,
        hint="measure a smaller workload.",
        environment=environment,
        preload=_LOADED_BEFORE,
    )


def _work(tell: Tell, threads: int, work: Work, *args: Any) -> Any:
    import torch

    torch.set_num_threads(threads)
    return work(tell, *args)
