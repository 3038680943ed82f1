"""The models that a comparison can name: the files of this folder, imported only when used."""

from importlib import import_module
from pathlib import Path

from lnncmp.errors import unknown_name
from lnncmp.models.base import ModelSpec

_NOT_MODELS = {"base", "registry"}


def model_names() -> list[str]:
    """Return the names of all models, sorted: one for each public file of the folder but `base` and `registry`."""
    names = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return sorted(name for name in names if name not in _NOT_MODELS and not name.startswith("_"))


def load_model(name: str) -> ModelSpec:
    """Return the specification of the model `name`.

    Raises UsageError, naming the nearest match, for a name without a file; nothing else is ever imported.
    """
    known = model_names()
    if name not in known:
        raise unknown_name("model", name, known)
    spec: ModelSpec = import_module(f"lnncmp.models.{name}").MODEL
    return spec
