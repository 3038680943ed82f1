"""`lnncmp doctor`: checks the installation and its kernels, and gives advice on faults."""

import importlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args

import typer

from lnncmp.bench.process import in_fresh_process
from lnncmp.cli.doctor_plugins import plugin_rows
from lnncmp.cli.lists import LIST_FORMATS, ListFormat, print_listing
from lnncmp.cli.options import check_choice
from lnncmp.cli.terminal import note
from lnncmp.common.cache import cache_root
from lnncmp.common.cores import available_cores
from lnncmp.common.files import write_bytes
from lnncmp.common.process import Tell
from lnncmp.common.registry import usable
from lnncmp.errors import LnncmpError
from lnncmp.models.base import load_model, model_names

_PACKAGES = (
    "torch",
    "numba",
    "numpy",
    "scipy",
    "ncps",
    "torchdiffeq",
    "gymnasium",
    "mujoco",
    "pydantic",
    "typer",
    "rich",
)


def doctor(format: ListFormat = "table") -> None:
    """Check packages, processor, cache folder, kernels, and what other packages add. Exit code 1 if one is broken.

    Each model's fused kernels are compared with plain PyTorch; on a new machine they are compiled first, a few seconds
    each.
    """
    check_choice("format", format, LIST_FORMATS)
    rows = [_package(name) for name in _PACKAGES]
    rows.append({"check": "cores", "found": str(available_cores()), "advice": ""})
    rows += [_accelerator(), _cache(), _kernels()]
    rows += _sound_kernels()
    rows += plugin_rows(note)
    print_listing("Doctor", rows, format)
    if any(row["advice"].startswith("Broken") for row in rows):
        raise typer.Exit(1)


def _package(name: str) -> dict[str, str]:
    try:
        found = version(name)
        importlib.import_module(name)
    except (PackageNotFoundError, ImportError, OSError) as error:
        return {"check": name, "found": "no", "advice": f"Broken: {error}. Install lnncmp again."}
    return {"check": name, "found": found, "advice": ""}


def _accelerator() -> dict[str, str]:
    import torch

    if torch.cuda.is_available():
        return {"check": "CUDA", "found": torch.cuda.get_device_name(0), "advice": "Use it with --device cuda."}
    return {"check": "CUDA", "found": "none", "advice": "Runs use the CPU."}


def _kernels() -> dict[str, str]:
    from lnncmp.kernels.common.compiling import cache_folder, kept_on_disk

    advice = "" if kept_on_disk() else "None compiled yet: this takes a few seconds per model, once."
    return {"check": "compiled kernels", "found": str(cache_folder()), "advice": advice}


_Cell = tuple[str, dict[str, Any]]
"""A model and its arguments."""
_Answer = tuple[bool, str]


def _sound_kernels() -> Iterator[dict[str, str]]:
    """Yield for each model, and each of its cell types, whether its kernels agree with plain PyTorch.

    They are checked in another process: a crash of a kernel does not end this one. All in one, since starting it takes
    longer than a check; where it ends early, each in one of its own.
    """
    cells: dict[str, _Cell] = {}
    for name, spec in usable(model_names(), load_model, lambda why: None).items():
        fields = spec.arguments.model_fields
        for cell in get_args(fields["cell"].annotation) if "cell" in fields else (None,):
            chosen = name if cell is None else f"{name} ({cell} cells)"
            cells[chosen] = name, {} if cell is None else {"cell": cell}
    for label, (agrees, found) in _answers(cells).items():
        advice = (
            "" if agrees else "Broken: runs use plain PyTorch. Remove the folder of compiled kernels and try again."
        )
        yield {"check": f"kernels of {label}", "found": found, "advice": advice}


def _answers(cells: dict[str, _Cell]) -> dict[str, _Answer]:
    def told(what: str, done: int, total: int) -> None:
        note(what)

    try:
        found: dict[str, _Answer] = in_fresh_process(_check_all, cells, tell=told, threads=1, environment={})
    except LnncmpError as error:
        if len(cells) == 1:
            return dict.fromkeys(cells, (False, error.message))
        return {label: answer for one in cells.items() for label, answer in _answers(dict([one])).items()}
    return found


def _check_all(tell: Tell, cells: dict[str, _Cell]) -> dict[str, _Answer]:
    found = {}
    for number, (label, (name, arguments)) in enumerate(cells.items()):
        tell(f"checking the kernels of {label}", number, len(cells))
        try:
            found[label] = _check(name, arguments)
        except Exception as error:  # of torch or the compiler: the other models are checked all the same
            found[label] = False, f"{type(error).__name__}: {error}"
    return found


def _check(name: str, arguments: dict[str, Any]) -> _Answer:
    """Return whether the kernels of a model of 32 units agree with plain PyTorch, and the differences in words."""
    from lnncmp.training.build import build_model
    from lnncmp.training.kernel_check import check_kernels

    spec = load_model(name)
    chosen = spec.arguments(**{"hidden": 32, **arguments})
    model = build_model(spec, chosen, 4, 2, dt_as_input=True, model_seed=0, wiring_seed=0)
    check_kernels(model, 4, 32)
    check = check_kernels(model, 4, 32)  # again: the reported time must not include compiling or loading
    if check is None:
        return True, "none: plain PyTorch is used"
    return check.agrees, f"{check.summary} ({1000 * check.seconds:.0f} ms)"


def _cache() -> dict[str, str]:
    root: Path | str = "none"
    try:
        root = cache_root()
        probe = root / ".doctor"
        write_bytes(probe, b"")
    except LnncmpError as error:
        return {"check": "cache", "found": str(root), "advice": f"Broken: {error.message}. {error.hint}"}
    probe.unlink(missing_ok=True)
    return {"check": "cache", "found": str(root), "advice": ""}
