"""Arguments that the conformance tests try state-space models with, by model."""

SMALL = {"state": 4}
"""A small state for each feature: tests are about what happens, not about how much."""

VARIANTS = {
    "s4d": [
        SMALL,
        {**SMALL, "discretisation": "bilinear", "blocks": 2, "norm": "layer", "implementation": "loop"},
        {**SMALL, "times": "fixed"},
    ],
    "s4": [SMALL, {**SMALL, "blocks": 2, "norm": "layer"}],
    "liquid_s4": [
        SMALL,
        {**SMALL, "kernel": "kb", "degree": 3, "blocks": 2, "implementation": "loop"},
        {**SMALL, "kernel": "pb", "discretisation": "bilinear"},
        {**SMALL, "base": "dplr", "blocks": 2, "norm": "layer"},
        {**SMALL, "base": "dplr", "kernel": "pb"},
    ],
    "min_gru": [{}, {"blocks": 2, "candidate": "linear", "implementation": "loop"}],
    "min_lstm": [{}, {"blocks": 2, "candidate": "linear"}],
    "linoss": [
        {"state": 5},
        {"state": 5, "discretisation": "imex", "blocks": 2},
        {"state": 5, "times": "fixed"},
        {"state": 5, "damping": "learned", "discretisation": "imex"},
    ],
    "lrc_ssm": [{}, {"symmetric": True, "elastance": "inputs", "blocks": 2}, {"solver": "explicit_euler"}],
}
