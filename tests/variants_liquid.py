"""Arguments that the conformance tests try liquid networks with, by model."""

VARIANTS = {
    "glnn": [
        {"solver": "dopri5", "rtol": 1e-4, "width": 6},
        {"solver": "rk4", "coupling": "argument", "depth": 2, "width": 5, "unfolds": 4},
    ],
    "lrc": [
        {},
        {"elastance": "asymmetric", "solver": "hybrid", "unfolds": 3, "wiring": "auto_ncp", "readout": "motor"},
        {"elastance": "none", "constraint": "softplus", "unfolds": 2},
        {"implementation": "loop", "solver": "hybrid", "constraint": "softplus"},
    ],
    "ua_lnn": [
        {"passes": 4},
        {"base": "cfc", "place": "input", "passes": 3, "dropout": 0.3},
        {"base": "liquid_ncp", "passes": 3, "dropout": 0.2, "implementation": "loop"},
    ],
}
