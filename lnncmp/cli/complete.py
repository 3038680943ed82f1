"""What a shell offers as values of options and arguments: names of presets, models, cases, sources, claims, runs.

Never says what is wrong with the line: a shell would put that into its middle.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from lnncmp.cases.base import case_names, load_case, own_case_names
from lnncmp.models.base import model_names
from lnncmp.recipe.files import preset_names

Names = Callable[[typer.Context], Iterable[str]]
Completer = Callable[[typer.Context, str], list[str]]


def one_of(names: Names | Iterable[str]) -> Completer:
    """Return what completes one of `names`, which may depend on the rest of the line."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        return [name for name in _found(names, ctx) if name.startswith(incomplete)]

    return complete


def some_of(names: Names | Iterable[str]) -> Completer:
    """Return what completes the last of several names with commas between them."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        given = before.split(",")
        return [before + comma + name for name in _found(names, ctx) if name.startswith(last) and name not in given]

    return complete


def toml_file(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the folders and TOML files whose paths begin so."""
    folder, slash, begin = incomplete.rpartition("/")

    def paths(ctx: typer.Context) -> list[str]:
        found = (path for path in sorted(Path(folder + slash).iterdir()) if path.name.startswith(begin))
        return [
            folder + slash + path.name + "/" * path.is_dir()
            for path in found
            if (path.is_dir() or path.suffix == ".toml") and (begin or not path.name.startswith("."))
        ]

    return _found(paths, ctx)


def _found(names: Names | Iterable[str], ctx: typer.Context) -> list[str]:
    try:
        return list(names(ctx) if callable(names) else names)
    except Exception:  # a package, a file or a folder may be broken in any way
        return []


def _case(ctx: typer.Context) -> str | None:
    """Return the case that a command is about: its argument, or its own name."""
    # While an option at the end of the line lacks its value, arguments are not yet parameters.
    words = (ctx.params.get("case"), *ctx.args, ctx.info_name)
    return next((word for word in words if word in case_names()), None)


def _given(ctx: typer.Context, name: str) -> str:
    """Return the value of a parameter as text, of the command before a subcommand if that has none itself."""
    value = ctx.params.get(name) or (ctx.parent.params.get(name) if ctx.parent is not None else None)
    return str(value or "")


def _presets(ctx: typer.Context) -> list[str]:
    case = _case(ctx)
    return sorted({preset for one in (own_case_names() if case is None else [case]) for preset in preset_names(one)})


def _claims(ctx: typer.Context) -> list[str]:
    from lnncmp.claims.claim import load_claims

    file = _given(ctx, "claims_file")
    return [claim.id for claim in load_claims(Path(file) if file else None, bool(_given(ctx, "beside")))]


def setting(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the keys of `--set` that begin so, with their equals sign; those of single models once one begins so."""
    from lnncmp.recipe import keys

    def names(ctx: typer.Context) -> list[str]:
        case = _case(ctx) or ""
        if not incomplete.startswith(keys.MODELS):
            return [*(f"{key}=" for key in keys.keys(case)), keys.MODELS]
        file, models = _given(ctx, "own_recipe"), _given(ctx, "models")
        chosen = [name.strip() for name in models.split(",") if name.strip()]
        found = keys.model_keys(case, _given(ctx, "preset") or "standard", Path(file) if file else None, chosen)
        return [f"{key}=" for key in found]

    return one_of(names)(ctx, incomplete)


preset = one_of(_presets)
source = one_of(lambda ctx: load_case(_case(ctx) or "").sources)
case = one_of(lambda ctx: case_names())
cases = some_of(lambda ctx: case_names())
model = one_of(lambda ctx: model_names())
models = some_of(lambda ctx: model_names())
claim = one_of(_claims)
run = one_of(lambda ctx: sorted(path.stem for path in (Path(_given(ctx, "out")) / "records").glob("*.json")))
