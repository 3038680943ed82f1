"""The file `recipes/multiverse/CASE.toml`: what a study left open, and the reasonable answers. Read and checked."""

import difflib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lnncmp.cases.base import load_case, recipe_folder
from lnncmp.common.toml import read_toml
from lnncmp.errors import DataError, UsageError, unknown_name

Words = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Alternative(_Part):
    """One answer to an open question.

    why: what makes it reasonable. set: changes of the recipe, as in `--set`. plays: model of the claims -> model of the
    file that takes its side. variants: the comparisons to which `set` applies; empty: all.
    """

    name: Words
    why: Words
    set: tuple[str, ...] = ()
    plays: dict[str, str] = Field(default_factory=dict)
    variants: tuple[str, ...] = ()


class Choice(_Part):
    """One open question and its alternatives; the first is the default."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+( [A-Za-z0-9]+)*$")]
    question: Words
    alternative: tuple[Alternative, ...]

    def find(self, name: str) -> Alternative:
        """Return the alternative of this name. Raises KeyError."""
        return next(one for one in self.alternative if one.name == name)


class Choices(_Part):
    """The whole file.

    preset: the recipe that all universes start from; set: changes of it that hold in all. seeds: of every universe.
    variants: the comparisons that every universe runs, "" being the recipe without a variant. sides: models of the
    claims, each played by the model of that name unless an alternative says otherwise. models: further models, each as
    a recipe's table `models.NAME`. universes: how many to run where there are more.
    """

    case: str
    preset: str
    set: tuple[str, ...] = ()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    variants: Annotated[tuple[str, ...], Field(min_length=1)] = ("",)
    sides: Annotated[tuple[str, ...], Field(min_length=2)]
    models: dict[str, dict[str, Any]] = Field(default_factory=dict)
    universes: Annotated[int, Field(ge=1, le=10_000)] = 60
    choice: Annotated[tuple[Choice, ...], Field(min_length=1)]

    @property
    def known_models(self) -> list[str]:
        """The models that may take part."""
        return list(dict.fromkeys([*self.sides, *self.models]))

    @property
    def possible(self) -> int:
        """How many universes all alternatives together make."""
        return prod(len(choice.alternative) for choice in self.choice)


_KINDS: Mapping[str, type[BaseModel]] = {"choice": Choice, "alternative": Alternative}


def load_choices(case: str, path: Path | None = None) -> Choices:
    """Return the choices of a case, from the file that ships with lnncmp if `path` is None.

    Raises DataError if it cannot be read; UsageError for what does not exist or says nothing: one sentence that names
    the choice, with the nearest match.
    """
    load_case(case)
    source = _shipped(case) if path is None else path
    table = read_toml(source, "the choices")
    try:
        choices = Choices.model_validate(table)
    except ValidationError as invalid:
        raise _explained(invalid, table, source.name) from None
    if choices.case != case:
        raise UsageError(f"{source.name} lists the choices of {choices.case}, not of {case}")
    _check(choices, source.name)
    return choices


def _shipped(case: str) -> Path:
    """Return the file that ships with a case. Raises DataError without one."""
    folder = recipe_folder(case)
    if folder is None or not (folder / "multiverse" / f"{case}.toml").is_file():
        raise DataError(f"no open choices are listed for {case}", "Name a file with --choices.")
    return folder / "multiverse" / f"{case}.toml"


def _check(choices: Choices, file: str) -> None:
    names = [choice.name for choice in choices.choice]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"{file} names the choice '{twice}' twice")
    for variant in choices.variants:
        if variant and variant not in load_case(choices.case).variants:
            raise _of(file, unknown_name("variant", variant, load_case(choices.case).variants))
    for choice in choices.choice:
        where = f"{file}, choice '{choice.name}'"
        if len(choice.alternative) < 2:
            count = "no alternative" if not choice.alternative else "one alternative"
            raise UsageError(f"{where} has {count}; an open choice needs at least two")
        given = [one.name for one in choice.alternative]
        if len(set(given)) < len(given):
            twice = next(name for name in given if given.count(name) > 1)
            raise UsageError(f"{where} names the alternative '{twice}' twice")
        for number, one in enumerate(choice.alternative):
            _check_alternative(choices, one, f"{where}, alternative '{one.name}'", default=number == 0)


def _check_alternative(choices: Choices, one: Alternative, where: str, default: bool) -> None:
    if not (one.set or one.plays or default):
        raise UsageError(f"{where} is empty: it changes nothing", "Only the first, the default, may change nothing.")
    for change in one.set:
        key = change.partition("=")[0].strip()
        if key.startswith("models.") and key.split(".")[1] not in choices.known_models:
            raise _of(where, unknown_name("model", key.split(".")[1], choices.known_models))
        if key == "seeds":
            raise UsageError(f"{where} changes the seeds, which all universes share", "Use --seeds.")
    for side, player in one.plays.items():
        if side not in choices.sides:
            raise _of(where, unknown_name("side", side, choices.sides))
        if player not in choices.known_models:
            raise _of(where, unknown_name("model", player, choices.known_models))
    for variant in one.variants:
        if variant not in choices.variants:
            raise _of(where, unknown_name("variant", variant, choices.variants))


def _of(where: str, error: UsageError) -> UsageError:
    return UsageError(f"{where}: {error.message}", error.hint)


def _explained(invalid: ValidationError, table: dict[str, Any], file: str) -> UsageError:
    """Return the first fault in one sentence that names the choice."""
    faults = invalid.errors()
    first = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])  # a misspelt key lacks, too
    where, key = file, ".".join(str(part) for part in first["loc"])
    if first["loc"][0] == "choice" and len(first["loc"]) > 2:
        number = int(first["loc"][1])
        where = f"{file}, choice '{_name_of(table['choice'][number], number)}'"
        key = ".".join(str(part) for part in first["loc"][2:])
    kind = _KINDS.get(_last_table(first["loc"]), Choices)
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]), list(kind.model_fields), n=1, cutoff=0.5)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known keys: {', '.join(kind.model_fields)}"
        return UsageError(f"{where}: unknown key '{key}'", hint)
    if first["type"] == "missing":
        return UsageError(f"{where} lacks the key '{key}'")
    said = first["msg"].removeprefix("Value error, ")
    return UsageError(f"{where}: '{key}' is {first['input']!r}: {said[:1].lower()}{said[1:]}")


def _name_of(entry: object, number: int) -> str:
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else f"number {number + 1}"


def _last_table(location: tuple[int | str, ...]) -> str:
    """Return the innermost list of tables that a fault lies in."""
    return next((str(part) for part in reversed(location) if part in ("choice", "alternative")), "")
