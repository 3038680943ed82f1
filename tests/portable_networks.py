"""Small networks with scalers, ready for export."""

import numpy as np
import torch
from model_variants import CASES, INPUTS, OUTPUTS, build

from lnncmp.data.encoding import Quantity
from lnncmp.data.scaling import Scaler
from lnncmp.export.network import PortableNetwork
from lnncmp.models.base import load_model
from lnncmp.training.build import TimeAsInput

EXPORTED = ("cfc", "gru", "liquid_ncp", "lstm", "ltc", "ncp")
"""The models whose layers are described in lnncmp/export/layers."""
VARIANTS = [(name, variant) for name, variant in CASES if name in EXPORTED and variant.get("solver") != "dopri5"]
IDS = [f"{name}-{variant}" for name, variant in VARIANTS]
SCALERS = (
    Scaler(np.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, 0.3]), fitted=True),
    Scaler(np.array([1.0, -1.0]), np.array([2.0, 0.5]), fitted=True),
)


def portable(model, **changes):
    """Return a network of the sizes of model_variants with scalers that change all columns."""
    features = tuple(Quantity(f"sensor {k}", "V") for k in range(INPUTS))
    targets = tuple(Quantity(f"motor {k}", "Nm") for k in range(OUTPUTS))
    given = {"features": features, "targets": targets, "step_unit": "second", "about": {"Model": "a test"}, **changes}
    return PortableNetwork(model.eval(), *SCALERS, **given)


def variant_network(name, variant, **more):
    return portable(build(name, variant, **more))


def timed_network(name, **changes):
    """Return a network that gets the elapsed time as one more input."""
    spec = load_model(name)
    torch.manual_seed(0)
    return portable(TimeAsInput(spec.build(spec.arguments(hidden=10), INPUTS + 1, OUTPUTS, 5)), **changes)
