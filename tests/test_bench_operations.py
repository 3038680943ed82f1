"""The formulas of operations against what the plain networks really do, and against published figures."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from lnncmp.bench.candidates import Candidate
from lnncmp.bench.networks import build_network, operations_of
from lnncmp.bench.operations import CACHE_BYTES, Limit, Operations, PeakRates
from lnncmp.bench.steps import elapsed_times
from lnncmp.bench.workload import STANDARD, Workload

SMALL = Workload("small", 3, 5, 2, 12, 4, irregular=True)


class Sigmoids(TorchDispatchMode):
    """Counts the elements that the logistic function is evaluated at."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function in (torch.ops.aten.sigmoid.default, torch.ops.aten.sigmoid_.default):
            self.count += result.numel()
        return result


def forward(candidate, workload, mode):
    model = build_network(candidate, workload).eval()
    x = torch.randn(workload.batch, workload.steps, workload.inputs)
    with torch.no_grad(), mode:
        model(x, elapsed_times(workload, workload.steps))
    return mode


@pytest.mark.parametrize("model", ["cfc", "lstm", "gru"])
def test_multiply_adds_are_those_of_the_plain_network(model):
    counted = forward(Candidate(model, "full", "loop"), SMALL, FlopCounterMode(display=False)).get_total_flops()
    readout = 2 * SMALL.batch * SMALL.steps * SMALL.hidden * SMALL.outputs
    assert counted - readout == 2 * operations_of(Candidate(model, "full", "loop"), SMALL).multiply_adds / 3


@pytest.mark.parametrize("implementation", ["loop", "ncps"])
def test_every_synapse_of_a_full_ltc_is_a_sigmoid(implementation):
    candidate = Candidate("ltc", "full", implementation)
    made = operations_of(candidate, SMALL)
    assert forward(candidate, SMALL, Sigmoids()).count == made.sigmoids == made.adjoints
    assert made.sigmoids == 3 * 5 * (6 * 12 * 12 + 2 * 12) and made.multiply_adds == 0


def test_a_wired_ltc_counts_the_synapses_that_exist():
    candidate = Candidate("ltc", "autoncp", "loop")
    structure = build_network(candidate, SMALL).structure()
    assert 0 < structure["synapses"] < 12 * 12
    synapses = 6 * structure["synapses"] + structure["sensory_synapses"]
    assert operations_of(candidate, SMALL).sigmoids == SMALL.batch * SMALL.steps * synapses


@pytest.mark.parametrize(("irregular", "gate_heads"), [(True, 2), (False, 1)])
def test_a_wired_cfc_counts_the_weights_that_ncps_has(irregular, gate_heads):
    workload = Workload("small", 3, 5, 2, 12, 4, irregular)
    made = operations_of(Candidate("cfc", "autoncp", "loop"), workload)
    cell = build_network(Candidate("cfc", "autoncp", "ncps"), workload).layer.rnn_cell
    layers = [getattr(cell, f"layer_{k}") for k in range(3)]
    masked = sum(2 * int((layer.sparsity_mask != 0).sum()) for layer in layers)
    gates = sum(layer.time_a.weight.numel() for layer in layers)
    assert made.multiply_adds == 3 * 3 * 5 * (masked + gate_heads * gates)
    assert made.sigmoids == 3 * 5 * 3 * 12


PUBLISHED = [
    ("ltc", "full", (63, 0.48, 987)),
    ("ltc", "autoncp", (6.9, 0.07, 117)),
    ("cfc", "full", (11.5, 0.30, 72)),
]
"""Least milliseconds of W1, W2, W3 at 95 GFLOP/s and 3.75 billion sigmoids a second, of an earlier study."""


EARLIER = PeakRates(95e9, 3.75e9, 3.0e9, float("inf"), float("inf"))


@pytest.mark.parametrize(("model", "wiring", "expected"), PUBLISHED)
def test_limits_of_the_standard_workloads(model, wiring, expected):
    for workload, limit in zip(STANDARD, expected, strict=True):
        found = operations_of(Candidate(model, wiring, "loop"), workload).limit(EARLIER)
        assert found.products + found.exponentials == pytest.approx(limit, rel=0.07)


def test_the_least_time_is_that_of_all_arithmetic_or_of_the_traffic():
    rates = PeakRates(1e10, 1e9, 5e8, cache_bytes=1e9, memory_bytes=1e8)
    assert Operations(5e8, 2e6).limit(rates) == Limit(pytest.approx(100.0), pytest.approx(2.0), 0.0)
    assert Operations(0, 1e6, 1e6).limit(rates).milliseconds == pytest.approx(1 + 2)
    assert Operations(0, 0, 0, CACHE_BYTES).limit(rates).traffic == pytest.approx(1e3 * CACHE_BYTES / 1e9)
    assert Operations(0, 0, 0, CACHE_BYTES + 1).limit(rates).traffic == pytest.approx(1e3 * CACHE_BYTES / 1e8, rel=1e-5)
    assert [Limit(*of).bound for of in ((3, 2, 4), (2, 3, 4), (2, 2, 5))] == ["products", "exponentials", "memory"]
    assert [Limit(*of).milliseconds for of in ((3, 2, 4), (2, 2, 5))] == [5, 5]


def test_the_traffic_is_what_no_implementation_can_avoid():
    inputs, elapsed, outputs, state = 2 * 2, 2 * 1, 2 * 4, 2 * 12
    assert operations_of(Candidate("gru", "full", "loop"), SMALL).traffic == 4 * 3 * 5 * (
        inputs + elapsed + outputs + state
    )


def test_all_implementations_of_a_model_have_the_same_limit():
    limits = {operations_of(Candidate("cfc", "full", i), SMALL) for i in ("fused", "loop", "ncps")}
    assert len(limits) == 1
