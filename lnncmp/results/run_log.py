"""What any experiment tracker is told of a run: settings, numbers by epoch, results, tags."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from lnncmp import __version__
from lnncmp.common.text import visible
from lnncmp.comparison.rows import outcome
from lnncmp.records.read import Records
from lnncmp.records.schema import RunRecord
from lnncmp.results.table import rows_of

_EPOCH = ("train_loss", "validation_loss", "seconds", "grad_norm", "learning_rate", "peak_memory")
_LONGEST = 250
"""Characters of a text that every tracker takes."""

Setting = str | int | float | bool


@dataclass(frozen=True)
class Point:
    """The numbers of one epoch, and the seconds of training up to its end."""

    epoch: int
    seconds: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class RunLog:
    """One run. project, name, run_id: fit for names of folders; group: model and matching, shared by its seeds.

    settings: the resolved recipe, with dotted keys. tags: what else says where it comes from. points: by epoch.
    results: final numbers by name, such as "test/mse"; curves: free-running errors as (step, value). Both may hold
    numbers that are not finite.
    """

    project: str
    name: str
    run_id: str
    group: str
    status: str
    settings: Mapping[str, Setting]
    tags: Mapping[str, str]
    points: Sequence[Point]
    results: Mapping[str, float]
    curves: Mapping[str, Sequence[tuple[int, float]]]

    @property
    def seconds(self) -> float:
        """What training took."""
        return self.points[-1].seconds if self.points else 0.0


def run_logs(records: Records) -> Iterator[RunLog]:
    """Yield the runs of a folder in its order; every id is there once."""
    runs = {run.run_id: run for run in records.runs}
    for run_id, rows in groupby(rows_of(replace(records, baselines=[], measurements=[])), lambda row: str(row["id"])):
        yield _log(runs[run_id], [row for row in rows if row["value"] is not None])


def _log(run: RunRecord, rows: Sequence[Mapping[str, Any]]) -> RunLog:
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if "step" in row:
            curves.setdefault(f"free_running/{file_name(row['metric'], '.')}", []).append((row["step"], row["value"]))
    model, run_id = file_name(run.model), file_name(run.run_id)
    project = "-".join(filter(None, (run.case, run.source, run.conditions, run.preset)))
    return RunLog(
        project=file_name(project),
        name=f"{model}-seed{run.seeds.root}-{run_id[:8]}",
        run_id=run_id,
        group=f"{model}-{run.recipe.match}",
        status=outcome(run),
        settings={file_name(key, "."): _setting(value) for key, value in run.recipe.flat().items()}
        | {"seed": run.seeds.root},
        tags={name: text(value) for name, value in _tags(run).items() if value is not None},
        points=list(_points(run)),
        results={_result_name(row): row["value"] for row in rows if "step" not in row},
        curves=curves,
    )


def _tags(run: RunRecord) -> dict[str, Any]:
    made = run.provenance
    return {
        **{name: getattr(run, name) for name in ("case", "source", "conditions", "preset", "model", "run_id")},
        **{name: getattr(run, name) for name in ("protocol_id", "data_hash", "implementation", "reason")},
        "status": outcome(run),
        "converged": None if run.convergence is None else run.convergence.converged,
        "made_by": made.lnncmp and f"lnncmp {made.lnncmp}",
        "exported_by": f"lnncmp {__version__}",
        **{name: getattr(made, name) for name in ("cpu", "system", "device", "python")},
        "torch": made.packages.get("torch"),
    }


def _points(run: RunRecord) -> Iterator[Point]:
    elapsed = 0.0
    for epoch in run.history:
        elapsed += epoch.seconds if math.isfinite(epoch.seconds) else 0.0
        values = {name: getattr(epoch, name) for name in _EPOCH}
        known = {f"epoch/{name}": float(value) for name, value in values.items() if value is not None}
        yield Point(epoch.epoch, elapsed, known)


def _result_name(row: Mapping[str, Any]) -> str:
    """Return what a number of the table is called: "test/mse", "shifted/noise-0.1/mse"."""
    parts = [row.get("split") or "model", row.get("shift"), row["metric"]]
    if row.get("level") is not None and row.get("shift"):
        parts[1] = f"{row['shift']} {row['level']:g}"
    return "/".join(file_name(str(part), ".") for part in parts if part)


def file_name(words: str, kept: str = "") -> str:
    """Return text as a name that every file system and tracker takes: letters, digits, hyphens, underscores, `kept`."""
    name = re.sub(rf"[^A-Za-z0-9_{re.escape(kept)}]+", "-", words).strip("-.")
    return name[:100] or "unnamed"


def text(value: object) -> str:
    """Return a value as text that every tracker takes."""
    return visible(str(value))[:_LONGEST]


def _setting(value: object) -> Setting:
    return value if isinstance(value, bool | int | float) else text("" if value is None else value)
