"""Liquid-S4: a diagonal state-space model whose transition depends on the input."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import ModelSpec, Tuned
from lnncmp.models.s4d import S4DArguments

if TYPE_CHECKING:
    from lnncmp.layers.blocks import Block
    from lnncmp.layers.sequence_model import SequenceModel


class LiquidS4Arguments(S4DArguments):
    """Arguments of Liquid-S4: those of S4D, and how the input enters the transition."""

    base: Literal["diagonal", "dplr"] = Field(
        "diagonal", description="diagonal: S4D; dplr: S4-LegS, always by the bilinear rule; it has no kernel"
    )
    kernel: Literal["recurrence", "pb", "kb"] = Field(
        "recurrence", description="recurrence: all products of inputs; kb: of up to `degree`; pb: those without decay"
    )
    degree: int = Field(2, ge=1, le=10, description="inputs of the longest product in pb and kb; 1 is S4D, or S4")
    transition: Literal["bounded", "paper"] = Field(
        "bounded", description="bounded: inputs are bent in the factor, so that |factor| <= 1; paper: A- + B- u"
    )


def build(arguments: LiquidS4Arguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a Liquid-S4 for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored.

    Raises UsageError for an odd state and for step_min above step_max.
    """
    del wiring_seed
    from lnncmp.layers.liquid_s4 import LiquidS4Block
    from lnncmp.layers.liquid_s4_legs import LiquidLegSBlock
    from lnncmp.layers.state_space import check_conjugate_pairs, check_steps, state_space_model

    check_conjugate_pairs("liquid_s4", arguments.state)
    steps = check_steps(arguments.step_min, arguments.step_max)
    width, state, rule = arguments.hidden, arguments.state, arguments.discretisation
    if arguments.base == "diagonal":
        make: Callable[..., Block] = partial(LiquidS4Block, width, state, rule, steps)
    else:
        make = partial(LiquidLegSBlock, width, state, steps)
    form = {"kernel": arguments.kernel, "degree": arguments.degree, "transition": arguments.transition}
    blocks = [make(**form) for _ in range(arguments.blocks)]
    return state_space_model(inputs, outputs, blocks, arguments.norm, arguments.times, arguments.implementation)


def _tuned(arguments: LiquidS4Arguments) -> Tuned:
    """Return what changes no cost: with a bounded transition, the bilinear rule has no kernel of its own."""
    if arguments.kernel == "recurrence":
        return Tuned("transition", ("bounded", "paper"))
    if arguments.base == "dplr":
        return Tuned("norm", ("none", "layer"))
    return Tuned("discretisation", ("zoh", "bilinear"))


MODEL = ModelSpec(
    summary="Liquid state-space model: S4D whose transition depends on the input, causal and step by step.",
    citation=(
        "Hasani, Lechner, Wang, Chahine, Amini and Rus, Liquid structural state-space models, ICLR 2023, arXiv "
        "2209.12951"
    ),
    equation=(
        "x' = (A + B u) x + B u, y = C x (Eq. 8); x_k = (A- + B- u_k) x_{k-1} + B- u_k (Eq. 9), A- and B- the discrete "
        "A and B of S4D"
    ),
    deviations=(
        "This is the paper's causal recurrence and not the authors' code. That code adds one vector of products of "
        "the last positions, flipped in time, to the whole output, which is not causal, and its coefficients are the "
        "plain initial tensors, not the trained ones. kb is Eq. 9 without products of more than `degree` inputs; pb "
        "has those of two and more without decay between them (A- = 1), summed over all pairs and not over a sample "
        "of them. The default base is S4D with B = 1, by ZOH; the paper's is S4-LegS with a trained B, by the "
        "bilinear rule (base=dplr), here step by step as in s4; products with B- u are elementwise in the basis in "
        "which A is diagonal plus rank one (the paper does not say in which). By default (transition=bounded) the "
        "factor has d tanh(u / d) in place of u, d the decay, so that it is never above 1; with base=dplr the input "
        "is bent so for each number of the state, and A + B u is discretised as a whole. In the paper's "
        "(transition=paper) an input above d makes the state grow as long as it lasts. The rest as in s4d and s4."
    ),
    uses_dt=True,
    version=1,
    arguments=LiquidS4Arguments,
    build=build,
    tuned=_tuned,
    group="state-space",
)
