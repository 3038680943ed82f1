"""Arguments that the conformance tests try recurrent networks with, by model."""

VARIANTS = {
    "rnn": [{}, {"implementation": "loop"}, {"implementation": "torch", "init": "keras"}],
    "ct_gru": [{}, {"times": "fixed", "decay": "as_coded", "scales": 3}, {"times": "fixed", "init": "torch"}],
    "gru_d": [{}, {"implementation": "loop"}, {"measured": 1, "init": "keras"}],
    "rnn_decay": [{}, {"decay": "exponential", "init": "torch"}],
    "transformer": [{}, {"layers": 1, "heads": 5, "expansion": 1, "context": 2, "dropout": 0.5}, {"context": 4}],
}
