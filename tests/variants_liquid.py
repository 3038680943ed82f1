"""Arguments that the conformance tests try liquid networks with, by model."""

VARIANTS = {
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
