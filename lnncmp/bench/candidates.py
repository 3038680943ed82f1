"""The candidates of a bench: each model and wiring, as implemented here and in the libraries."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.errors import UsageError, unknown_name

MODELS = ("ltc", "cfc", "lstm", "gru")
OWN = ("fused", "loop")
"""The implementations of this project that are requested; `fused` may resolve to `native`, or not exist."""
LAYERS = "lnncmp.torch"
"""The public layers of this project, which have the signatures of the peers."""
PEERS = {"ltc": "ncps", "cfc": "ncps", "lstm": "torch", "gru": "torch"}
"""The library that a model is compared with: ncps.torch or torch.nn."""


@dataclass(frozen=True)
class Candidate:
    """One network to measure: `model` with a `wiring` (full, autoncp, or mixed: full behind a memory cell).

    `implementation` is one of IMPLEMENTATIONS.
    """

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


IMPLEMENTATIONS = (*OWN, LAYERS, *dict.fromkeys(PEERS.values()))
"""All implementations, in the order of rows."""


def choose_candidates(models: Sequence[str] | None, implementations: Sequence[str] | None = None) -> list[Candidate]:
    """Return the candidates for these models and implementations (None: all), grouped by model and wiring.

    REFERENCE is among them. Raises UsageError for an unknown model or implementation, or an empty list.
    """
    chosen, ways = _known("model", models, MODELS), _known("implementation", implementations, IMPLEMENTATIONS)
    found = [
        Candidate(model, wiring, implementation)
        for model in MODELS
        if model in chosen
        for wiring in (("full", "autoncp", "mixed") if PEERS[model] == "ncps" else ("full",))
        for implementation in (*(() if wiring == "mixed" else OWN), LAYERS, PEERS[model])
        if implementation in ways
    ]
    return found if REFERENCE in found else [*found, REFERENCE]


def _known(kind: str, names: Sequence[str] | None, known: Sequence[str]) -> Sequence[str]:
    """Return the names (None: all `known`). Raises UsageError for an unknown one, or if there are none."""
    chosen = list(dict.fromkeys(known if names is None else names))
    for name in chosen:
        if name not in known:
            raise unknown_name(kind, name, known)
    if not chosen:
        raise UsageError(f"no {kind} to measure", f"Name some of {', '.join(known)}.")
    return chosen
