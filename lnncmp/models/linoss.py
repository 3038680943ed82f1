"""LinOSS: forced harmonic oscillators, discretised so that they stay stable."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class LinOSSArguments(Arguments):
    """Arguments of LinOSS."""

    hidden: int = Field(32, ge=1, le=4096, description="features of each block")
    state: int = Field(32, ge=1, le=4096, description="oscillators of each block, with complex forces")
    blocks: int = Field(1, ge=1, le=64, description="blocks one after the other, each with a state of its own")
    discretisation: Literal["im", "imex"] = Field(
        "im", description="im: implicit, oscillations fade; imex: implicit-explicit, they keep their energy"
    )
    damping: Literal["none", "learned"] = Field(
        "none", description="learned: each oscillator loses energy at a rate of its own (D-LinOSS); it has no kernel"
    )
    norm: Literal["none", "layer"] = Field(
        "none", description="layer: after each block features are normalised at each step, without parameters"
    )
    times: Literal["elapsed", "fixed"] = Field(
        "elapsed", description="elapsed: steps are learned ones times the elapsed time; fixed: it counts as 1, as coded"
    )
    implementation: Implementation = "auto"


def build(arguments: LinOSSArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return a LinOSS for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored."""
    del wiring_seed
    from lnncmp.layers.linoss import LinOSSBlock
    from lnncmp.layers.state_space import state_space_model

    own = arguments.hidden, arguments.state, arguments.discretisation
    blocks = [LinOSSBlock(*own, damped=arguments.damping == "learned") for _ in range(arguments.blocks)]
    return state_space_model(inputs, outputs, blocks, arguments.norm, arguments.times, arguments.implementation)


MODEL = ModelSpec(
    summary="Linear oscillatory state-space model: forced harmonic oscillators, then a gated mixing of features.",
    citation=(
        "Rusch and Rus, Oscillatory state-space models, ICLR 2025, arXiv 2410.03943; damping: Boyer, Rusch and Rus, "
        "Learning to dissipate energy in oscillatory state-space models, 2025, arXiv 2505.12171"
    ),
    equation=(
        "y'' = -A y + B u, o = Re(C y) + D u (Eq. 1); im: z = z + s (-A y_new + B u), y = y + s z_new (IM); block: u + "
        "GLU(W GELU(o) + b); damping: - G z_new in the force"
    ),
    deviations=(
        "The learned step of an oscillator is multiplied by the elapsed time of each sample (the code takes it as it "
        "is: times=fixed). A is at least 1e-6 (the code allows 0). imex is cut at its limit of stability, s sqrt(A) = "
        "2, and has no kernel. With damping (D-LinOSS, whose paper has imex) G begins as U(0, 1), as coded for "
        "uniform initial values, and not from eigenvalues in a ring, the paper's choice; it is kept between 0 and 2 "
        "sqrt(A), where eigenvalues are complex for every step, and imex is cut at s sqrt(A) = 2 + G / sqrt(A) (the "
        "code moves A to where they are, for its one step). No dropout, and no batch normalisation; layer "
        "normalisation on request. GLU has one map with two halves. The readout is ours."
    ),
    uses_dt=True,
    version=1,
    arguments=LinOSSArguments,
    build=build,
    tuned=lambda arguments: Tuned("norm", ("none", "layer")),
    group="state-space",
)
