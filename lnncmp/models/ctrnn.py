"""CT-RNN: the continuous-time recurrent network, a leak and a tanh layer, with a linear readout."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.errors import UsageError
from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel

_STABLE = {"euler": 2.0, "rk4": 2.785}
"""Largest step / tau at which a leak solved by the method does not grow."""
_LIMIT = {"euler": 1.0, "rk4": 2.0}
"""Step / tau that longer steps are cut to: beyond 1, Euler overshoots the state that it relaxes to."""


class CTRNNArguments(Arguments):
    """Arguments of the CT-RNN."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units")
    cell: Literal["ltc_paper", "ode_lstm_paper"] = Field(
        "ltc_paper",
        description="ltc_paper: Euler steps; ode_lstm_paper: Runge-Kutta steps and a learned scale of each unit "
        "(published with unfolds 3)",
    )
    unfolds: int = Field(6, ge=1, le=1000, description="solver steps for each observation")
    times: Literal["elapsed", "fixed"] = Field(
        "elapsed", description="length of a solver step: elapsed time / unfolds, or `step` whatever the time, as coded"
    )
    step: float = Field(0.1, gt=0, le=1e3, description="length of a solver step with times fixed")
    tau: Literal["fixed", "learned"] = Field(
        "fixed", description="whether time constants stay as they are, as in both papers' code, or are learned"
    )
    time_constant: float = Field(
        1.0, ge=1e-2, le=1e3, description="time constant of all units, at the start if learned"
    )
    clip: float | None = Field(None, gt=0, le=1e6, description="bound of the state after each solver step")
    init: Literal["paper", "torch"] = Field(
        "paper",
        description="paper: glorot for the matrix of [x, h] (ltc_paper), or glorot for x and orthogonal for h "
        "(ode_lstm_paper), zero biases; torch: uniform as in torch.nn.RNN",
    )
    implementation: Implementation = "auto"


def build(arguments: CTRNNArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a CT-RNN for `inputs` features and `outputs` targets; `wiring_seed` is ignored.

    Raises UsageError for fixed steps beyond the stable range of the solver.
    """
    del wiring_seed
    from lnncmp.layers.additive import AdditiveLayer, Scheme
    from lnncmp.layers.readout import LinearReadout, RecurrentModel

    first = arguments.cell == "ltc_paper"
    solver = "euler" if first else "rk4"
    fixed, learned = arguments.times == "fixed", arguments.tau == "learned"
    found, stable = arguments.step / arguments.time_constant, _STABLE[solver]
    if fixed and found > stable:
        raise UsageError(
            f"a step of {arguments.step:g} is {found:.3g} time constants of {arguments.time_constant:g}, and {solver} "
            f"is stable up to {stable:g}",
            f"set step to {stable * arguments.time_constant:g} or less, or raise time_constant",
        )
    limit = stable if fixed and not learned else _LIMIT[solver]
    scheme = Scheme(arguments.unfolds, solver, limit, arguments.clip or float("inf"), arguments.step if fixed else None)
    layer = AdditiveLayer(
        inputs,
        arguments.hidden,
        scheme,
        rate=1.0 / arguments.time_constant,
        learns_rate=learned,
        has_scale=not first,
        init="torch" if arguments.init == "torch" else "joint" if first else "apart",
    )
    layer.chosen = arguments.implementation
    return RecurrentModel(layer, LinearReadout(arguments.hidden, outputs))


MODEL = ModelSpec(
    summary="Continuous-time recurrent network: leaky units driven by a tanh layer of inputs and state.",
    citation=(
        "Funahashi and Nakamura, Approximation of dynamical systems by continuous time recurrent neural networks, "
        "Neural Networks 6(6), 1993; cells: Hasani, Lechner, Amini, Rus and Grosu, Liquid time-constant networks, "
        "AAAI 2021, arXiv 2006.04439; Lechner and Hasani, Learning long-term dependencies in irregularly-sampled time "
        "series, arXiv 2006.04418, 2020"
    ),
    equation=(
        "dh/dt = -h / tau + tanh(W [x, h] + b) (LTC paper, section 1), by explicit Euler; ode_lstm_paper: dh/dt = "
        "c tanh(W x + U h + b) - h / tau, by the classical Runge-Kutta method; `unfolds` steps for each observation"
    ),
    deviations=(
        "The LTC paper's code ignores the elapsed time and takes six steps of 0.1 (times=fixed); the default follows "
        "the elapsed time of each sample. There explicit solvers would diverge after a long time: each unit's step is "
        "cut at tau (Euler, which then reaches the state that it relaxes to) or 2 tau (Runge-Kutta), also where tau "
        "is learned. Learned time constants are one for each unit, 1 / softplus of a raw rate; in the LTC paper's "
        "code that option has no effect (its update divides by 1), and in the other cell it does not exist."
    ),
    uses_dt=True,
    version=1,
    arguments=CTRNNArguments,
    build=build,
    tuned=lambda arguments: Tuned("init", ("paper", "torch")),
    group="ODE",
)
