import numpy as np
import pytest

from lnncmp.common.seeding import Streams, stream_seed, streams
from lnncmp.models import cfc, lstm
from lnncmp.training.build import build_model


def test_values_never_change():
    assert streams(0) == Streams(root=0, model=1982462498, wiring=1570558271, batches=1306511473)
    assert streams(1) == Streams(root=1, model=594516694, wiring=798405205, batches=2005377912)


def test_streams_differ_between_each_other_and_between_roots():
    seeds = [seed for root in range(200) for seed in (streams(root).model, streams(root).wiring, streams(root).batches)]
    assert len(set(seeds)) == 600
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_streams_of_neighbours_are_not_related():
    draws = np.array([np.random.default_rng(streams(root).batches).standard_normal(500) for root in range(10)])
    correlation = np.corrcoef(draws) - np.eye(10)
    assert np.abs(correlation).max() < 0.2


def test_large_roots_are_allowed_and_negative_ones_refused():
    assert streams(2**40).model != streams(0).model
    with pytest.raises(ValueError, match="non-negative"):
        stream_seed(-1, 1)


@pytest.mark.parametrize("module", [lstm, cfc])
def test_the_weights_depend_on_the_model_seed_alone(module):
    def weights(model_seed, wiring_seed):
        spec = module.MODEL
        model = build_model(
            spec, spec.arguments(hidden=6), 3, 2, dt_as_input=True, model_seed=model_seed, wiring_seed=wiring_seed
        )
        return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])

    first = weights(1, 2)
    np.testing.assert_array_equal(first, weights(1, 3))
    assert not np.array_equal(first, weights(2, 2))


def test_building_is_blind_to_what_was_drawn_before():
    import torch

    arguments = {"dt_as_input": False, "model_seed": 4, "wiring_seed": 0}
    first = build_model(lstm.MODEL, lstm.LSTMArguments(hidden=5), 3, 2, **arguments)
    torch.rand(17)
    second = build_model(lstm.MODEL, lstm.LSTMArguments(hidden=5), 3, 2, **arguments)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


class TestTimeAsInput:
    def build(self, module, dt_as_input):
        arguments = module.MODEL.arguments(hidden=5)
        return build_model(module.MODEL, arguments, 3, 2, dt_as_input=dt_as_input, model_seed=0, wiring_seed=0)

    def test_is_given_to_models_that_do_not_use_it_otherwise(self):
        counts = {}
        for module in (lstm, cfc):
            for given in (False, True):
                counts[module, given] = sum(p.numel() for p in self.build(module, given).parameters())
        assert counts[lstm, True] - counts[lstm, False] == 4 * 5 and counts[cfc, True] == counts[cfc, False]

    def test_reaches_the_output_and_padding_does_not(self):
        import torch

        model = self.build(lstm, True)
        x, dt = torch.randn(2, 6, 3), torch.rand(2, 6) + 0.5
        step = torch.ones(2, 6, dtype=torch.bool)
        step[1, 4:] = False
        y = model(x, dt, step)
        assert not torch.allclose(y, model(x, dt * 2, step))
        dt[1, 4:] = float("nan")
        assert torch.equal(y, model(x, dt, step)) and torch.all(y[1, 4:] == 0)

    def test_streams_as_it_runs_at_once(self):
        import torch

        model = self.build(lstm, True)
        x, dt, state, out = torch.randn(2, 4, 3), torch.rand(2, 4) + 0.5, model.initial_state(2), []
        for t in range(4):
            y, state = model.step(x[:, t], dt[:, t], state)
            out.append(y)
        torch.testing.assert_close(torch.stack(out, 1), model(x, dt))
        assert model.structure() == {} and model.implementation == model.model.implementation
