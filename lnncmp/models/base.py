"""The contract of a model: what it is, its arguments with their valid ranges, and how to build it.

A model is a file `lnncmp/models/<name>.py` that defines `MODEL = ModelSpec(...)`, or what an installed package names by
an entry point in the group `lnncmp.models`. They are read by `lnncmp models` and by recipe validation, so they import
torch and `lnncmp.layers` inside `build` only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from lnncmp import models
from lnncmp.common.registry import load_member, member_names, origin, refused
from lnncmp.errors import LnncmpError

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


Implementation = Annotated[
    Literal["auto", "fused", "loop"],
    Field(description="fused: one kernel for the whole sequence; loop: plain PyTorch; auto: fused on a CPU"),
]
"""The argument `implementation` of a model, which changes its speed and none of its numbers but for rounding."""
GatedImplementation = Annotated[
    Literal["auto", "fused", "torch", "loop"],
    Field(
        description="fused: one kernel for the whole sequence; torch: torch.nn's kernel; loop: plain PyTorch; auto: "
        "fused on a CPU, torch elsewhere"
    ),
]
"""The same of a model that torch.nn has too."""


Group = Literal["liquid", "recurrent", "ODE", "state-space", "attention", "other"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""The kinds of networks, in the order in which tables of many models show them."""


class Arguments(BaseModel):
    """Base of a model's arguments: frozen, unknown keys refused; each field has a default and a valid range."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Tuned:
    """The argument of a model that `lnncmp tune` varies, next to the learning rate and its decay.

    argument: its name. values: the alternatives, numbers in rising order. It changes no number of active parameters, so
    that tuning leaves models matched in size, and where there is a choice no cost.
    """

    argument: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class ModelSpec:
    """One model that a comparison can name.

    summary: one sentence. citation: paper. equation: the update it computes, with the paper's equation number.
    deviations: how this implementation differs from the paper or the reference code.
    uses_dt: whether the elapsed time enters the update (LSTM and GRU ignore it).
    arguments: the pydantic class of its arguments; it has a field `hidden`, the size that matching varies.
    version: raised when the numbers that a model gives change; part of the run id.
    build: (arguments, inputs, outputs, wiring_seed) -> SequenceModel, initialised from torch's global generator;
        wiring_seed is used by models with a random wiring and ignored by the others.
    tuned: arguments -> the one of them that tuning varies, exactly one for every model; None: it cannot be tuned.
    group: the kind of network.
    """

    summary: str
    citation: str
    equation: str
    deviations: str
    uses_dt: bool
    version: int
    arguments: type[Arguments]
    build: Callable[[Any, int, int, int], "SequenceModel"]
    tuned: Callable[[Any], Tuned] | None = None
    group: Group = "other"


def model_names() -> list[str]:
    """Return the names of all models, sorted: lnncmp's own, and those of installed packages."""
    return member_names(models)


def load_model(name: str) -> ModelSpec:
    """Return the specification of the model `name`.

    Raises UsageError, naming the nearest match, if unknown; PluginError for a package's model that cannot be used.
    """
    return load_member(models, name, "MODEL", "model", ModelSpec)


def group_of(name: str) -> Group:
    """Return the kind of network that a model is; "other" of a model that is not installed here."""
    try:
        return load_model(name).group
    except LnncmpError:
        return "other"


def packages_of_model(name: str) -> dict[str, str]:
    """Return the installed package that a model comes from, with its version; empty for one of lnncmp's own."""
    return origin(models, name)


def refused_models() -> list[str]:
    """Return a sentence for each model of an installed package that is not used."""
    return list(refused(models).values())
