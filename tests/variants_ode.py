"""Arguments that the conformance tests try networks of ordinary differential equations with, by model."""

VARIANTS = {
    "ctrnn": [
        {},
        {"times": "fixed", "implementation": "loop"},
        {"tau": "learned", "time_constant": 0.5, "unfolds": 2, "clip": 0.3},
        {"cell": "ode_lstm_paper", "unfolds": 3},
    ],
    "neural_ode": [{}, {"times": "fixed", "unfolds": 2, "clip": 10.0, "init": "torch"}],
}
