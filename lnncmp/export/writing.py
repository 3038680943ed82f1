"""The whole way of an export: from a network to the bytes of its files, and a check of them against the network.

Legend of shapes: N steps, I inputs, O outputs.
"""

import copy
import re
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lnncmp.errors import UsageError
from lnncmp.export.counts import Operations, count
from lnncmp.export.describe import describe
from lnncmp.export.formats.base import Choices, Exported, Floats, format_names, load_format
from lnncmp.export.network import PortableNetwork
from lnncmp.layers.recurrent_layer import use_plain

STEPS = 1000
"""Steps of a check."""


def export(network: PortableNetwork, to: str, choices: Choices) -> Exported:
    """Return the files of `network` in the format `to`.

    Raises UsageError for an unknown format, a prefix that is no name in C, int8 in a format that has none, or a network
    that cannot be described; DataError for a missing package.
    """
    form = load_format(to)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", choices.name):
        raise UsageError(
            f"'{choices.name}' is no prefix for names in C", "Use letters, digits and _, and begin with a letter."
        )
    if choices.int8 and not form.int8:
        able = [name for name in format_names() if load_format(name).int8]
        raise UsageError(f"the format {to} has no int8 weights", f"Leave --int8 out, or use --to {' or '.join(able)}.")
    return form.write(network, describe(network), choices)


def operations(network: PortableNetwork) -> Operations:
    """Return the operations of one step of `network`."""
    return count(describe(network))


@dataclass(frozen=True)
class Difference:
    """How far files are from the network: the largest difference in standard deviations of the outputs, and facts."""

    largest: dict[str, float]
    facts: dict[str, float]
    steps: int


def check(
    network: PortableNetwork, to: str, choices: Choices, exported: Exported, steps: int | None = None
) -> Difference:
    """Compare exported files with the network in plain PyTorch (float64) on random inputs: `steps` of them, else STEPS.

    Raises DataError if something is missing that runs the files.
    """
    x, dt = random_inputs(network, STEPS if steps is None else steps)
    found = load_format(to).run(exported, choices, x, dt)
    expected, std = reference(network, x, dt), network.target_scaler.std
    largest = {name: float(np.abs((y - expected) / std).max()) for name, y in found.outputs.items()}
    return Difference(largest, dict(found.facts), len(x))


def random_inputs(network: PortableNetwork, steps: int) -> tuple[Floats, Floats]:
    """Return raw inputs (N, I), normal with the scaler's mean and deviation, and dt (N,), uniform in 0.1 ... 2."""
    rng, scaler = np.random.default_rng(0), network.input_scaler
    spread = np.where(np.isfinite(scaler.std), scaler.std, 0.0)
    x = scaler.mean + spread * rng.standard_normal((steps, len(spread)))
    return x.astype(np.float32), rng.uniform(0.1, 2.0, steps).astype(np.float32)


def reference(network: PortableNetwork, x: Floats, dt: Floats) -> NDArray[np.float64]:
    """Return the outputs (N, O) in raw units of the network itself, in plain PyTorch and float64."""
    model = use_plain(copy.deepcopy(network.model)).double().cpu().eval()
    scaled = (x.astype(np.float64) - network.input_scaler.mean) / network.input_scaler.std
    elapsed = np.ones_like(dt) if network.withholds_time else dt
    with torch.no_grad():
        y = model(torch.from_numpy(scaled)[None], torch.from_numpy(elapsed.astype(np.float64))[None])
    return network.target_scaler.unscale(y[0].numpy())
