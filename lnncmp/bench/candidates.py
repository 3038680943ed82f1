"""The candidates of a bench: each model and wiring, as implemented here and in the libraries."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.errors import UsageError, unknown_name
from lnncmp.models.base import load_model, model_names

MODELS = ("ltc", "cfc", "lstm", "gru")
"""The models that are measured by default: those of `ncps` and `torch.nn` that lnncmp.torch has layers for."""
EVERY = "all"
"""What stands for the names of all models."""
OWN = ("fused", "loop")
"""The implementations of this project that are requested; `fused` may resolve to `native`, or not exist."""
LAYERS = "lnncmp.torch"
"""The public layers of this project, which have the signatures of the peers."""
PEERS = {"ltc": "ncps", "cfc": "ncps", "lstm": "torch", "gru": "torch", "rnn": "torch"}
"""The library that computes the same function as a model: ncps.torch or torch.nn."""
SAME_KIND = "another function of the same kind"
"""What a like peer is to the model that it is measured beside."""


@dataclass(frozen=True)
class LikePeer:
    """A package with a network of the same kind as a model, which computes another function.

    package: the name that it is installed by. module: the name that it is imported by. streams: whether it can carry a
    state from step to step.
    """

    package: str
    module: str
    streams: bool = True


LIKE_PEERS = {
    "min_gru": LikePeer("mingru-pytorch", "minGRU_pytorch"),
    "min_lstm": LikePeer("mingru-pytorch", "minGRU_pytorch"),
    "s4d": LikePeer("s5-pytorch", "s5"),
    "linoss": LikePeer("lru-pytorch", "LRU_pytorch", streams=False),
}
"""Networks of the same kind, by model; they are measured if their package is installed."""


@dataclass(frozen=True)
class Candidate:
    """One network to measure: `model` with a `wiring` (full, autoncp, or mixed: full behind a memory cell).

    `implementation` is one of IMPLEMENTATIONS. A model that is none of MODELS is measured as it is, with wiring `full`.
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
        """Return whether it is another library's network of the same function."""
        return self.implementation in PEERS.values()

    @property
    def like(self) -> LikePeer | None:
        """The package of a network that is of the same kind alone; None for all others."""
        like = LIKE_PEERS.get(self.model)
        return like if like is not None and like.package == self.implementation else None

    @property
    def peer(self) -> "Candidate | None":
        """The other library's network of the same model and wiring, which computes the same function, if any."""
        return Candidate(self.model, self.wiring, PEERS[self.model]) if self.model in PEERS else None

    @property
    def compared(self) -> "Candidate | None":
        """The other library's network that times are compared with: the peer, or one of the same kind, if any."""
        if self.model in LIKE_PEERS:
            return Candidate(self.model, self.wiring, LIKE_PEERS[self.model].package)
        return self.peer


REFERENCE = Candidate("lstm", "full", "torch")
"""torch.nn.LSTM, the common reference of all times; it is always measured."""


IMPLEMENTATIONS = (
    *OWN,
    LAYERS,
    *dict.fromkeys(PEERS.values()),
    *dict.fromkeys(like.package for like in LIKE_PEERS.values()),
)
"""All implementations, in the order of rows."""


def choose_candidates(models: Sequence[str] | None, implementations: Sequence[str] | None = None) -> list[Candidate]:
    """Return the candidates for these models and implementations, grouped by model and wiring.

    models: names, EVERY among them for all; None: MODELS. implementations: None for all. REFERENCE is among the
    candidates, and so are peers whose package is not installed. Raises UsageError for an unknown model or
    implementation, or an empty list, PluginError for a model of an installed package that cannot be used.
    """
    known = [*MODELS, *(name for name in model_names() if name not in MODELS)]
    if models is not None and EVERY in models:
        models = [*known, *(name for name in models if name != EVERY)]
    chosen = _known("model", MODELS if models is None else models, known)
    ways = _known("implementation", IMPLEMENTATIONS if implementations is None else implementations, IMPLEMENTATIONS)
    found = [one for name in known if name in chosen for one in _of_model(name) if one.implementation in ways]
    return found if REFERENCE in found else [*found, REFERENCE]


def takes_implementation(model: str) -> bool:
    """Return whether a model has the argument `implementation`. Raises UsageError for an unknown one."""
    return "implementation" in load_model(model).arguments.model_fields


def _of_model(model: str) -> list[Candidate]:
    """Return the candidates of a model, wiring by wiring, the other library's last."""
    own = OWN if takes_implementation(model) else ("loop",)
    layers = (LAYERS,) if model in MODELS else ()
    found = []
    for wiring in ("full", "autoncp", "mixed") if PEERS.get(model) == "ncps" else ("full",):
        found += [Candidate(model, wiring, way) for way in (*(() if wiring == "mixed" else own), *layers)]
        other = Candidate(model, wiring, "loop").compared
        found += [] if other is None else [other]
    return found


def _known(kind: str, names: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Return the names, each once. Raises UsageError for an unknown one, or if there are none."""
    chosen = list(dict.fromkeys(names))
    for name in chosen:
        if name not in known:
            raise unknown_name(kind, name, known)
    if not chosen:
        raise UsageError(f"no {kind} to measure", f"Name some of {', '.join(known)}.")
    return chosen
