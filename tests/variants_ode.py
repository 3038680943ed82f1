"""Arguments that the conformance tests try networks of ordinary differential equations with, by model."""

VARIANTS = {
    "ctrnn": [
        {},
        {"times": "fixed", "implementation": "loop"},
        {"tau": "learned", "time_constant": 0.5, "unfolds": 2, "clip": 0.3},
        {"cell": "ode_lstm_paper", "unfolds": 3},
    ],
    "neural_ode": [{}, {"times": "fixed", "unfolds": 2, "clip": 10.0, "init": "torch"}],
    "gru_ode": [{}, {"form": "minimal", "init": "authors"}, {"solver": "dopri5", "rtol": 1e-4}],
    "ode_rnn": [{}, {"solver": "euler", "unfolds": 3, "units": 5, "init": "keras"}, {"solver": "dopri5"}],
    "ode_lstm": [
        {},
        {"solver": "rk4", "init": "other"},
        {"variant": "tf"},
        {"variant": "tf", "solver": "heun", "unfolds": 2, "init": "other"},
        {"solver": "dopri5"},
    ],
}
