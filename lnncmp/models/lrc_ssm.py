"""LrcSSM: liquid-resistance liquid-capacitance neurons that see no other neuron's state."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class LrcSSMArguments(Arguments):
    """Arguments of LrcSSM."""

    hidden: int = Field(32, ge=1, le=4096, description="neurons of each block")
    blocks: int = Field(1, ge=1, le=64, description="blocks one after the other, each with a state of its own")
    solver: Literal["semi_implicit", "explicit_euler"] = Field(
        "semi_implicit", description="semi_implicit: stable for any elapsed time; explicit_euler: the authors' code"
    )
    symmetric: bool = Field(False, description="the elastance is a bump of two sigmoids, not one sigmoid")
    elastance: Literal["state", "inputs"] = Field(
        "state", description="state: of the neuron's own state, as coded; inputs: of the inputs too, as in the paper"
    )
    norm: Literal["none", "layer"] = Field(
        "none", description="layer: after each block features are normalised at each step, without parameters"
    )
    times: Literal["elapsed", "fixed"] = Field(
        "elapsed", description="elapsed: a step has the length of the elapsed time; fixed: it counts as 1, as coded"
    )
    implementation: Implementation = "auto"


def build(arguments: LrcSSMArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an LrcSSM for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.lrc_ssm import LRCBlock
    from lnncmp.layers.state_space import state_space_model

    reads = arguments.elastance == "inputs"
    blocks = [
        LRCBlock(arguments.hidden, arguments.hidden, arguments.solver, symmetric=arguments.symmetric, reads=reads)
        for _ in range(arguments.blocks)
    ]
    return state_space_model(inputs, outputs, blocks, arguments.norm, arguments.times, arguments.implementation)


MODEL = ModelSpec(
    summary="Nonlinear state-space model of liquid neurons, each with conductances and a capacitance of its own state.",
    citation=(
        "Farsang, Hasani, Rus and Grosu, Scaling up liquid-resistance liquid-capacitance networks for efficient "
        "sequence modeling, NeurIPS 2025, arXiv 2505.21717"
    ),
    equation=(
        "dx/dt = E (-sigmoid(f) x + e_leak tanh(g)) (Eq. 10), f and g sums of synapses from the inputs and the neuron "
        "itself, E = sigmoid(k x + c); block: u + x"
    ),
    deviations=(
        "Computed step by step, which gives what the paper's parallel Newton iteration converges to. The elapsed time "
        "is the step's length, solved by default with the decay at the new state, so that no step is too long; the "
        "code takes one explicit Euler step of length 1 (solver=explicit_euler, times=fixed). The elastance sees the "
        "state alone as in the code. The shift of the symmetric elastance enters by its absolute value, the "
        "unsymmetric one has no unused shift. Neurons and features are one number; the encoder is linear, without the "
        "MLP and the normalisation of the code."
    ),
    uses_dt=True,
    version=1,
    arguments=LrcSSMArguments,
    build=build,
    tuned=lambda arguments: Tuned("solver", ("semi_implicit", "explicit_euler")),
    group="state-space",
)
