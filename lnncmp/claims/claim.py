"""A claim as the claims file states it, and how that file is read and checked."""

import difflib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from lnncmp.cases.base import case_names, load_case
from lnncmp.common.files import share_dir
from lnncmp.common.plugins import PluginError
from lnncmp.common.toml import read_toml
from lnncmp.comparison.run_metrics import COUNTS, FACTS, KNOWN, NEEDS_GROUPS
from lnncmp.errors import UsageError, unknown_name
from lnncmp.models.base import model_names
from lnncmp.records.metric import ERRORS

Direction = Literal["lower", "higher", "comparable", "not higher", "not lower"]
DIFFERENCES: tuple[Direction, ...] = ("lower", "higher")
"""Directions that claim a difference."""
NOT_WORSE: tuple[Direction, ...] = ("not higher", "not lower")
"""Directions that claim that one model is at most by the smallest effect of interest worse than the other."""
Words = Annotated[str, Field(min_length=1)]
WITHOUT_TIME = "trained_without_time"
"""Stands in `beside` for the claim's own measure on models that were trained with every elapsed time set to 1."""


class Claim(BaseModel):
    """One entry `[[claim]]`; the head of `recipes/claims.toml` says what each key means.

    matters: the smallest effect of interest; with scale "ratio" a factor above 1, with "difference" a difference above
    0 in the measure's unit.
    at_least: the factor that the claim names itself (1: it names none).
    judged_on: sources whose data count for this claim, all if empty; runs on others are shown and decide nothing.
    check: a second measure that must not say otherwise. beside: measures that the reason names and that decide nothing.
    family: claims of one family are corrected for each other, the others' number takes no power from them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    claim: Words
    where: Words
    case: str
    conditions: str = ""
    left: str
    right: str
    left_arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)
    right_arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)
    measure: str
    check: str | None = None
    beside: tuple[str, ...] = ()
    family: str = ""
    baseline: str | None = None
    groups: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    judged_on: tuple[str, ...] = ()
    direction: Direction
    scale: Literal["ratio", "difference"] = "ratio"
    matters: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    at_least: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.0
    not_testable: str | None = None
    assumed: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def sign(self) -> float:
        """1 where lower values of the measure speak for the left model, -1 where higher ones do."""
        return -1.0 if self.direction in ("higher", "not lower") else 1.0

    @field_validator("matters")
    @classmethod
    def _above_one(cls, value: float, others: ValidationInfo) -> float:
        if others.data.get("scale") == "ratio" and value <= 1:
            raise PydanticCustomError("matters", "should be a ratio above 1")
        return value

    @field_validator("at_least")
    @classmethod
    def _of_a_ratio(cls, value: float, others: ValidationInfo) -> float:
        if value > 1 and (others.data.get("scale") != "ratio" or others.data.get("direction") not in DIFFERENCES):
            raise PydanticCustomError("at_least", "has a meaning for ratios that are lower or higher only")
        return value


def load_claims(path: Path | None = None, beside: bool = False) -> list[Claim]:
    """Return the claims of a TOML file in its order, those that ship with lnncmp if None.

    beside: those that ship with lnncmp come first, then the file's. Raises DataError if it cannot be read; UsageError
    for keys, values or names that do not exist, and for an id that is there twice: one sentence that names file and
    claim, with the nearest match.
    """
    shipped = share_dir("recipes") / "claims.toml"
    if path is None:
        return _read(shipped)
    own = _read(path)
    others = _read(shipped) if beside else []
    taken = {claim.id for claim in others}
    for claim in own:
        if claim.id in taken:
            raise UsageError(
                f"{path.name} names the claim '{claim.id}', which lnncmp's own claims have too", "Choose another id."
            )
    return [*others, *own]


def _read(path: Path) -> list[Claim]:
    entries = (table := read_toml(path, "the claims")).get("claim", [])
    if set(table) - {"claim"} or not isinstance(entries, list) or not entries:
        raise UsageError(f"{path.name} should hold entries [[claim]] and nothing else")
    claims: dict[str, Claim] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            claim = _parsed(entry, number)
            check(claim)
        except UsageError as error:
            raise UsageError(f"{path.name}, {error.message}", error.hint) from None
        if claim.id in claims:
            raise UsageError(f"{path.name} names the claim '{claim.id}' twice")
        claims[claim.id] = claim
    return list(claims.values())


def find_claim(claims: list[Claim], name: str) -> Claim:
    """Return the claim with this id. Raises UsageError with the nearest match."""
    for claim in claims:
        if claim.id == name:
            return claim
    raise unknown_name("claim", name, (claim.id for claim in claims))


def check(claim: Claim) -> None:
    """Raise UsageError unless the claim names a case, models and measures that exist."""
    if claim.case not in case_names():
        raise _of(claim, unknown_name("case", claim.case, case_names()))
    for model in (claim.left, claim.right):
        if model not in model_names():
            raise _of(claim, unknown_name("model", model, model_names()))
    try:
        case = load_case(claim.case)
    except PluginError as error:
        raise _of(claim, error) from None
    metrics = {*ERRORS, *KNOWN, *(measure.name for measure in case.metrics)}
    sources = case.sources
    for source in claim.judged_on:
        if source not in sources:
            raise _of(claim, unknown_name("source", source, sources))
    if claim.judged_on and claim.measure in COUNTS:
        raise UsageError(f"claim '{claim.id}': {claim.measure} is the same on any data, so judged_on has no use")
    named = [name for name in (claim.measure, claim.check, *claim.beside) if name is not None]
    for measure in named:
        if measure not in metrics and not (measure == WITHOUT_TIME and measure in claim.beside):
            raise _of(claim, unknown_name("measure", measure, {*metrics, WITHOUT_TIME}))
    if any(name in NEEDS_GROUPS for name in named) != bool(claim.groups):
        needs = next((name for name in named if name in NEEDS_GROUPS), None)
        word = f"{needs} needs" if needs else f"{claim.measure} has no use for"
        raise UsageError(f"claim '{claim.id}': the measure {word} groups of test sets")
    if claim.levels and not claim.groups:
        raise UsageError(f"claim '{claim.id}': levels need groups of test sets")
    if claim.direction not in DIFFERENCES and claim.measure in FACTS:
        raise UsageError(f"claim '{claim.id}': counts, times and bytes are lower or higher, not {claim.direction}")
    if claim.left == claim.right and claim.left_arguments == claim.right_arguments:
        raise UsageError(f"claim '{claim.id}' holds {claim.left} against itself", "Name two models, or arguments.")
    if claim.baseline is not None and (claim.measure in KNOWN or claim.direction != "lower"):
        raise UsageError(f"claim '{claim.id}': against a baseline, only a lower error can be claimed")
    _check_second_measures(claim)


def _check_second_measures(claim: Claim) -> None:
    """Raise UsageError for a check or a measure beside that cannot be held against the claim's own."""
    for measure in (*filter(None, [claim.check]), *claim.beside):
        if (measure in FACTS) != (claim.measure in FACTS):
            raise UsageError(
                f"claim '{claim.id}': {measure} says nothing of {claim.measure}",
                f"Counts, times and bytes are checked by others such as {', '.join(FACTS)}, errors by errors.",
            )
    if claim.beside and claim.measure in FACTS:
        raise UsageError(f"claim '{claim.id}': counts, times and bytes have a check, not measures beside")
    if (claim.check or claim.beside) and (claim.baseline is not None or claim.direction not in DIFFERENCES):
        raise UsageError(f"claim '{claim.id}': only claims that one model is better or worse have second measures")


def _of(claim: Claim, error: UsageError) -> UsageError:
    return UsageError(f"claim '{claim.id}': {error.message}", error.hint)


def _parsed(entry: object, number: int) -> Claim:
    try:
        return Claim.model_validate(entry)
    except ValidationError as invalid:
        named = entry.get("id") if isinstance(entry, dict) else None
        name = f"claim '{named}'" if isinstance(named, str) else f"claim number {number}"
        first = invalid.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, list(Claim.model_fields), n=1, cutoff=0.5)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known keys: {', '.join(Claim.model_fields)}"
            raise UsageError(f"{name}: unknown key '{key}'", hint) from None
        if first["type"] == "missing":
            raise UsageError(f"{name} lacks the key '{key}'") from None
        said = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{name}: '{key}' is {first['input']!r}: {said[:1].lower()}{said[1:]}") from None
