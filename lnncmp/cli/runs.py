"""`lnncmp runs ...`: what a folder of records keeps of each run; check, prune, make weights again, watch."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lnncmp.cases.base import case_of
from lnncmp.cli import complete, options
from lnncmp.cli.lists import LIST_FORMATS, ListFormat, print_listing
from lnncmp.cli.options import check_choice
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.terminal import interruptible, note, print_result
from lnncmp.cli.watch import watch
from lnncmp.common.cache import cache_root
from lnncmp.errors import DataError
from lnncmp.recipe.recipe import parse
from lnncmp.records import inventory
from lnncmp.records.find import read_record, record_path
from lnncmp.records.read import read_records
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store

app = typer.Typer(
    help="List, show, verify and prune kept runs; make their weights again; watch a study.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(watch)
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="Run id (or how it begins), or path of its record.", autocompletion=complete.run
    ),
]


@app.command("list")
def list_runs(out: options.Out = options.RESULTS, format: ListFormat = "table") -> None:
    """List the runs of a folder, and whether their weights are kept."""
    check_choice("format", format, LIST_FORMATS)
    found = read_records(out)
    for sentence in found.notes:
        note(sentence)
    rows = [_row(record, out / "records") for record in found.runs]
    print_listing(f"Runs in {out}", rows, format, whole=("run", "seed", "status", "test_error", "weights"))


def _row(record: RunRecord, folder: Path) -> dict[str, Any]:
    return {
        "run": record.run_id,
        "study": " ".join(filter(None, [record.case, record.source, record.conditions, record.preset])),
        "model": record.model,
        "seed": record.seeds.root,
        "status": record.status,
        "test_error": _test_error(record),
        "weights": inventory.kept_weights(record, folder),
    }


def _test_error(record: RunRecord) -> float | None:
    found = None if record.scores is None else record.scores.metrics.get("test", {}).get(record.scores.main)
    return None if found is None else float(f"{found:.6g}")


@app.command()
def show(run: RunName, out: options.Out = options.RESULTS, format: ListFormat = "table") -> None:
    """Show one run: its model, data, training, score, weights, and the columns that its network reads."""
    check_choice("format", format, LIST_FORMATS)
    path = record_path(run, out)
    record = read_record(path)
    shown = _row(record, path.parent) | _details(record, path)
    if format == "json":
        print_result(json.dumps(shown, indent=2))
        return
    rows = [{"what": key.replace("_", " "), "value": _words(value)} for key, value in shown.items()]
    print_listing(f"Run {record.run_id}", rows, format)


def _details(record: RunRecord, path: Path) -> dict[str, Any]:
    case, chosen = case_of(record.case, record.recipe.data), record.recipe.model
    encoding = case.encoding_of(parse(case.settings, record.recipe.data, "data"))
    return {
        "model_name": chosen.name,
        "arguments": chosen.arguments,
        "implementation": record.implementation,
        "parameters": record.parameters.model_dump(),
        "epochs": len(record.history),
        "best_epoch": record.best_epoch,
        "data_hash": record.data_hash,
        "reads": {column.name: column.unit for column in encoding.columns},
        "predicts": [target.name for target in case.targets],
        "time_unit": case.step_unit,
        "record": str(path),
        "weights_bytes": None if record.weights is None else record.weights.bytes,
        "weights_sha256": None if record.weights is None else record.weights.sha256,
        "reason": record.reason,
    }


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}".strip() for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


@app.command()
def verify(out: options.Out = options.RESULTS) -> None:
    """Check that records can be read and that kept weights are those that their records name. Changes nothing."""
    runs, weights, findings = inventory.verify(out)
    print_result(f"{out}: {runs} records and {weights} files of weights are whole")
    for finding in findings:
        print_result(f"{finding.file}: {finding.problem}")
    if findings:
        raise DataError(
            f"{len(findings)} of the files in {out} cannot be used",
            "`lnncmp runs train-weights RUN` makes weights again; a run without a record is run again by its study.",
        )


@app.command()
def prune(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            autocompletion=complete.run,
            help="Runs whose weights go (default: all).",
        ),
    ] = None,
    out: options.Out = options.RESULTS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, remove nothing.")] = False,
) -> None:
    """Remove weights of finished runs to free space. Records stay, and with them every table and figure."""
    wanted = None if not runs else [record_path(run, out).stem for run in runs]
    done = inventory.prune(Store(out, note), wanted, dry_run)
    for run_id in done.busy:
        note(f"Run {run_id} is left as it is: another process works on it.")
    print_result(
        f"{out}: weights of {done.files} runs, {done.bytes:,} bytes, {'would be' if dry_run else 'were'} removed"
    )


@app.command("train-weights")
def train_weights(
    run: RunName,
    out: options.Out = options.RESULTS,
    data: options.DataDir = None,
    offline: options.Offline = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a finished run again for its weights; they are kept only if they give the recorded score."""
    path = record_path(run, out)
    advice = "Finished epochs are kept: the same command continues."
    with interruptible(advice), LiveProgress(quiet, path.parent.parent) as progress:
        progress.doing("importing torch")
        from lnncmp.runs.ready import Request
        from lnncmp.runs.train_again import train_weights as train

        request = Request(path.parent.parent, cache_root(), data, offline)
        progress.doing("preparing data")
        kept = train(read_record(path), request, progress)
    what = "were there already" if kept is None else "give the recorded score and are kept"
    print_result(f"{path.stem}: its weights {what} ({path.with_suffix('.safetensors')})")
