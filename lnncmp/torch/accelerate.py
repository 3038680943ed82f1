"""Puts this project's layers in the place of those of ncps.torch inside any module, around the same parameters."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ncps.torch as theirs
import torch
from ncps.torch.cfc_cell import LeCun
from ncps.torch.lstm import LSTMCell
from torch import Tensor, nn

from lnncmp.errors import UsageError
from lnncmp.torch.cfc import CfC
from lnncmp.torch.cfc_cell import CfCCell
from lnncmp.torch.ltc import LTC
from lnncmp.torch.ltc_cell import LTCCell
from lnncmp.torch.wired_cfc_cell import WiredCfCCell

_ACTIVATIONS = {nn.SiLU: "silu", nn.ReLU: "relu", nn.Tanh: "tanh", nn.GELU: "gelu", LeCun: "lecun_tanh"}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@dataclass(frozen=True)
class Accelerated:
    """What `accelerate` did: the model, the layers replaced by name, and those kept by name with the reason."""

    model: nn.Module
    replaced: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"replaced {name or 'the model itself'}: {kind}" for name, kind in self.replaced.items()]
        lines += [f"kept {name or 'the model itself'}: {reason}" for name, reason in self.kept.items()]
        return "\n".join(lines) or "no layer of ncps.torch was found"


def accelerate(model: nn.Module) -> Accelerated:
    """Replace every layer and cell of ncps.torch inside `model` by the one of lnncmp.torch that computes the same.

    The new layers hold the same Parameter objects under the same names, so an optimiser that exists goes on, and state
    dicts fit as before. The model is changed in place; where it is such a layer itself, the result's `model` is the
    new one. A layer of which something is not known to be the same (a subclass, a hook, an exchanged part) stays.

    Differences in what is computed are those of docs/torch.md: batched timespans are right afterwards.
    """
    work = _Work()
    return Accelerated(work.visit(model, ""), work.replaced, work.kept)


class _Keep(Exception):
    """Why a layer cannot be replaced."""


class _Work:
    """One walk over a model; a layer that stands at two places is replaced by one."""

    def __init__(self) -> None:
        self.replaced: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self._seen: dict[nn.Module, nn.Module] = {}

    def visit(self, module: nn.Module, name: str) -> nn.Module:
        """Return what stands in the place of `module` afterwards."""
        if module in self._seen:
            return self._seen[module]
        self._seen[module] = module
        if isinstance(module, tuple(_BUILDERS)):
            try:
                new = self._seen[module] = _replacement(module)
            except (_Keep, UsageError) as reason:
                self.kept[name] = str(reason)
            else:
                self.replaced[name] = type(new).__name__
                return new
        for key, child in module._modules.items():
            if child is not None:
                module._modules[key] = self.visit(child, f"{name}.{key}" if name else key)
        return module


def _replacement(layer: nn.Module) -> nn.Module:
    """Return our layer with the parameters of `layer`. Raises _Keep or UsageError with the reason why there is none."""
    if type(layer) not in _BUILDERS:
        base = next(kind for kind in _BUILDERS if isinstance(layer, kind))
        raise _Keep(f"{type(layer).__name__} is a subclass of {base.__name__} with code of its own")
    for part in layer.modules():
        if any(vars(part)[hooks] for hooks in _HOOKS):
            raise _Keep("it has hooks, which would be lost")
        if "forward" in vars(part):
            raise _Keep("its forward is not that of ncps")
    with torch.random.fork_rng(devices=[]):
        new = _BUILDERS[type(layer)](layer)
    _adopt(new, layer)
    return new


def _adopt(new: nn.Module, layer: nn.Module) -> None:
    """Give `new` the Parameter objects of `layer`, its device, and whether it is training."""
    parameters = dict(layer.named_parameters())
    own = dict(new.named_parameters())
    shapes, wanted = ({name: p.shape for name, p in group.items()} for group in (parameters, own))
    if shapes != wanted:
        differing = sorted(name for name in shapes.keys() | wanted.keys() if shapes.get(name) != wanted.get(name))
        raise _Keep(f"its parameters are not those that its arguments say: {', '.join(differing)}")
    new.to(next(iter(parameters.values())).device)
    for name, parameter in parameters.items():
        owner, _, leaf = name.rpartition(".")
        new.get_submodule(owner)._parameters[leaf] = parameter
    modes = {name: part.training for name, part in layer.named_modules()}
    for name, part in new.named_modules():
        part.training = modes.get(name, layer.training)


def _expect(part: Any, kind: type[nn.Module], name: str) -> None:
    if type(part) is not kind:
        raise _Keep(f"its {name} is a {type(part).__name__}, not a {kind.__name__} of ncps")


def _check_memory(layer: Any) -> None:
    if layer.use_mixed:
        _expect(layer.lstm, LSTMCell, "lstm")


def _ltc_cell_arguments(cell: Any) -> dict[str, Any]:
    stale = [name for name, parameter in cell._params.items() if parameter is not cell._parameters[name]]
    if stale:
        raise _Keep(f"ncps computes with other tensors than those that the cell holds: {', '.join(stale)}")
    return {
        "input_mapping": cell._input_mapping,
        "output_mapping": cell._output_mapping,
        "ode_unfolds": cell._ode_unfolds,
        "epsilon": cell._epsilon,
        "implicit_param_constraints": cell._implicit_param_constraints,
    }


def _ltc_cell(cell: Any) -> LTCCell:
    return LTCCell(cell._wiring, **_ltc_cell_arguments(cell))


def _ltc(layer: Any) -> LTC:
    _expect(layer.rnn_cell, theirs.LTCCell, "rnn_cell")
    _check_memory(layer)
    inputs = layer.rnn_cell.sensory_size
    placed = {"return_sequences": layer.return_sequences, "batch_first": layer.batch_first}
    arguments = _ltc_cell_arguments(layer.rnn_cell)
    new = LTC(inputs, layer._wiring, mixed_memory=layer.use_mixed, **placed, **arguments)
    new.wiring_or_units = layer.wiring_or_units
    return new


def _backbone_arguments(cell: Any) -> dict[str, Any]:
    parts = list(cell.backbone or ())
    units = [part.out_features for part in parts if isinstance(part, nn.Linear)]
    drops = [part.p for part in parts if isinstance(part, nn.Dropout)]
    others = {type(part) for part in parts} - {nn.Linear, nn.Dropout}
    if len(others) > 1 or others - _ACTIVATIONS.keys() or len(set(drops)) > 1:
        raise _Keep("its backbone is not one that ncps makes")
    return {
        "backbone_units": units[0] if units else 0,
        "backbone_layers": len(units),
        "backbone_dropout": drops[0] if drops else 0.0,
        "activation": _ACTIVATIONS[others.pop()] if others else "lecun_tanh",
    }


def _cfc_cell(cell: Any) -> CfCCell:
    arguments = _backbone_arguments(cell)
    arguments["backbone_activation"] = arguments.pop("activation")
    mask: Tensor | None = cell.sparsity_mask
    given = None if mask is None else mask.detach().cpu().numpy().T
    return CfCCell(cell.input_size, cell.hidden_size, cell.mode, sparsity_mask=given, **arguments)


def _check_wired(cell: Any) -> None:
    for part in cell._layers:
        _expect(part, theirs.CfCCell, "layer")
    if cell.motor_size != cell.layer_sizes[-1]:
        raise _Keep(
            f"ncps gives all {cell.layer_sizes[-1]} neurons of its last layer, lnncmp the {cell.motor_size} outputs "
            "that the wiring says"
        )


def _wired_cell(cell: Any) -> WiredCfCCell:
    _check_wired(cell)
    return WiredCfCCell(None, cell._wiring, cell._layers[0].mode)


def _cfc(layer: Any) -> CfC:
    _check_memory(layer)
    wired = isinstance(layer.rnn_cell, theirs.WiredCfCCell)
    _expect(layer.rnn_cell, theirs.WiredCfCCell if wired else theirs.CfCCell, "rnn_cell")
    if wired:
        _check_wired(layer.rnn_cell)
    cell = layer.rnn_cell._layers[0] if wired else layer.rnn_cell
    inputs = layer.rnn_cell.sensory_size if wired else cell.input_size
    placed = {"return_sequences": layer.return_sequences, "batch_first": layer.batch_first}
    arguments = {} if wired else _backbone_arguments(cell)
    units = layer.wiring_or_units
    new = CfC(inputs, units, layer.proj_size, mixed_memory=layer.use_mixed, mode=cell.mode, **placed, **arguments)
    new.fc = layer.fc
    return new


_BUILDERS: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    theirs.LTC: _ltc,
    theirs.CfC: _cfc,
    theirs.LTCCell: _ltc_cell,
    theirs.CfCCell: _cfc_cell,
    theirs.WiredCfCCell: _wired_cell,
}
