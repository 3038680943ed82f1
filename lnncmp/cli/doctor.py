"""`lnncmp doctor`: what this installation has, and what to do about what it lacks."""

import importlib
from importlib.metadata import PackageNotFoundError, version

import typer

from lnncmp.atomic import write_bytes
from lnncmp.cli.lists import ListFormat, print_listing
from lnncmp.cli.options import available_cores
from lnncmp.data.cache import cache_root
from lnncmp.errors import LnncmpError

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
    """Check packages, processor, accelerator and cache folder. Exit code 1 if something is broken."""
    rows = [_package(name) for name in _PACKAGES]
    rows.append({"check": "cores", "found": str(available_cores()), "advice": ""})
    rows += [_accelerator(), _kernels(), _cache()]
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
    return {"check": "CUDA", "found": "none", "advice": "Runs use the processor."}


def _kernels() -> dict[str, str]:
    from lnncmp.kernels.compiling import cache_folder, kept_on_disk

    advice = "" if kept_on_disk() else "Not compiled yet: the first runs take some seconds longer."
    return {"check": "kernels", "found": str(cache_folder()), "advice": advice}


def _cache() -> dict[str, str]:
    root = cache_root()
    probe = root / ".doctor"
    try:
        write_bytes(probe, b"")
    except LnncmpError as error:
        return {"check": "cache", "found": str(root), "advice": f"Broken: {error.message}. {error.hint}"}
    probe.unlink(missing_ok=True)
    return {"check": "cache", "found": str(root), "advice": ""}
