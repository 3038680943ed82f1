"""`lnncmp runs ...`: what a folder of records keeps of each run; check, prune, make weights again, follow."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lnncmp.cases.base import case_of
from lnncmp.cli import complete, options
from lnncmp.cli.lists import LIST_FORMATS, ListFormat, print_listing
from lnncmp.cli.options import check_choice
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.runs_list import list_runs, row_of
from lnncmp.cli.terminal import interruptible, note, print_result
from lnncmp.cli.watch import tail, watch
from lnncmp.common.cache import cache_root
from lnncmp.errors import DataError
from lnncmp.recipe.recipe import parse
from lnncmp.records import inventory
from lnncmp.records.find import read_record, record_path
from lnncmp.records.read import read_records
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store
from lnncmp.records.summaries import file_sizes, summary_of

_MORE = ("measurements", "baselines", "checkpoints")
_NAMED = 5
"""How many values that differ are named."""

app = typer.Typer(
    help="List, show, verify and prune kept runs; make their weights again; watch or follow a study.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("list")(list_runs)
app.command()(watch)
app.command()(tail)
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="Run id (or how it begins), or path of its record.", autocompletion=complete.run
    ),
]


@app.command()
def show(run: RunName, out: options.Out = options.RESULTS, format: ListFormat = "table") -> None:
    """Show one run: its model, data, training, score, weights, and the columns that its network reads."""
    check_choice("format", format, LIST_FORMATS)
    path = record_path(run, out)
    record = read_record(path)
    shown = row_of(summary_of(record), file_sizes(path.parent)) | _details(record, path)
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
def verify(
    out: options.Out = options.RESULTS,
    rerun: Annotated[
        int, typer.Option(min=0, metavar="N", help="Train N runs again elsewhere and compare all their numbers.")
    ] = 0,
    data: options.DataDir = None,
    offline: options.Offline = False,
    quiet: options.Quiet = False,
) -> None:
    """Read all files again and check their digests: records, measurements, baselines, weights, checkpoints.

    Changes nothing.
    """
    found = inventory.verify(out)
    counted = [f"{found.whole.get(what, 0)} {what}" for what in ("records", "files of weights")]
    counted += [f"{count} {what}" for what, count in found.whole.items() if what in _MORE]
    print_result(f"{out}: {', '.join(counted[:-1])} and {counted[-1]} are whole")
    for finding in found.findings:
        print_result(f"{finding.file}: {finding.problem}")
    differing = _rerun(out, rerun, data, offline, quiet) if rerun else 0
    if found.findings:
        raise DataError(
            f"{len(found.findings)} of the files in {out} cannot be used",
            "`lnncmp runs train-weights RUN` makes weights again; a run without a record is run again by its study.",
        )
    if differing:
        raise DataError(
            f"{differing} of the runs that were trained again give other numbers",
            "Only the same machine, packages and lnncmp give the same bits; the record's provenance names them.",
        )


def _rerun(out: Path, count: int, data: Path | None, offline: bool, quiet: bool) -> int:
    """Train runs again, the first by their id, which is as good as drawn; return how many differ."""
    records = [record for record in read_records(out).runs if record.status in ("ok", "diverged")]
    differing = 0
    with interruptible("Nothing was changed."), LiveProgress(quiet) as progress:
        progress.doing("importing torch")
        from lnncmp.runs.ready import Request
        from lnncmp.runs.rerun import rerun

        for record in sorted(records, key=lambda one: one.run_id)[:count]:
            found = rerun(record, Request(out, cache_root(), data, offline), progress)
            name = f"{record.run_id} ({record.model} seed {record.seeds.root})"
            if not found:
                print_result(f"{name}: trained again, all numbers are the same bits")
                continue
            differing += 1
            more = f"; {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
            print_result(f"{name}: trained again, {len(found):,} values differ: {'; '.join(found[:_NAMED])}{more}")
    return differing


@app.command()
def prune(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            autocompletion=complete.run,
            help="Runs whose weights go (default: all weights, and files that nobody needs).",
        ),
    ] = None,
    out: options.Out = options.RESULTS,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them. Without it they are only counted.")] = False,
) -> None:
    """Free space: weights, damaged files, checkpoints of finished runs, what killed commands left.

    Records stay, and with them every table and figure.
    """
    wanted = None if not runs else [record_path(run, out).stem for run in runs]
    done = inventory.prune(Store(out, note), wanted, yes)
    for run_id in done.busy:
        note(f"Run {run_id} is left as it is: another process works on it.")
    others = f" and {done.others} other files" if done.others else ""
    print_result(
        f"{out}: weights of {done.weights} runs{others}, {done.bytes:,} bytes, "
        f"{'were' if yes else 'would be'} removed{'' if yes else ' (--yes removes them)'}"
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
