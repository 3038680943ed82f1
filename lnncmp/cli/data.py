"""`lnncmp data ...`: list, fetch, verify and describe data; train the policies of the simulated rollouts."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lnncmp.cases.base import Case, case_names, load_case, load_source, refused_members, source_card
from lnncmp.cli import options
from lnncmp.cli.lists import LIST_FORMATS, ListFormat, print_listing
from lnncmp.cli.options import check_choice
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.terminal import interruptible, note, print_result
from lnncmp.common.cache import cache_root
from lnncmp.common.cores import available_cores
from lnncmp.common.registry import usable
from lnncmp.errors import UsageError
from lnncmp.recipe.files import read_recipe
from lnncmp.recipe.load import load_recipe
from lnncmp.sources.base import SourceContext

app = typer.Typer(help="List, fetch, verify and describe the data.", no_args_is_help=True, rich_markup_mode=None)
_RESUME = "Downloaded files are kept: run the same command again to continue."


def _source(case: Case, name: str | None) -> str:
    return name if name is not None else next(iter(case.sources), "")


@app.command("list")
def list_sources(format: ListFormat = "table") -> None:
    """List the sources of every case study."""
    rows = []
    for name, case in usable(case_names(), load_case, note).items():
        found = usable(case.sources, partial(load_source, case), note)
        rows += [{"case": name, "source": source, "what_it_is": one.summary} for source, one in found.items()]
    for sentence in refused_members():
        note(sentence)
    print_listing("Data", rows, format)


@app.command()
def fetch(
    case: options.CaseName,
    source: options.SourceName = None,
    data: options.DataDir = None,
    jobs: options.Jobs = None,
    offline: options.Offline = False,
    quiet: options.Quiet = False,
) -> None:
    """Download or generate the data of a case study into the cache; verify it if it is already there."""
    chosen = load_source(load_case(case), _source(load_case(case), source))
    if chosen.fetch is None:
        print_result(f"{case} ({chosen.name}): generated in memory when needed; there is nothing to fetch")
        return
    with interruptible(_RESUME), LiveProgress(quiet) as progress:
        progress.doing("fetching or making data")
        context = SourceContext(
            cache_root(),
            data,
            offline=offline,
            jobs=jobs or available_cores(),
            progress=progress.data,
            warn=progress.warn,
        )
        folder = chosen.fetch(context)
    print_result(f"{case} ({chosen.name}): complete and verified in {folder}")


@app.command()
def verify(
    case: options.CaseName,
    source: options.SourceName = None,
    data: options.DataDir = None,
    quiet: options.Quiet = False,
) -> None:
    """Verify the data of a case study against its manifest, without the network."""
    chosen = load_source(load_case(case), _source(load_case(case), source))
    with interruptible("Nothing was changed."), LiveProgress(quiet) as progress:
        progress.doing("reading data")
        context = SourceContext(
            cache_root(), data, offline=True, jobs=available_cores(), progress=progress.data, warn=progress.warn
        )
        recordings = chosen.load(context)
    steps = sum(len(recording.values) for recording in recordings)
    print_result(f"{case} ({chosen.name}): {len(recordings)} recordings, {steps:,} steps, verified")


@app.command()
def describe(case: options.CaseName, source: options.SourceName = None, own_recipe: options.OwnRecipe = None) -> None:
    """Print the data card of a source: origin, licence, columns with units, known defects."""
    loaded = load_case(case)
    if own_recipe is not None:
        source = source or load_recipe(case, read_recipe(own_recipe, case)).source
    print_result(source_card(loaded, _source(loaded, source)))


@app.command()
def bench(
    case: options.CaseName,
    rows: Annotated[int, typer.Option(min=1, help="Rows of synthetic measurements to read.")] = 1_000_000,
    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to put temporary tables.")] = None,
    packed: Annotated[bool, typer.Option("--gz", help="Read .csv.gz instead of .csv.")] = False,
    format: ListFormat = "table",
    quiet: options.Quiet = False,
) -> None:
    """Measure the time and memory to read synthetic tables of the real format on this machine."""
    check_choice("format", format, LIST_FORMATS)
    loaded = load_case(case)
    found = usable(loaded.sources, partial(load_source, loaded), note)
    measured = [member for member in found.values() if member.bench is not None]
    if not measured or measured[0].bench is None:
        raise UsageError(f"there is no benchmark for reading the data of {case}", "Try mimic3.")
    place = cache_root() if folder is None else folder
    with interruptible("Temporary tables are removed."), LiveProgress(quiet) as progress:
        progress.doing("reading synthetic tables")
        text = measured[0].bench(rows, place, packed, format, progress.data)
    print_result(text)


@app.command("train-policies")
def train_policies(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write the policies (.npz, plain arrays).")],
    case: options.CaseName = "walker2d",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    scale: Annotated[
        float, typer.Option(min=0.0, help="Fraction of the full training budget (1: about 3 minutes).")
    ] = 1.0,
    quiet: options.Quiet = False,
) -> None:
    """Train the walking policies of the simulated rollouts again from scratch."""
    if case != "walker2d":
        raise UsageError(f"only walker2d has policies to train, got '{case}'")
    from lnncmp.sources.walker2d.policy_training.stages import train_policies as train

    with interruptible("The same command starts over."), LiveProgress(quiet) as progress:
        progress.doing("training policies")
        written = train(out, seed=seed, scale=scale, progress=progress.data)
    for path in written:
        print_result(str(path))
