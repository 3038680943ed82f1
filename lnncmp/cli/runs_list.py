"""`lnncmp runs list`: the runs of a folder, some of them if asked, and which of a study are missing."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from lnncmp.cli import complete, options
from lnncmp.cli.lists import LIST_FORMATS, ListFormat, print_listing
from lnncmp.cli.options import check_choice, names, parse_seeds
from lnncmp.cli.terminal import note
from lnncmp.common.cache import cache_root
from lnncmp.errors import DataError
from lnncmp.records.summaries import RunSummary, file_sizes, kept_weights, missing_runs, summaries

STATUSES = ("ok", "diverged", "failed", "stopped")
_IN_JSON = ("converged", "bytes")
"""What a terminal of 80 columns has no room for."""
_NAMED = 5
"""How many missing runs of a study, or files, a note names."""

Models = Annotated[
    str | None, typer.Option(help="Only runs of these models, e.g. ltc,lstm.", autocompletion=complete.models)
]
Case = Annotated[str | None, typer.Option(help="Only runs of this case.", autocompletion=complete.case)]
Seeds = Annotated[str | None, typer.Option(help="Only these seeds: a range or list, 0-4 or 0,3,7 (3, alone: 0-2).")]
Status = Annotated[
    str | None,
    typer.Option(metavar="|".join(STATUSES), help="Only runs that ended so.", autocompletion=complete.one_of(STATUSES)),
]
NotConverged = Annotated[
    bool, typer.Option("--not-converged", help="Only runs whose validation loss still fell at the end.")
]


def list_runs(
    out: options.Out = options.RESULTS,
    models: Models = None,
    case: Case = None,
    seeds: Seeds = None,
    status: Status = None,
    not_converged: NotConverged = False,
    format: ListFormat = "table",
) -> None:
    """List the runs of a folder, whether their weights are kept, their sizes, and what a study lacks."""
    check_choice("format", format, LIST_FORMATS)
    check_choice("status", status, STATUSES)
    if not out.is_dir():
        raise DataError(f"the folder of records {out} does not exist", "Name the folder that --out named.")
    found, refused = summaries(out, cache_root())
    for sentence in refused:
        note(f"Not used: {sentence}.")
    if not found:
        raise DataError(
            f"no {'usable ' * bool(refused)}records of runs in {out}", "Make some with a case's command: lnncmp sine"
        )
    check_choice("case", case, sorted({one.case for one in found}))
    for model in names(models or ""):
        check_choice("model", model, sorted({one.model for one in found}))
    wanted = _filter(names(models or ""), case, parse_seeds(seeds) if seeds else (), status, not_converged)
    sizes = file_sizes(out / "records")
    rows = [row_of(one, sizes) for one in found if wanted(one)]
    shown = rows if format == "json" else [{k: v for k, v in row.items() if k not in _IN_JSON} for row in rows]
    print_listing(f"Runs in {out}", shown, format, whole=("run", "seed", "status", "test_error", "weights"))
    _tell_the_rest(found, rows)


def _filter(
    models: Sequence[str], case: str | None, seeds: Sequence[int], status: str | None, not_converged: bool
) -> Callable[[RunSummary], bool]:
    def wanted(one: RunSummary) -> bool:
        return (
            (not models or one.model in models)
            and case in (None, one.case)
            and (not seeds or one.seed in seeds)
            and status in (None, one.status)
            and not (not_converged and one.converged is not False)
        )

    return wanted


def row_of(one: RunSummary, sizes: dict[str, int]) -> dict[str, Any]:
    """Return what a list says of a run. sizes: bytes of the files in its folder, by name."""
    return {
        "run": one.run_id,
        "study": one.study,
        "model": one.model,
        "seed": one.seed,
        "status": one.status,
        "converged": {None: "-", True: "yes", False: "no"}[one.converged],
        "test_error": None if one.test_error is None else float(f"{one.test_error:.6g}"),
        "weights": kept_weights(one, sizes),
        "bytes": sum(sizes.get(f"{one.run_id}.{end}", 0) for end in ("json", "safetensors")),
    }


def _tell_the_rest(found: Sequence[RunSummary], rows: Sequence[dict[str, Any]]) -> None:
    """Say how many runs and bytes were listed, and which runs of a study are missing that its other models have."""
    size = sum(row["bytes"] for row in rows)
    note(f"{len(rows):,} of {len(found):,} runs, {size:,} bytes with their weights.")
    for study, lacking in missing_runs(found).items():
        some = _some([f"{model} seed {seed}" for model, seed in lacking])
        note(f"Missing of {study}, where other models have these seeds: {some}.")


def _some(named: Sequence[str]) -> str:
    more = f" and {len(named) - _NAMED:,} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more
