"""S4: state-space model with the HiPPO-LegS matrix, diagonal plus rank one."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, ModelSpec, Tuned

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class S4Arguments(Arguments):
    """Arguments of S4."""

    hidden: int = Field(32, ge=1, le=4096, description="features of each block")
    state: int = Field(16, ge=2, le=256, description="numbers of the state for each feature, even: conjugate pairs")
    blocks: int = Field(1, ge=1, le=64, description="blocks one after the other, each with a state of its own")
    norm: Literal["none", "layer"] = Field(
        "none", description="layer: after each block features are normalised at each step, without parameters"
    )
    step_min: float = Field(1e-3, gt=0, le=100, description="least initial step, for an elapsed time of 1")
    step_max: float = Field(1e-1, gt=0, le=100, description="largest initial step, for an elapsed time of 1")
    times: Literal["elapsed", "fixed"] = Field(
        "elapsed", description="elapsed: steps are learned ones times the elapsed time; fixed: it counts as 1, as coded"
    )


def build(arguments: S4Arguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return an S4 for `inputs` features and `outputs` targets; it has no wiring, `wiring_seed` is ignored.

    Raises UsageError for an odd state and for step_min above step_max.
    """
    del wiring_seed
    from lnncmp.layers.s4 import S4Block
    from lnncmp.layers.state_space import check_conjugate_pairs, check_steps, state_space_model

    check_conjugate_pairs("s4", arguments.state)
    steps = check_steps(arguments.step_min, arguments.step_max)
    blocks = [S4Block(arguments.hidden, arguments.state, steps) for _ in range(arguments.blocks)]
    return state_space_model(inputs, outputs, blocks, arguments.norm, arguments.times)


MODEL = ModelSpec(
    summary="Structured state-space model (S4-LegS): a long memory for each feature, then a gated mixing of features.",
    citation=(
        "Gu, Goel and Re, Efficiently modeling long sequences with structured state spaces, ICLR 2022, arXiv 2111.00396"
    ),
    equation=(
        "x' = A x + B u, y = C x + D u (Eq. 1), A = diag(L) - P P* from HiPPO-LegS (Eq. 2); x = (I - sA/2)^-1 ((I + "
        "sA/2) x + s B u) (Eq. 3); block: u + GLU(W GELU(y) + b)"
    ),
    deviations=(
        "It runs as a recurrence, not as a convolution, with the inverse by Woodbury's identity, so that each sample "
        "has its own elapsed times: the learned step of a feature is multiplied by them (the code knows one regular "
        "grid; times=fixed). No dropout; no normalisation by default. The learning rate of A, B and the steps is that "
        "of all weights. It has no kernel."
    ),
    uses_dt=True,
    version=1,
    arguments=S4Arguments,
    build=build,
    tuned=lambda arguments: Tuned("norm", ("none", "layer")),
    group="state-space",
)
