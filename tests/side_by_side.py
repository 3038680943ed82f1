"""What workers of pytest-xdist, which run the files of tests side by side, share and what each has for itself."""

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

_LONG = (
    "test_kernel_cache",
    "test_runs_interrupted",
    "test_runs_failures",
    "test_runs_reproducible",
    "test_bench_run",
    "test_runs_storage",
    "test_cli_sine",
    "test_figures_command",
    "test_cli_mimic3",
    "test_cli_output",
    "test_kernels_ltc",
    "test_kernel_check",
    "test_cells_recurrent",
    "test_cells_wiring",
)
"""Files of tests that take more than ten seconds of a processor, the longest first."""
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def is_worker() -> bool:
    """Tell whether this process is one of several that run tests."""
    return "PYTEST_XDIST_WORKER" in os.environ


def one_thread_each() -> None:
    """Let processes that are started from now on compute with one thread, unless they are told otherwise."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")


def slowest_first(items: list[pytest.Item]) -> None:
    """Put the tests of files that take long before all others; within a file the order remains."""
    rank = {name: place for place, name in enumerate(_LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


class SharedFolders:
    """Folders that the first worker to ask makes while the others wait."""

    def __init__(self, base: Path) -> None:
        self.base = base

    def get(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return the folder `name`; `make` has filled it, here or in another worker. It is not to be changed."""
        folder, done = self.base / name, self.base / f"{name}.done"
        with FileLock(self.base / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what a worker left that failed to make it
                folder.mkdir()
                make(folder)
                done.touch()
        return folder


def share_compilations(locks: Path) -> None:
    """Let this worker wait while another one compiles a kernel that it needs too, and load it then."""
    from lnncmp.kernels.common.code_cache import CodeCache
    from lnncmp.kernels.common.compiling import cache_folder

    load, save, compiling = CodeCache.load_overload, CodeCache.save_overload, {}

    def load_or_claim(self, sig, target_context):
        found = load(self, sig, target_context)
        path = self.path(sig, target_context.codegen())
        if found is not None or path.parent != cache_folder():
            return found
        with ExitStack() as held:
            try:
                held.enter_context(FileLock(locks / f"{path.name}.lock", timeout=120))
            except Timeout:  # who compiles it never came to an end
                return None
            found = load(self, sig, target_context)
            if found is None:
                compiling[path] = held.pop_all()
        return found

    def save_and_release(self, sig, data):
        save(self, sig, data)
        compiling.pop(self.path(sig, data.codegen), ExitStack()).close()

    CodeCache.load_overload, CodeCache.save_overload = load_or_claim, save_and_release
