"""S4D: diagonal state-space model with the elapsed time in its discretisation."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class S4DArguments(Arguments):
    """Arguments of S4D."""

    hidden: int = Field(32, ge=1, le=4096, description="features of each block")
    state: int = Field(16, ge=2, le=1024, description="numbers of the state for each feature, even: conjugate pairs")
    blocks: int = Field(1, ge=1, le=64, description="blocks one after the other, each with a state of its own")
    discretisation: Literal["zoh", "bilinear"] = Field(
        "zoh", description="zoh: inputs are held between observations; bilinear: the rule of S4"
    )
    norm: Literal["none", "layer"] = Field(
        "none", description="layer: after each block features are normalised at each step, without parameters"
    )
    step_min: float = Field(1e-3, gt=0, le=100, description="least initial step, for an elapsed time of 1")
    step_max: float = Field(1e-1, gt=0, le=100, description="largest initial step, for an elapsed time of 1")
    times: Literal["elapsed", "fixed"] = Field(
        "elapsed", description="elapsed: steps are learned ones times the elapsed time; fixed: it counts as 1, as coded"
    )
    implementation: Implementation = "auto"


def build(arguments: S4DArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an S4D for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored.

    Raises UsageError for an odd state and for step_min above step_max.
    """
    del wiring_seed
    from lnncmp.layers.diagonal import S4DBlock
    from lnncmp.layers.state_space import check_conjugate_pairs, check_steps, state_space_model

    check_conjugate_pairs("s4d", arguments.state)
    steps = check_steps(arguments.step_min, arguments.step_max)
    blocks = [
        S4DBlock(arguments.hidden, arguments.state, arguments.discretisation, steps) for _ in range(arguments.blocks)
    ]
    return state_space_model(inputs, outputs, blocks, arguments.norm, arguments.times, arguments.implementation)


MODEL = ModelSpec(
    summary="Diagonal state-space model: many damped oscillations for each feature, then a gated mixing of features.",
    citation=(
        "Gu, Gupta, Goel and Re, On the parameterization and initialization of diagonal state space models, NeurIPS "
        "2022, arXiv 2206.11893"
    ),
    equation=(
        "x' = A x + B u, y = 2 Re(C x) + D u (Eq. 1); over a step s: x = e^{sA} x + (e^{sA} - 1) / A B u (ZOH); block: "
        "u + GLU(W GELU(y) + b)"
    ),
    deviations=(
        "As the authors' minimal S4D (A from S4D-Lin, B = 1, C random, one output mixing), with these changes: it runs "
        "as a recurrence, not as a convolution, so that each sample has its own elapsed times: the learned step of a "
        "feature is multiplied by them (the code knows one regular grid; times=fixed). No dropout; no normalisation by "
        "default, for a single block behind standardised inputs. The learning rate of A and of the steps is that of "
        "all weights, with the same decay. At the start the imaginary part of C has no gradient at the pair whose "
        "frequency is 0."
    ),
    uses_dt=True,
    version=1,
    arguments=S4DArguments,
    build=build,
    tuned=lambda arguments: Tuned("discretisation", ("zoh", "bilinear")),
    group="state-space",
)
