"""What all state-space models are built of: their blocks in a row, and a linear readout."""

from collections.abc import Sequence

from lnncmp.errors import UsageError
from lnncmp.layers.blocks import Block, BlockStack
from lnncmp.layers.readout import LinearReadout, RecurrentModel


def state_space_model(
    inputs: int, outputs: int, blocks: Sequence[Block], norm: str, times: str, implementation: str = "auto"
) -> RecurrentModel:
    """Return an affine map of the inputs, the blocks with residuals and a linear readout.

    norm: `none` or `layer`; times: `elapsed` or `fixed`. See lnncmp.layers.blocks.
    """
    layer = BlockStack(inputs, blocks, norm=norm == "layer", fixed=times == "fixed")
    layer.chosen = implementation
    return RecurrentModel(layer, LinearReadout(layer.width, outputs))


def check_conjugate_pairs(model: str, state: int) -> None:
    """Raise UsageError for an odd number of state variables, which are conjugate pairs."""
    if state % 2:
        raise UsageError(
            f"the state of {model} has to be even, since its numbers are conjugate pairs; it is {state}",
            f"Set state to {state - 1} or {state + 1}.",
        )


def check_steps(low: float, high: float) -> tuple[float, float]:
    """Return the range of the initial steps. Raises UsageError if it is empty."""
    if low > high:
        raise UsageError(
            f"step_min has to be at most step_max, they are {low:g} and {high:g}", "Swap them, or change one of them."
        )
    return low, high
