"""Options shared by several commands, and the parsing of their values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lnncmp.cli import complete
from lnncmp.cli.terminal import be_quiet
from lnncmp.comparison.groups import MATCHINGS
from lnncmp.errors import UsageError, shown, unknown_name
from lnncmp.recipe.files import RecipeFile, read_recipe
from lnncmp.recipe.recipe import MAX_SEEDS
from lnncmp.report.tables.render import FORMATS

MATCHES = MATCHINGS
IMPLEMENTATIONS = ("auto", "fused", "loop")
STANDARD = "standard"
"""The preset where none is named."""
RESULTS = Path("lnncmp-results")
"""The default folder of records, see `--out`."""


CaseName = Annotated[str, typer.Argument(help="A case study, e.g. walker2d.", autocompletion=complete.case)]
Preset = Annotated[
    str | None,
    typer.Option(
        help="Recipe: standard (default), quick, or what else the case has: paper, zoo.", autocompletion=complete.preset
    ),
]
OwnRecipe = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        metavar="FILE",
        help="Your own recipe (TOML) in place of a preset.",
        autocompletion=complete.toml_file,
    ),
]
Models = Annotated[
    str | None,
    typer.Option(help="Comma-separated models instead of the recipe's, e.g. ltc,lstm.", autocompletion=complete.models),
]
Seeds = Annotated[str | None, typer.Option(help="Number of seeds (10), or a range or list: 0-4 or 0,3,7.")]
DataSeeds = Annotated[
    int,
    typer.Option(min=1, max=100, help="Data sets to run the study on, drawn alike from this many seeds (or folds)."),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a value of the recipe, e.g. train.epochs=5. Repeatable.",
        autocompletion=complete.setting,
    ),
]
TunedFlag = Annotated[
    bool | None,
    typer.Option("--tuned/--untuned", help="Use the case's tuned recipe, or none (default: as the preset says)."),
]
TunedFile = Annotated[
    Path | None,
    typer.Option(
        "--tuned-with",
        metavar="FILE",
        help="Use your own tuned recipe, made by lnncmp tune.",
        autocompletion=complete.toml_file,
    ),
]
Matching = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(MATCHES),
        help="Equal hidden units, equal active parameters (the reference's, or the smallest model's), or own sizes.",
        autocompletion=complete.one_of(MATCHES),
    ),
]
SourceName = Annotated[
    str | None,
    typer.Option("--source", help="Data source; sources are never mixed in one table.", autocompletion=complete.source),
]
DataDir = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Folder with your own copy of the data.")]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda or cuda:N.", autocompletion=complete.one_of(("cpu", "cuda")))
]
Threads = Annotated[int | None, typer.Option(min=1, help="Torch threads of each process (recipe: 1).")]
Implementation = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(IMPLEMENTATIONS),
        help="Fused kernels (fused), plain PyTorch (loop), or kernels where available (auto).",
        autocompletion=complete.one_of(IMPLEMENTATIONS),
    ),
]
Stack = Annotated[
    int | None,
    typer.Option(min=1, help="Seeds of a model trained in one call (default: as many as keep all jobs busy)."),
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Parallel processes (default: number of cores).")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder of records and checkpoints.")]
Fresh = Annotated[bool, typer.Option("--fresh/--resume", help="Discard this study's stored runs and repeat them.")]
KeepWeights = Annotated[
    bool, typer.Option("--weights/--no-weights", help="Keep the weights of each run beside its record.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and an estimate without training.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never use the network.")]
Deterministic = Annotated[bool, typer.Option("--deterministic", help="Reject nondeterministic kernels.")]
ClaimsFile = Annotated[
    Path | None,
    typer.Option(
        "--claims",
        metavar="FILE",
        help="Your own claims (TOML) instead of lnncmp's.",
        autocompletion=complete.toml_file,
    ),
]
Beside = Annotated[bool, typer.Option("--beside", help="Judge lnncmp's claims, too, before those of --claims FILE.")]
OutputFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="|".join(FORMATS),
        help="Output format of the result.",
        autocompletion=complete.one_of(FORMATS),
    ),
]
Details = Annotated[bool, typer.Option("--details", help="Print all tables and notes, not the summary alone.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", callback=be_quiet, is_eager=True, help="Print only errors on standard error.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also print the resolved recipe and its assumptions.")]


def names(text: str) -> list[str]:
    """Return the names of a comma-separated list, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def chosen_recipe(case: str, preset: str | None, file: Path | None) -> str | RecipeFile:
    """Return the recipe that `--preset` or `--recipe` names. Raises UsageError for both at once, or a bad file."""
    if file is None:
        return preset or STANDARD
    if preset is not None:
        raise UsageError("--preset and --recipe both name a recipe", "Leave one of them out.")
    return read_recipe(file, case)


def files_of(recipe: str | RecipeFile) -> tuple[Path, ...]:
    """Return the user's own data files that a recipe names."""
    return recipe.files if isinstance(recipe, RecipeFile) else ()


def tuned_choice(flag: bool | None, file: Path | None) -> bool | str | None:
    """Return the value of the recipe's key `tuned` that these options ask for, None for the preset's own.

    Raises UsageError if they contradict each other.
    """
    if file is None:
        return flag
    if flag is False:
        raise UsageError("--untuned and --tuned-with contradict each other", "Leave one of them out.")
    if file.suffix != ".toml":
        raise UsageError(f"--tuned-with takes a .toml file made by `lnncmp tune`, got '{file}'")
    return str(file)


def check_beside(claims: Path | None, beside: bool) -> None:
    """Raise UsageError for `--beside` without a file of claims."""
    if beside and claims is None:
        raise UsageError("--beside judges your own claims beside lnncmp's, but names none", "Add --claims FILE.")


def check_choice(kind: str, given: str | None, known: Sequence[str]) -> None:
    """Raise UsageError with the nearest match unless `given` is None or one of `known`."""
    if given is not None and given not in known:
        raise unknown_name(kind, given, known)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Parse seeds: a number (`10`), a range (`0-4`) or a list (`0,3,7`). Raises UsageError.

    >>> parse_seeds("3"), parse_seeds("2-4"), parse_seeds("0,7")
    ((0, 1, 2), (2, 3, 4), (0, 7))
    """
    seeds: Sequence[int]
    try:
        if "-" in text:
            first, last = (int(part) for part in text.split("-"))
            seeds = range(first, last + 1)
        elif "," in text:
            seeds = [int(part) for part in text.split(",") if part.strip()]
        else:
            seeds = range(int(text))
    except ValueError:
        seeds = ()
    if len(seeds[: MAX_SEEDS + 1]) > MAX_SEEDS:
        raise UsageError(f"--seeds '{shown(text)}' asks for more than {MAX_SEEDS} seeds", "Use fewer.")
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UsageError(f"--seeds takes a number (10), a range (0-4) or a list (0,3,7) of seeds, got '{shown(text)}'")
    return tuple(seeds)
