"""Operations of a step: counted by watching, against formulas; and what they cost in energy."""

import pytest
import torch
from torch import nn

from lnncmp.evaluation import joules
from lnncmp.evaluation.joules import energy_meter, joules_of
from lnncmp.evaluation.operations import count_operations
from lnncmp.export.counts import count
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.models.base import load_model
from lnncmp.records.operations import OperationCounts

INPUTS, OUTPUTS, HIDDEN = 5, 3, 16
CPU = torch.device("cpu")


def built(name, **arguments):
    spec = load_model(name)
    torch.manual_seed(0)
    return spec.build(spec.arguments(hidden=HIDDEN, **arguments), INPUTS, OUTPUTS, 1)


def counted(model, windows=40, steps=6):
    torch.manual_seed(1)
    return count_operations(model, torch.randn(windows, steps, INPUTS), torch.ones(windows, steps), None)


READOUT = HIDDEN * OUTPUTS
FORMULAS = {
    "lstm": (4 * HIDDEN * (INPUTS + HIDDEN) + READOUT, 5 * HIDDEN),
    "gru": (3 * HIDDEN * (INPUTS + HIDDEN) + READOUT, 3 * HIDDEN),
    "cfc": (128 * (INPUTS + HIDDEN) + 4 * 128 * HIDDEN + READOUT, 128 + 3 * HIDDEN),
    "ltc": (2 * (6 * HIDDEN**2 + INPUTS * HIDDEN) + READOUT, 6 * HIDDEN**2 + INPUTS * HIDDEN),
}


@pytest.mark.parametrize(("name", "expected"), FORMULAS.items())
def test_products_and_exponentials_are_those_of_the_formula(name, expected):
    found = counted(built(name))
    assert (found.multiply_adds, found.exponentials) == expected
    assert 0 < found.events <= found.multiply_adds


def test_synapses_that_do_not_exist_cost_nothing():
    model = built("ncp")
    synapses, sensory = (model.structure()[key] for key in ("synapses", "sensory_synapses"))
    found = counted(model)
    assert found.multiply_adds == 2 * (6 * synapses + sensory)
    assert counted(built("liquid_ncp")).exponentials == 6 * HIDDEN


@pytest.mark.parametrize("name", ["lstm", "gru", "liquid_ncp"])
def test_they_are_those_of_an_exported_network(name):
    from portable_networks import portable

    from lnncmp.export.describe import describe

    spec = load_model(name)
    torch.manual_seed(0)
    model = spec.build(spec.arguments(hidden=10), 3, 2, 5)
    written = count(describe(portable(model)))
    found = count_operations(model, torch.randn(20, 4, 3), torch.ones(20, 4), None)
    # The exported network scales inputs and outputs, too, elementwise.
    assert (found.multiply_adds, found.exponentials) == (written.multiply_adds, written.exponentials)


class Half(SequenceModel):
    """A product with a weight of ones, of a state of which half is silent."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(OUTPUTS, 4))

    def initial_state(self, batch):
        return (self.weight.new_zeros(batch, 4),)

    def sequence(self, x, dt, valid, state):
        active = torch.tensor([1.0, 1.0, 1e-4, 0.0]).expand(*x.shape[:2], 4)
        return active @ self.weight.T, (active[:, -1],)


def test_events_are_the_products_of_active_sources():
    found = counted(Half())
    assert (found.multiply_adds, found.events, found.active_share) == (4 * OUTPUTS, 2 * OUTPUTS, 0.5)


def test_padding_is_not_counted_and_the_model_is_left_alone():
    model = built("lstm")
    before = {name: p.clone() for name, p in model.named_parameters()}
    x, dt = torch.randn(3, 4, INPUTS), torch.ones(3, 4)
    valid = torch.ones(3, 4, dtype=torch.bool)
    valid[:, 2:] = False
    expected = count_operations(model, x[:, :2], dt[:, :2], None)
    x[:, 2:] = torch.nan
    assert count_operations(model, x, dt, valid) == expected
    assert count_operations(model, x, dt, torch.zeros_like(valid)) is None
    assert count_operations(model, x[:0], dt[:0], None) is None
    assert model.implementation == "fused"
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_energy_is_the_published_figures_times_the_counts():
    own = OperationCounts(multiply_adds=1000, exponentials=10, multiplications=5, additions=7, divisions=3, events=250)
    assert own.energy == pytest.approx(1e-12 * (1000 * 4.6 + 10 * 27.6 + 5 * 3.7 + 7 * 0.9 + 3 * 18.4))
    assert own.event_energy == pytest.approx(250 * 23.6e-12) and own.active_share == 0.25


class TestJoules:
    def counter(self, folder, name, value):
        package = folder / name
        package.mkdir(exist_ok=True)
        (package / "energy_uj").write_text(f"{value}\n")
        (package / "max_energy_range_uj").write_text("1000000\n")

    def test_are_the_sum_over_packages_and_survive_an_overflow(self, tmp_path, monkeypatch):
        monkeypatch.setattr(joules, "POWERCAP", tmp_path)
        for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):  # the last is a part of the first
            self.counter(tmp_path, name, 900_000)
        meter, method = energy_meter(CPU)
        self.counter(tmp_path, "intel-rapl:0", 950_000)
        self.counter(tmp_path, "intel-rapl:1", 100_000)
        assert meter() == pytest.approx(0.05 + 0.2) and "RAPL" in method

    def test_of_work_are_a_mean_over_calls(self):
        spent = [0.0]

        def work():
            spent[0] += 2.0

        assert joules_of(work, 0.1, lambda: spent[0]) == 2.0 and spent[0] == 6.0

    def test_a_machine_that_hides_them_says_so(self, tmp_path, monkeypatch):
        monkeypatch.setattr(joules, "POWERCAP", tmp_path)
        assert energy_meter(CPU) is None
        self.counter(tmp_path, "intel-rapl:0", "secret")
        assert energy_meter(CPU) is None
