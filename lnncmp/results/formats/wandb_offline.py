"""Weights & Biases: a folder for each run, as its offline mode writes them; `wandb sync` uploads them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lnncmp.records.read import Records
from lnncmp.results.environment import without_reports
from lnncmp.results.formats.base import ResultFormat
from lnncmp.results.run_log import RunLog, run_logs

_SETTINGS = {
    "mode": "offline",
    "console": "off",
    "silent": True,
    "save_code": False,
    "disable_code": True,
    "disable_git": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
}
"""Nothing of this machine, its owner or this program: records say where runs were made."""


def write(records: Records, path: Path, place: Path) -> None:
    """Write one folder for each run, wandb/offline-run-DATE-RUN_ID, without the logs of the program that wrote it."""
    with without_reports():
        import wandb

        settings = wandb.Settings(**_SETTINGS)
        try:
            for log in run_logs(records):
                _write(wandb, settings, path, log)
        finally:
            wandb.teardown()
    for found in sorted((path / "wandb").rglob("*"), reverse=True):
        if found.is_symlink() or found.suffix == ".log" or found.name == "requirements.txt":
            found.unlink()
        elif found.is_dir() and not any(found.iterdir()):
            found.rmdir()


def _write(wandb: Any, settings: Any, path: Path, log: RunLog) -> None:
    run = wandb.init(
        project=log.project,
        name=log.name,
        id=log.run_id,
        group=log.group,
        dir=str(path),
        config={**log.settings, "lnncmp": dict(log.tags)},
        settings=settings,
        reinit="finish_previous",
    )
    for point in log.points:
        run.log(_finite(point.values), step=point.epoch)
    curves = {name: {str(step): value for step, value in curve} for name, curve in log.curves.items()}
    facts = {"status": log.status, "training_seconds": log.seconds}
    run.summary.update({**_finite(log.results), **{name: _finite(curve) for name, curve in curves.items()}, **facts})
    run.finish(exit_code=0 if log.status == "ok" else 1)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}


FORMAT = ResultFormat("Folders of offline runs for Weights & Biases; `wandb sync` uploads them.", "", write, "wandb")
