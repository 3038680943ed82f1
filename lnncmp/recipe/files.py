"""Recipe files: those that ship with lnncmp or with the package of a case, and a user's own (`--recipe FILE.toml`)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lnncmp.cases.base import case_names, load_case, recipe_folder
from lnncmp.common.toml import read_toml
from lnncmp.errors import UsageError, unknown_name
from lnncmp.recipe import decay
from lnncmp.recipe.recipe import Table

_PRESET = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")


@dataclass(frozen=True)
class RecipeFile:
    """A user's own recipe as its file says, merged with what it extends, and not yet validated.

    preset: what records and tables call it. files: the user's own data, absolute.
    """

    path: Path
    case: str
    preset: str
    table: Table
    files: tuple[Path, ...] = ()

    @contextmanager
    def named(self) -> Iterator[None]:
        """Put the name of the file before the message of a UsageError that the block raises."""
        try:
            yield
        except UsageError as error:
            raise UsageError(f"{self.path.name}: {error.message}", error.hint) from None


def preset_names(case: str) -> list[str]:
    """Return the presets for which `case` has a recipe."""
    return sorted(name.partition(".")[2] for name in _shipped(case) if "." in name)


def read_preset(case: str, preset: str) -> Table:
    """Return the table of a recipe, merged with what it extends. Raises UsageError with the nearest match."""
    known = preset_names(case)
    if not known:
        load_case(case)
        raise UsageError(f"the case {case} comes without recipes", f"Write one: lnncmp {case} --recipe FILE.toml")
    if preset not in known:
        raise unknown_name("preset", preset, known)
    return _read(_shipped(case)[f"{case}.{preset}"])[0]


def read_recipe(path: Path, case: str | None = None) -> RecipeFile:
    """Return a user's own recipe. case: the one that it should be of; None: any.

    It has the keys of the recipes that ship with lnncmp. `extends` names one of those ("sine.standard") or another
    file, relative to this one, as are `files` (the user's own data). `preset` is its name (default: the file's).
    Raises DataError if it cannot be read, UsageError for what is wrong with it, naming the file.
    """
    table, files = _read(path)
    preset, own = table.pop("preset", path.stem), table.get("case")
    made = RecipeFile(path, str(own), str(preset), table, files)
    with made.named():
        if own is None:
            raise UsageError("the recipe lacks the key 'case'", f"Available: {', '.join(case_names())}")
        if own not in case_names():
            raise unknown_name("case", str(own), case_names())
        if case is not None and own != case:
            raise UsageError(f"it is a recipe of the case {own}, not of {case}", f"Use: lnncmp {own} --recipe {path}")
        _check_preset(made.case, preset)
        _check_variants(made.case, table.get("variants", {}))
        if files and not load_case(made.case).reads_files:
            raise UsageError(f"recipe key 'files' names data, but the case {own} reads no files", "Leave it out.")
    return made


def _check_variants(case: str, variants: object) -> None:
    known = load_case(case).variants
    if not isinstance(variants, dict) or not all(isinstance(one, dict) for one in variants.values()):
        raise UsageError("recipe key 'variants' should hold tables, e.g. [variants.noise.data]")
    for name in variants:
        if name not in known:
            raise unknown_name("variant", name, known)


def _check_preset(case: str, preset: object) -> None:
    if not isinstance(preset, str) or not _PRESET.fullmatch(preset):
        raise UsageError(
            f"'{preset}' cannot be the name of a recipe: use letters, digits, spaces and . _ -",
            'Name it with the key preset, e.g. preset = "mine".',
        )
    if preset in preset_names(case):
        raise UsageError(
            f"lnncmp has a recipe of the name {preset} for {case}, and results would be taken for that one's",
            'Name it with the key preset, e.g. preset = "mine".',
        )


def has_variant(recipe: str | RecipeFile, name: str) -> bool:
    """Tell whether a recipe has a table for this variant of its case; those that ship with a case have all."""
    return isinstance(recipe, str) or name in recipe.table.get("variants", {})


def merged(base: Table, over: Table) -> Table:
    """Return the table `base` with the values of `over` laid over it; of nested tables, value by value."""
    out = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        decay.put(out, key, merged(out[key], value) if both else value)
    return out


def _shipped(case: str) -> dict[str, Path]:
    """Return the recipes of a case that ship with it, by name: "sine", "sine.quick"."""
    folder = recipe_folder(case)
    found = {} if folder is None else {path.name.removesuffix(".toml"): path for path in folder.glob(f"{case}*.toml")}
    return {name: path for name, path in found.items() if name.partition(".")[0] == case}


def _read(path: Path, above: tuple[Path, ...] = ()) -> tuple[Table, tuple[Path, ...]]:
    """Return the table of a recipe, merged into the one that it extends, and its `files`. above: what extends it."""
    table, here = read_toml(path, "the recipe"), path.resolve()
    if here in above:
        raise UsageError(f"{path.name}: it extends itself, by way of {above[-1].name}")
    base, files, tuned = table.pop("extends", None), table.pop("files", None), table.get("tuned")
    if isinstance(tuned, str) and tuned.endswith(".toml"):
        table["tuned"] = str(here.parent / tuned)
    if base is not None:
        below, inherited = _read(_extended(path, base), (*above, here))
        below.pop("preset", None)  # the name of that one
        table = merged(below, table)
    else:
        inherited = ()
    return table, inherited if files is None else _own_files(path, files)


def _extended(path: Path, base: object) -> Path:
    """Return the file that a recipe extends: one relative to it, or one that ships with a case."""
    name = str(base)
    if name.endswith(".toml"):
        return path.parent / name
    known = {name: file for case in case_names() for name, file in _shipped(case).items()}
    if name not in known:
        error = unknown_name("recipe to extend", name, known)
        raise UsageError(f"{path.name}: {error.message}", f"{error.hint}; or a file of yours, such as base.toml")
    return known[name]


def _own_files(path: Path, files: object) -> tuple[Path, ...]:
    if not isinstance(files, list) or not files or not all(isinstance(one, str) and one for one in files):
        raise UsageError(f"{path.name}: recipe key 'files' is {files!r}: it should list paths, relative to {path.name}")
    return tuple(path.resolve().parent / one for one in files)
