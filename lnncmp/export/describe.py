"""From a network to the program of its step: scaling, elapsed time as an input, recurrent layer, readout, unscaling."""

from torch import nn

from lnncmp.errors import UsageError
from lnncmp.export.builder import Builder, array
from lnncmp.export.layers.base import describe_layer
from lnncmp.export.network import PortableNetwork
from lnncmp.export.program import Constant, Expr, Program, Ref
from lnncmp.layers.liquid import LeadingReadout
from lnncmp.layers.readout import LinearReadout, MotorReadout, RecurrentModel
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.training.build import TimeAsInput


def describe(network: PortableNetwork) -> Program:
    """Return the program of one step of `network`, from raw inputs to raw outputs.

    Raises UsageError for a network that has no description, or whose weights are not finite.
    """
    inputs, outputs = network.input_scaler, network.target_scaler
    builder = Builder(len(inputs.mean), len(outputs.mean))
    x: Ref = builder.whole("x")
    if inputs.mean.any() or (inputs.std != 1.0).any():
        x = builder.let("scaled", (x - Constant(inputs.mean)) * Constant(1.0 / inputs.std))
    dt = builder.whole("dt")
    if network.withholds_time:
        dt = builder.let("one", dt * 0.0 + 1.0)  # as wide as the batch, which a constant would not be
    y = _network(builder, network.model, x, dt)
    builder.let("y", y * Constant(outputs.std) + Constant(outputs.mean))
    return builder.finished()


def _network(builder: Builder, model: SequenceModel, x: Ref, dt: Ref) -> Expr:
    """Write a model's step from scaled inputs, and return its scaled outputs."""
    if isinstance(model, TimeAsInput):
        return _network(builder, model.model, builder.join("timed", [x, dt]), dt)
    if not isinstance(model, RecurrentModel):
        raise UsageError(f"no export format knows the network {type(model).__name__}", "Known are recurrent models.")
    return _read(builder, model.readout, describe_layer(builder, model.layer, x, dt))


def _read(builder: Builder, readout: nn.Module, hidden: Ref) -> Expr:
    """Write a readout of the hidden units, and return the outputs."""
    if isinstance(readout, MotorReadout):
        motor = hidden.part(0, readout.outputs)
        return motor * Constant(array(readout.output_w)) + Constant(array(readout.output_b))
    if isinstance(readout, LeadingReadout):
        return _read(builder, readout.linear, hidden.part(0, readout.neurons))
    if isinstance(readout, LinearReadout):
        out = builder.bias("read", readout.bias)
        builder.add_product(out, readout.weight, hidden)
        return out
    raise UsageError(
        f"no export format knows the readout {type(readout).__name__}", "Known are linear and motor readouts."
    )
