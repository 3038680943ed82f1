"""The models that a comparison can name: the files of this folder, imported only when used."""

from lnncmp import models
from lnncmp.models.base import ModelSpec
from lnncmp.registry import load_member, member_names


def model_names() -> list[str]:
    """Return the names of all models, sorted: one for each public file of the folder but `base` and `registry`."""
    return member_names(models)


def load_model(name: str) -> ModelSpec:
    """Return the specification of the model `name`. Raises UsageError, naming the nearest match, if there is none."""
    spec: ModelSpec = load_member(models, name, "MODEL", "model")
    return spec
