"""What is compared: each model and wiring, as implemented here and as the libraries have it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.errors import UsageError, unknown_name

MODELS = ("ltc", "cfc", "lstm", "gru")
OWN = ("fused", "loop")
"""The implementations of this project that are asked for; `fused` may turn out to be `native`, or not to exist."""
PEERS = {"ltc": "ncps", "cfc": "ncps", "lstm": "torch", "gru": "torch"}
"""The library that a model is compared with: ncps.torch or torch.nn."""


@dataclass(frozen=True)
class Candidate:
    """One network that is measured: `model` on a `wiring` (full or autoncp), by an `implementation`."""

    model: str
    wiring: str
    implementation: str

    @property
    def label(self) -> str:
        """Return what rows of tables are called: "ltc autoncp fused", "lstm torch"."""
        wiring = [] if self.wiring == "full" else [self.wiring]
        return " ".join([self.model, *wiring, self.implementation])

    @property
    def is_peer(self) -> bool:
        """Tell whether it is another library's network."""
        return self.implementation in PEERS.values()

    @property
    def peer(self) -> "Candidate":
        """The other library's network of the same model and wiring."""
        return Candidate(self.model, self.wiring, PEERS[self.model])


REFERENCE = Candidate("lstm", "full", "torch")
"""torch.nn.LSTM, which every network's time is compared with; it is always measured."""


def choose_candidates(models: Sequence[str] | None) -> list[Candidate]:
    """Return the networks for these models (all for None), grouped by model and wiring, and REFERENCE.

    Raises UsageError for an unknown model or none at all.
    """
    chosen = list(dict.fromkeys(MODELS if models is None else models))
    for name in chosen:
        if name not in MODELS:
            raise unknown_name("model", name, MODELS)
    if not chosen:
        raise UsageError("no model to measure", f"Name some of {', '.join(MODELS)}.")
    found = [
        Candidate(model, wiring, implementation)
        for model in MODELS
        if model in chosen
        for wiring in (("full", "autoncp") if PEERS[model] == "ncps" else ("full",))
        for implementation in (*OWN, PEERS[model])
    ]
    return found if REFERENCE in found else [*found, REFERENCE]
