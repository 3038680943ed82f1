"""Networks that are trained without torch: kernels for the hidden states, then a readout.

Legend of shapes: S copies, P trainable numbers of a copy.
"""

from dataclasses import dataclass

from lnncmp.kernels.common.array_operation import Passes, find_passes
from lnncmp.layers.liquid import LeadingReadout
from lnncmp.layers.readout import LinearReadout, MotorReadout, RecurrentModel
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.training.build import TimeAsInput


@dataclass(frozen=True)
class Network:
    """What is computed, and where it finds its weights: names of parameters and of masks (buffers) of the model.

    weights: those of the operation, in its order. readout: weight and bias; it reads the first `sources` units, if
    `diagonal` with one gain each. least: least values of parameters. state_widths: of
    the states that the operation is given.
    """

    operation: Passes
    weights: tuple[str, ...]
    readout: tuple[str, str]
    least: dict[str, float]
    sources: int
    diagonal: bool
    with_time: bool
    width: int
    state_widths: tuple[int, ...]

    def trainable(self, sizes: dict[str, int]) -> list[str]:
        """Return the names of the trainable parameters, in the order of the operation, then the readout.

        sizes: how many numbers each trainable parameter has.
        """
        return [name for name in (*self.weights, *self.readout) if name in sizes]


def network_of(model: SequenceModel) -> Network | None:
    """Return what the model computes; None if it is more than kernels and a readout, or some weights are frozen."""
    inner = model.model if type(model) is TimeAsInput else model
    if type(inner) is not RecurrentModel or not inner.stackable:
        return None
    layer, readout, call = inner.layer, inner.readout, inner.layer.kernel_call()
    if call is None or type(readout) not in (LinearReadout, MotorReadout, LeadingReadout):
        return None
    operation = find_passes(call.key)
    parameters = dict(model.named_parameters())
    names = {id(own): name for name, own in (*parameters.items(), *model.named_buffers())}
    weights = [names.get(id(own)) for own in call.weights]
    affine = list(readout.parameters())
    own = [names[id(p)] for p in affine]
    used = [name for name in (*weights, *own) if name in parameters]
    complete = None not in weights and len(own) == 2 and sorted(used) == sorted(parameters)
    if not complete or not all(p.requires_grad for p in model.parameters()):
        return None
    return Network(
        operation=operation,
        weights=tuple(name for name in weights if name is not None),
        readout=(own[0], own[1]),
        least={names[id(p)]: least for p, least in layer.least_values()},
        sources=affine[0].shape[-1],
        diagonal=type(readout) is MotorReadout,
        with_time=inner is not model,
        width=layer.width,
        state_widths=layer.state_widths[: operation.data - 3],
    )
