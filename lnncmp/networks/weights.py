"""A trained network as the bytes of a safetensors file: `module.*`, `scaler.*`, and words about them as JSON.

Format: https://huggingface.co/docs/safetensors. It holds tensors and text, and nothing that could be run.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from lnncmp.data.scaling import Scaler, Scalers
from lnncmp.errors import UsageError
from lnncmp.records.weights import unusable

_ABOUT = "lnncmp"
_MODULE = "module."
_NOT_ONE = "is no safetensors file of a network of lnncmp"


class Card(BaseModel):
    """What a file of weights says of its network: (name, unit) of each input feature, output and column; time unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1, le=1)] = 1
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]
    time_unit: str


def packed(module: nn.Module, scalers: Scalers, card: Card) -> bytes:
    """Return the content of the file: equal weights, scalers and cards give equal bytes."""
    # Copies: safetensors refuses tensors that share memory, as views of a stack of models do.
    tensors = {_MODULE + name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}
    for side, scaler in (("inputs", scalers.inputs), ("outputs", scalers.outputs)):
        for name, values in (("mean", scaler.mean), ("std", scaler.std)):
            tensors[f"scaler.{side}.{name}"] = torch.from_numpy(np.asarray(values, np.float64).copy())
    # One key: the library keeps several in no fixed order.
    return save({name: tensor.contiguous() for name, tensor in tensors.items()}, {_ABOUT: card.model_dump_json()})


def unpack(content: bytes, path: Path, module: nn.Module) -> tuple[Scalers, Card]:
    """Load the content of a file into `module`; return the scalers and the card. Raises DataError, naming `path`."""
    try:
        tensors = load(content)
        card = Card.model_validate_json(_metadata(content)[_ABOUT])
    except (SafetensorError, ValidationError, ValueError, KeyError, TypeError, RecursionError):
        raise unusable(path, content, _NOT_ONE) from None
    scalers = Scalers(
        _scaler(tensors, "inputs", len(card.inputs), path, content),
        _scaler(tensors, "outputs", len(card.outputs), path, content),
    )
    _fill(module, {name: tensor for name, tensor in tensors.items() if name.startswith(_MODULE)}, path, content)
    return scalers, card


def _metadata(content: bytes) -> dict[str, str]:
    """Return the text in the header, whose length the first eight bytes say (checked by the library before)."""
    length = int.from_bytes(content[:8], "little")
    table = json.loads(content[8 : 8 + length])["__metadata__"]
    return dict(table)


def _scaler(tensors: dict[str, Tensor], side: str, columns: int, path: Path, content: bytes) -> Scaler:
    found = [tensors.get(f"scaler.{side}.{name}") for name in ("mean", "std")]
    for tensor in found:
        if tensor is None or tensor.shape != (columns,) or tensor.dtype != torch.float64:
            shape = None if tensor is None else tuple(tensor.shape)
            raise unusable(path, content, f"should hold the scaler of {columns} {side} (float64), found {shape}")
    mean, std = (tensor.numpy() for tensor in found if tensor is not None)
    if not (np.isfinite(mean).all() and (std > 0).all()):
        raise unusable(path, content, f"holds a scaler of the {side} that is not finite or not above 0")
    return Scaler(mean, std, fitted=True)


def _fill(module: nn.Module, tensors: dict[str, Tensor], path: Path, content: bytes) -> None:
    """Copy the tensors into the module, if there are exactly those that it has, in its shapes and types."""
    own = {_MODULE + name: tensor for name, tensor in module.state_dict().items()}
    strange, missing = sorted(set(tensors) - set(own)), sorted(set(own) - set(tensors))
    if strange or missing:
        first = (strange or missing)[0].removeprefix(_MODULE)
        what = f"holds '{first}', which this model has not" if strange else f"lacks '{first}', which this model has"
        raise unusable(path, content, f"belongs to another model: it {what}")
    for name, tensor in tensors.items():
        expected = own[name]
        if tensor.shape != expected.shape or tensor.dtype != expected.dtype:
            raise unusable(
                path,
                content,
                f"belongs to a model of another shape: '{name.removeprefix(_MODULE)}' is {tuple(tensor.shape)} "
                f"{tensor.dtype}, this model has {tuple(expected.shape)} {expected.dtype}",
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise unusable(path, content, f"holds a weight that is not finite in '{name.removeprefix(_MODULE)}'")
    try:
        module.load_state_dict({name.removeprefix(_MODULE): tensor for name, tensor in tensors.items()})
    except UsageError as error:  # masks of another wiring
        raise unusable(path, content, f"does not fit its record: {error.message}") from None
