"""accelerate: training scripts go on with the same losses, optimisers and weights; what cannot be replaced stays."""

import copy
import subprocess
import sys

import ncps.torch
import pytest
import torch
from ncps.wirings import AutoNCP, FullyConnected
from ncps_pairs import LAYERS, assert_close, pair
from torch import nn

import lnncmp
import lnncmp.torch
from lnncmp.torch import accelerate


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.set_num_threads(1)
    torch.manual_seed(0)


class Sine(nn.Module):
    """As in the first steps of ncps: an NCP-wired LTC follows two waves."""

    def __init__(self):
        super().__init__()
        self.rnn = ncps.torch.LTC(2, AutoNCP(16, 1))

    def forward(self, x):
        return self.rnn(x)[0]

    def data(self):
        t = torch.linspace(0, 3 * torch.pi, 10)
        return torch.stack([t.sin(), t.cos()], 1)[None], (2 * t).sin()[None, :, None]


class Frames(nn.Module):
    """As in behaviour cloning from frames: a small convolution in front of a CfC with a projection."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.Flatten())
        self.rnn = ncps.torch.CfC(36, 16, batch_first=True, proj_size=3)

    def forward(self, x):
        features = self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self.rnn(features)[0]

    def data(self):
        return torch.randn(4, 8, 1, 8, 8), torch.randn(4, 8, 3)


class Policy(nn.Module):
    """As in control with hidden states: the actor is a wired CfC with mixed memory, the critic a loop over a cell."""

    def __init__(self):
        super().__init__()
        self.actor = ncps.torch.CfC(5, AutoNCP(14, 2), mixed_memory=True)
        self.critic = ncps.torch.LTCCell(FullyConnected(6, 1), 5)

    def forward(self, x):
        action, _ = self.actor(x)
        state, values = x.new_zeros(x.shape[0], 6), []
        for t in range(x.shape[1]):
            value, state = self.critic(x[:, t], state)
            values.append(value)
        return torch.cat([action, torch.stack(values, 1)], 2)

    def data(self):
        return torch.randn(6, 4, 5), torch.randn(6, 4, 3)


def train(model, optimizer, data, steps):
    x, y = data
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


class TestTraining:
    @pytest.mark.parametrize("make, found", [(Sine, ["rnn"]), (Frames, ["rnn"]), (Policy, ["actor", "critic"])])
    def test_losses_are_those_of_ncps(self, make, found):
        """10 steps with ncps, then 50 more with each, the same optimiser going on."""
        model = make()
        data, optimizer = model.data(), torch.optim.Adam(model.parameters(), lr=1e-3)
        train(model, optimizer, data, 10)
        fast, fast_optimizer = copy.deepcopy((model, optimizer))
        before = dict(fast.named_parameters())
        result = accelerate(fast)
        assert result.model is fast and list(result.replaced) == found and not result.kept
        after = dict(fast.named_parameters())
        assert list(after) == list(before) and all(after[name] is p for name, p in before.items())
        ours, theirs = train(fast, fast_optimizer, data, 50), train(model, optimizer, data, 50)
        assert theirs[-1] < theirs[0]
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-5)
        model.load_state_dict(fast.state_dict())

    @pytest.mark.parametrize("name", LAYERS)
    def test_every_layer(self, name):
        theirs, _ = pair(name)
        x = torch.randn(4, 5, 3)
        expected, random = theirs(x), torch.get_rng_state()
        result = accelerate(theirs)
        assert result.replaced == {"": type(theirs).__name__} and result.model is not theirs
        assert not result.model.training and torch.equal(torch.get_rng_state(), random)
        assert_close(result.model(x), expected)


class Own(ncps.torch.CfC):
    def forward(self, input, hx=None, timespans=None):
        return super().forward(2.0 * input, hx, timespans)


class TestKept:
    def test_what_is_not_known_to_be_the_same(self):
        hooked, patched, stale, wide = (ncps.torch.CfC(3, 4), ncps.torch.CfC(3, 4), ncps.torch.LTC(3, 4), None)
        wide = ncps.torch.CfC(3, FullyConnected(6, 2))
        hooked.register_forward_hook(lambda *_: None)
        patched.forward = lambda input: (input, None)
        stale.rnn_cell.w = nn.Parameter(torch.zeros(4, 4))
        odd = ncps.torch.CfC(3, 4)
        odd.rnn_cell.backbone = nn.Sequential(nn.Linear(7, 128), nn.Sigmoid())
        model = nn.ModuleDict(
            {"own": Own(3, 4), "hooked": hooked, "patched": patched, "stale": stale, "wide": wide, "odd": odd}
        )
        x = torch.randn(2, 3, 3)
        expected = {name: layer(x)[0] for name, layer in model.items()}
        result = accelerate(model)
        reasons = {"own": "subclass", "hooked": "hooks", "patched": "forward", "stale": "other tensors"}
        reasons |= {"wide": "6 neurons", "odd": "backbone"}
        for name, words in reasons.items():
            assert words in result.kept[name], result.kept[name]
            assert_close(model[name](x)[0], expected[name])
        assert "own.rnn_cell" in result.replaced  # the cell inside is computed by ours
        assert "kept own:" in str(result) and "replaced own.rnn_cell: CfCCell" in str(result)

    def test_a_layer_at_two_places_stays_one_layer(self):
        shared = ncps.torch.CfC(3, 4)
        model = nn.ModuleList([shared, shared])
        accelerate(model)
        assert model[0] is model[1] and isinstance(model[0], lnncmp.torch.CfC)

    def test_nothing_to_do(self):
        model = nn.Sequential(nn.Linear(2, 2))
        result = accelerate(model)
        assert result.model is model and str(result) == "no layer of ncps.torch was found"

    def test_a_fine_tuned_layer_keeps_what_is_frozen(self):
        model = ncps.torch.CfC(3, 4)
        model.rnn_cell.ff1.weight.requires_grad_(False)
        assert not accelerate(model).model.rnn_cell.ff1.weight.requires_grad


def test_the_package_gives_it_without_loading_torch():
    assert lnncmp.accelerate is accelerate
    program = "import lnncmp, sys; assert 'torch' not in sys.modules; lnncmp.accelerate; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="accelerated"):
        _ = lnncmp.accelerated
