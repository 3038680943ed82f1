"""Arguments that the conformance tests try recurrent networks with, by model."""

VARIANTS = {
    "rnn": [{}, {"implementation": "loop"}, {"implementation": "torch", "init": "keras"}],
    "ct_gru": [{}, {"times": "fixed", "decay": "as_coded", "scales": 3}, {"times": "fixed", "init": "torch"}],
}
