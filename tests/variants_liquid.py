"""Arguments that the conformance tests try liquid networks with, by model."""

VARIANTS = {
    "lrc": [
        {},
        {"elastance": "asymmetric", "solver": "hybrid", "unfolds": 3, "wiring": "auto_ncp", "readout": "motor"},
        {"elastance": "none", "constraint": "softplus", "unfolds": 2},
        {"implementation": "loop", "solver": "hybrid", "constraint": "softplus"},
    ],
}
