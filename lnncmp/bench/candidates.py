"""The candidates of a bench: each model and wiring, as implemented here and in the libraries."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.errors import UsageError, unknown_name

MODELS = ("ltc", "cfc", "lstm", "gru")
OWN = ("fused", "loop")
"""The implementations of this project that are requested; `fused` may resolve to `native`, or not exist."""
PEERS = {"ltc": "ncps", "cfc": "ncps", "lstm": "torch", "gru": "torch"}
"""The library that a model is compared with: ncps.torch or torch.nn."""


@dataclass(frozen=True)
class Candidate:
    """One network to measure: `model` with a `wiring` (full or autoncp) and an `implementation`."""

    model: str
    wiring: str
    implementation: str

    @property
    def label(self) -> str:
        """Return the row label in tables: "ltc autoncp fused", "lstm torch"."""
        wiring = [] if self.wiring == "full" else [self.wiring]
        return " ".join([self.model, *wiring, self.implementation])

    @property
    def is_peer(self) -> bool:
        """Return whether it is another library's network."""
        return self.implementation in PEERS.values()

    @property
    def peer(self) -> "Candidate":
        """The other library's network of the same model and wiring."""
        return Candidate(self.model, self.wiring, PEERS[self.model])


REFERENCE = Candidate("lstm", "full", "torch")
"""torch.nn.LSTM, the common reference of all times; it is always measured."""


def choose_candidates(models: Sequence[str] | None) -> list[Candidate]:
    """Return the candidates for these models (None: all), grouped by model and wiring, and REFERENCE.

    Raises UsageError for an unknown model or an empty list.
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
