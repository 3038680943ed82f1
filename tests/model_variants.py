"""What the conformance tests try each model with: arguments, sizes and a small batch."""

import pytest
import torch
import variants_liquid
import variants_ode
import variants_recurrent
import variants_state_space

from lnncmp import models
from lnncmp.common.registry import own_names
from lnncmp.models.base import load_model, model_names

INPUTS, OUTPUTS, BATCH, STEPS = 3, 2, 4, 6

CONFORMANCE_VARIANTS = {
    "lstm": [{}, {"implementation": "loop"}, {"implementation": "torch"}, {"forget_bias": 1.0, "init": "keras"}],
    "gru": [{}, {"implementation": "loop"}, {"implementation": "torch"}, {"init": "keras"}],
    "cfc": [
        {},
        {"mode": "pure", "backbone_layers": 2, "backbone_activation": "silu", "init": "keras"},
        {"mode": "no_gate", "backbone_layers": 0, "head_activation": "lecun_tanh", "gate_sign": "minus"},
        {"mixed_memory": True, "backbone_activation": "tanh"},
        {"mixed_memory": True, "mixed_variant": "input_to_cfc", "gate_sign": "minus"},
    ],
    "ltc": [
        {},
        {"constraint": "clip", "readout": "motor"},
        {"solver": "explicit_euler", "unfolds": 20},
        {"solver": "rk4", "unfolds": 10},
        {"solver": "dopri5", "rtol": 1e-4},
    ],
    "ncp": [
        {},
        {"synapses": "gathered", "constraint": "clip"},
        {"cell": "cfc"},
        {"cell": "cfc", "masking": "ncps", "mode": "no_gate", "readout": "linear"},
        {"wiring": "random", "sparsity": 0.8},
        {"wiring": "ncp", "command_neurons": 3, "sensory_fanout": 2},
        {"wiring": "fully_connected", "cell": "cfc"},
    ],
    "liquid_ncp": [
        {},
        {"readout": "command", "sparsity": 0.75},
        {"readout": "linear", "unfolds": 3, "wiring_seed": 1},
        {"implementation": "loop"},
    ],
    **variants_recurrent.VARIANTS,
    **variants_ode.VARIANTS,
    **variants_state_space.VARIANTS,
    **variants_liquid.VARIANTS,
}
"""Arguments tried beside `hidden`; a model of the folder without an entry fails the meta-test."""
CONFORMANCE_VARIANTS |= {name: [{}] for name in set(model_names()) - set(own_names(models))}  # of installed packages

CASES = [(name, variant) for name, variants in CONFORMANCE_VARIANTS.items() for variant in variants]
each_case = pytest.mark.parametrize(("name", "variant"), CASES, ids=[f"{n}-{v}" for n, v in CASES])


def build(name, variant, seed=0, dtype=torch.float32, wiring_seed=5, **more):
    spec = load_model(name)
    torch.manual_seed(seed)
    model = spec.build(spec.arguments(**{"hidden": 10, **variant, **more}), INPUTS, OUTPUTS, wiring_seed)
    return model.to(dtype).eval()


def counts_time(name, variant):
    """Return whether the elapsed time enters the update; `times=fixed` is how some papers' code leaves it out."""
    return load_model(name).uses_dt and variant.get("times") != "fixed"


def sample(dtype=torch.float32, batch=BATCH, steps=STEPS):
    source = torch.Generator().manual_seed(1)
    x = torch.randn(batch, steps, INPUTS, generator=source, dtype=dtype)
    return x, 0.05 + 0.3 * torch.rand(batch, steps, generator=source, dtype=dtype)


def tolerance(variant):
    """dopri5 chooses its steps for the whole batch, so rows depend on each other within the solver's tolerance."""
    return 2e-3 if variant.get("solver") == "dopri5" else 1e-5


def real_steps():
    valid = torch.ones(BATCH, STEPS, dtype=torch.bool)
    valid[1, 3:] = False
    valid[2, 1:] = False
    valid[3] = False
    return valid
