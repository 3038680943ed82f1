"""UA-LNN: a liquid network under Monte Carlo dropout, whose predictions have a spread."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from lnncmp.models.base import Arguments, Implementation, ModelSpec, Tuned, load_model
from lnncmp.models.ncp import SEED_RANGE

if TYPE_CHECKING:
    from lnncmp.layers.sequence_model import SequenceModel


class UALNNArguments(Arguments):
    """Arguments of the UA-LNN."""

    hidden: int = Field(64, ge=1, le=4096, description="units of the base")
    base: Literal["ltc", "cfc", "liquid_ncp"] = Field(
        "ltc", description="the network under dropout, in its default arguments; liquid_ncp: with a linear readout"
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="probability that a unit is dropped")
    place: Literal["output", "input"] = Field(
        "output", description="output: hidden units before the readout; input: inputs, so each pass runs by itself"
    )
    passes: int = Field(50, ge=1, le=1000, description="masks over which predictions are the mean")
    wiring_seed: int | None = Field(
        None, ge=0, lt=SEED_RANGE, description="base liquid_ncp: seed of the wiring; None: every run draws its own"
    )
    implementation: Implementation = "auto"


def build(arguments: UALNNArguments, inputs: int, outputs: int, wiring_seed: int) -> "SequenceModel":
    """Return the base under dropout for `inputs` features and `outputs` targets.

    The masks are drawn after the base's weights, which are therefore those of the base built alone. `wiring_seed` is
    the base's. Raises UsageError where the base does.
    """
    from lnncmp.layers.monte_carlo import DropoutModel
    from lnncmp.layers.readout import RecurrentModel

    base = load_model(arguments.base)
    own: dict[str, Any] = {"hidden": arguments.hidden, "implementation": arguments.implementation}
    if arguments.base == "liquid_ncp":  # of a motor readout, dropout would drop whole outputs
        own |= {"readout": "linear", "wiring_seed": arguments.wiring_seed}
    # Without validation: the base's build says by itself how many neurons it needs.
    model = base.build(base.arguments.model_construct(**own), inputs, outputs, wiring_seed)
    if not isinstance(model, RecurrentModel):
        raise TypeError(f"the base {arguments.base} is no recurrent layer with a readout")
    return DropoutModel(model, arguments.dropout, arguments.passes, arguments.place)


MODEL = ModelSpec(
    summary="Uncertainty-aware liquid network: Monte Carlo dropout over an LTC, a CfC or a liquid NCP.",
    citation=(
        "Akpinar, Atila, Sengur, Salvi and Acharya, Chaos, Solitons and Fractals 193, 116130, 2025; Gal and "
        "Ghahramani, Dropout as a Bayesian approximation, ICML 2016, arXiv 1506.02142"
    ),
    equation=(
        "y = mean over passes k of V (m_k h) + d, or of the network at inputs m_k x; entries of m_k are 0 with "
        "probability p, else 1 / (1 - p); the standard deviation over passes is the spread"
    ),
    deviations=(
        "Only the abstract was at hand: dropout in training and in inference. Rate, place and number of passes are "
        "ours, so it is a model of that kind, not theirs. A mask is one for all steps of a sequence; in training each "
        "sequence draws its own, in evaluation the masks are fixed when the model is built, so that predictions do not "
        "change from call to call and a stream gives what its sequence gives."
    ),
    uses_dt=True,
    version=1,
    arguments=UALNNArguments,
    build=build,
    tuned=lambda arguments: Tuned("dropout", (0.05, 0.1, 0.2)),
    group="liquid",
)
