"""torch.compile sees a kernel as one operator: no graph break, the same numbers, forward and backward."""

import copy
import logging
import shutil

import pytest
import torch
import torch._dynamo.testing
from torch import nn
from torch_layers import assert_close, data, each_family, gradients, make, padding

from lnncmp.layers.recurrent_layer import use_plain

# Dynamo writes thousands of lines into a log that pytest would keep.
logging.getLogger("torch.__trace").disabled = True


class Network(nn.Module):
    """A recurrent model between two linear maps."""

    def __init__(self, model):
        super().__init__()
        torch.manual_seed(0)
        self.front, self.model, self.back = nn.Linear(3, 3), model, nn.Linear(2, 1)

    def forward(self, x, dt, valid=None):
        """Return (B, T, 1)."""
        return self.back(torch.relu(self.model(torch.tanh(self.front(x)), dt, valid)))


def network(family):
    return Network(make(family)).double()


@pytest.fixture(autouse=True)
def _forget():
    torch._dynamo.reset()


@each_family
def test_outputs_and_gradients_without_a_graph_break(family):
    whole = network(family)
    compiled = torch.compile(copy.deepcopy(whole), backend="aot_eager", fullgraph=True)
    x, dt = data()
    for valid in (None, padding()):
        y, expected = compiled(x, dt, valid), whole(x, dt, valid)
        assert_close([y], [expected])
        assert_close(gradients(compiled, y.square().sum()), gradients(whole, expected.square().sum()))
    with torch.no_grad():
        assert_close([compiled(x, dt)], [whole(x, dt)])


@pytest.mark.parametrize("family", ["ltc", "cfc", "gru"])
def test_one_graph_serves_batches_and_lengths(family):
    """After a second shape, others are computed by the same code."""
    whole = network(family)
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(copy.deepcopy(whole), backend=counter, fullgraph=True)
    for batch, steps in ((3, 4), (5, 6), (7, 9), (6, 12)):
        x, dt = data(batch=batch, steps=steps)
        y = compiled(x, dt)
        assert_close([y], [whole(x, dt)])
        y.sum().backward()
    assert counter.frame_count <= 3


@pytest.mark.parametrize("family", ["ltc_ncp", "cfc", "liquid_ncp"])
def test_gradients_of_elapsed_times(family):
    whole = network(family)
    x, dt = data(steps=1)  # each step is traced by itself
    dt.requires_grad_()
    compiled = torch.compile(whole, backend="aot_eager", fullgraph=True)
    twin = use_plain(copy.deepcopy(whole))
    (found,), (expected,) = (torch.autograd.grad(own(x, dt).square().sum(), dt) for own in (compiled, twin))
    assert_close([found], [expected])


@pytest.mark.parametrize("family", ["ltc", "cfc_wired", "liquid_ncp", "lstm"])
def test_the_operators_keep_torchs_rules(family):
    """torch's own check: schema, shapes without data, registration for autograd."""
    seen = []
    right = torch.ops.lnncmp.sequence
    model = make(family, hidden=6)
    x, dt = data(batch=2, steps=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.compiler, "is_compiling", lambda: True)
        patch.setattr(torch.ops.lnncmp, "sequence", lambda *args: seen.append(args) or right(*args))
        model(x, dt)
    key, keep, absent, there = seen[0]
    there = [own.detach().requires_grad_(own.is_floating_point()) for own in there]
    if "1" not in absent.split():
        there[1].requires_grad_(False)  # the elapsed times
    # Not the checks that compare results bit by bit: buffers have gaps that nobody writes or reads.
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(right.default, (key, keep, absent, there), test_utils=checks)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="inductor needs a C++ compiler, there is no c++")
@pytest.mark.parametrize("family", ["ltc_ncp", "cfc", "lstm"])
def test_inductor(family):
    whole = network(family)
    compiled = torch.compile(copy.deepcopy(whole), fullgraph=True)
    x, dt = data()
    y, expected = compiled(x, dt), whole(x, dt)
    assert_close([y], [expected])
    assert_close(gradients(compiled, y.square().sum()), gradients(whole, expected.square().sum()))
