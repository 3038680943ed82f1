"""Neural ODE: a continuous network without a leak, driven by its inputs, with a linear readout."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class NeuralODEArguments(Arguments):
    """Arguments of the neural ODE."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    unfolds: int = Field(6, ge=1, le=1000, description="Runge-Kutta steps for each observation")
    times: Literal["elapsed", "fixed"] = Field(
        "elapsed", description="length of a solver step: elapsed time / unfolds, or `step` whatever the time, as coded"
    )
    step: float = Field(0.1, gt=0, le=1e3, description="length of a solver step with times fixed")
    clip: float | None = Field(
        None, gt=0, le=1e6, description="bound of the state after each solver step (the paper's code: 10 on two tasks)"
    )
    init: Literal["paper", "torch"] = Field(
        "paper", description="paper: glorot for the matrix of [x, h], zero biases; torch: uniform as in torch.nn.RNN"
    )
    implementation: Implementation = "auto"


def build(arguments: NeuralODEArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a neural ODE for `inputs` features and `outputs` targets; `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.additive import AdditiveLayer, Scheme
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    step = arguments.step if arguments.times == "fixed" else None
    scheme = Scheme(arguments.unfolds, "rk4", clip=arguments.clip or float("inf"), step=step)
    init = "joint" if arguments.init == "paper" else "torch"
    layer = AdditiveLayer(inputs, arguments.hidden, scheme, rate=0.0, init=init)
    layer.chosen = arguments.implementation
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary=(
        "Neural ODE: hidden units driven by a tanh layer of inputs and state, without a leak, solved by Runge-Kutta."
    ),
    citation=(
        "Chen, Rubanova, Bettencourt and Duvenaud, Neural ordinary differential equations, NeurIPS 2018; as a "
        "recurrent network in Hasani, Lechner, Amini, Rus and Grosu, Liquid time-constant networks, AAAI 2021, arXiv "
        "2006.04439"
    ),
    equation=(
        "dh/dt = tanh(W [x, h] + b) (LTC paper, section 1), by `unfolds` steps of the classical Runge-Kutta method"
    ),
    deviations=(
        "As in the LTC paper's code, which has no other layers and no adjoint method: gradients go through the "
        "solver. That code ignores the elapsed time and takes six steps of 0.1 (times=fixed); the default follows the "
        "elapsed time of each sample. Nothing bounds the state but |dh/dt| <= 1, unless `clip` does. Steps are cut at "
        "2e9."
    ),
    uses_dt=True,
    version=1,
    arguments=NeuralODEArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("paper", "torch")),
    group="ODE",
)
