"""lnncmp.torch in the place of ncps.torch: names, initial weights, outputs, states and gradients are equal."""

import copy
import inspect
import io
import pickle

import ncps.torch
import pytest
import torch
from ncps.wirings import AutoNCP
from ncps_pairs import BATCH, INPUTS, LAYERS, STEPS, assert_close, drive, gradients, pair, start_of

import lnncmp.torch
from lnncmp.layers.recurrent_layer import use_plain


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def sample(steps=STEPS, batch=BATCH):
    return torch.randn(batch, steps, INPUTS), 0.1 + 2.0 * torch.rand(batch, steps)


class TestWhatItIs:
    @pytest.mark.parametrize("name", ["LTC", "CfC", "LTCCell", "CfCCell", "WiredCfCCell"])
    def test_signatures_begin_with_those_of_ncps(self, name):
        ours, theirs = (inspect.signature(getattr(m, name)).parameters.values() for m in (lnncmp.torch, ncps.torch))
        positional = [(p.name, p.default) for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert positional == [(p.name, p.default) for p in theirs]

    @pytest.mark.parametrize("name", LAYERS)
    def test_the_same_seed_gives_the_same_parameters_in_the_same_order(self, name):
        theirs, ours = (list(layer.named_parameters()) for layer in pair(name))
        assert [(n, p.shape, p.dtype, p.requires_grad) for n, p in ours] == [
            (n, p.shape, p.dtype, p.requires_grad) for n, p in theirs
        ]
        assert all(torch.equal(own, their) for (_, own), (_, their) in zip(ours, theirs, strict=True))

    @pytest.mark.parametrize("name", LAYERS)
    def test_state_dicts_load_both_ways(self, name):
        theirs, ours = pair(name)
        _, other = pair(name, seed=2)
        x, _ = sample()
        other.load_state_dict(theirs.state_dict())
        assert_close(other(x)[0], ours(x)[0], 0.0)
        pair(name, seed=3)[0].load_state_dict(other.state_dict(), strict=True)
        assert list(other.state_dict()) == list(theirs.state_dict())

    @pytest.mark.parametrize("name", ["ltc_ncp_mixed", "cfc_wired", "cfc_pure"])
    def test_copies_and_pickles_compute_the_same(self, name):
        _, ours = pair(name)
        x, dt = sample()
        y, _ = ours(x, timespans=dt)
        file = io.BytesIO()
        torch.save(ours, file)
        file.seek(0)
        copies = copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), torch.load(file, weights_only=False)
        for own in copies:
            assert_close(own(x, timespans=dt)[0], y, 0.0)
            assert not {id(p) for p in own.parameters()} & {id(p) for p in ours.parameters()}

    def test_functional_call_computes_with_the_given_parameters(self):
        for name in ("ltc_auto_ncp", "cfc_wired"):
            _, ours = pair(name)
            _, other = pair(name, seed=2)
            x, _ = sample()
            y, _ = torch.func.functional_call(ours, dict(other.named_parameters()), (x,))
            assert_close(y, other(x)[0], 0.0)

    @pytest.mark.parametrize("name", ["ltc_auto_ncp", "cfc_mixed", "cfc_wired"])
    def test_copies_under_vmap_are_each_alone(self, name):
        copies = [pair(name, seed=seed)[1] for seed in (1, 2)]
        x, dt = sample()
        weights, base = torch.func.stack_module_state(copies), copy.deepcopy(copies[0])

        def run(weights, buffers):
            return torch.func.functional_call(base, (weights, buffers), (x, None, dt))[0]

        found = torch.func.vmap(run)(*weights)
        assert_close(found, torch.stack([layer(x, timespans=dt)[0] for layer in copies]))


class TestEqualToNcps:
    @pytest.mark.parametrize("name", LAYERS)
    def test_outputs_states_and_gradients(self, name):
        theirs, ours = pair(name)
        (x, _), hx = sample(), start_of(theirs)
        assert ours.implementation == "fused"
        for given in (None, hx):
            their_y, their_h = theirs(x, given)
            y, h = ours(x, given)
            assert_close(y, their_y)
            assert_close(h, their_h)
        expected, found = gradients(theirs, their_y, their_h), gradients(ours, y, h)
        assert expected.keys() == found.keys()
        for key, their in expected.items():
            own = found[key]
            if their is None:
                assert own is None or not own.any(), key
            else:
                assert_close(own, their)

    @pytest.mark.parametrize("name", LAYERS)
    def test_irregular_times_equal_the_cell_of_ncps(self, name):
        theirs, ours = pair(name)
        (x, dt), hx = sample(), start_of(theirs)
        their_y, their_h = drive(theirs, x, dt, hx)
        y, h = ours(x, hx, dt)
        assert_close(y, their_y)
        assert_close(h, their_h)
        expected, found = gradients(theirs, their_y, their_h), gradients(ours, y, h)
        for key, their in expected.items():
            if their is not None:
                assert_close(found[key], their)

    @pytest.mark.parametrize("name", LAYERS)
    def test_the_plain_path_is_equal_too(self, name):
        theirs, ours = (layer.double() for layer in pair(name))
        x, dt = (own.double() for own in sample())
        hx = start_of(ours)
        hx = tuple(own.double() for own in hx) if isinstance(hx, tuple) else hx.double()
        fused, plain = ours(x, hx, dt), use_plain(copy.deepcopy(ours))
        assert plain.implementation == "loop"
        y, h = plain(x, hx, dt)
        # epsilon enters the two forms of a solver step at different places
        assert_close(y, drive(theirs, x, dt, hx)[0], 1e-5 if name == "ltc_explicit" else 1e-7)
        assert_close(fused[0], y, 1e-11)
        assert_close(fused[1], h, 1e-11)

    @pytest.mark.parametrize("name", ["ltc", "ltc_ncp_mixed", "cfc_mixed", "cfc_wired", "cfc_wired_mixed"])
    @pytest.mark.parametrize("batch, steps", [(1, 1), (1, 5), (3, 1)])
    def test_small_batches_and_single_steps(self, name, batch, steps):
        theirs, ours = pair(name)
        x, dt = sample(steps, batch)
        hx = start_of(theirs, batch)
        assert_close(ours(x, hx), theirs(x, hx))
        if batch == 1:  # where ncps takes times of each step as it should
            assert_close(ours(x, hx, dt), theirs(x, hx, dt))

    @pytest.mark.parametrize("name", ["ltc_auto_ncp", "cfc_mixed", "cfc_wired"])
    def test_every_layout(self, name):
        x, _ = sample()
        for changes in ({"batch_first": False}, {"return_sequences": False}):
            theirs, ours = pair(name, **changes)
            given = x if theirs.batch_first else x.transpose(0, 1)
            hx = start_of(theirs)
            assert_close(ours(given, hx), theirs(given, hx))
        theirs, ours = pair(name)
        (one, times), hx = sample(batch=1), start_of(theirs, 1)
        alone = tuple(own[0] for own in hx) if isinstance(hx, tuple) else hx[0]
        assert_close(ours(one[0], alone, times[0]), theirs(one[0], alone, times[0]))

    def test_float64(self):
        for name in ("ltc_auto_ncp", "cfc_wired_mixed"):
            theirs, ours = (layer.double() for layer in pair(name))
            x, dt = (own.double() for own in sample())
            assert_close(ours(x, timespans=dt)[0], drive(theirs, x, dt)[0], 1e-7)

    def test_cells_step(self):
        x, dt = torch.randn(BATCH, INPUTS), torch.rand(BATCH, 1)
        for name in ("ltc_auto_ncp", "cfc", "cfc_wired"):
            theirs, ours = pair(name)
            h = start_of(theirs)
            for elapsed in (0.7, dt):
                assert_close(ours.rnn_cell(x, h, elapsed), theirs.rnn_cell(x, h, elapsed))
            assert_close(ours.rnn_cell(x, h, dt[:, 0]), theirs.rnn_cell(x, h, dt))

    def test_sizes_have_their_names(self):
        for name in LAYERS:
            theirs, ours = pair(name)
            assert (ours.state_size, ours.output_size) == (theirs.state_size, theirs.output_size)

    def test_a_wired_cfc_has_a_name_of_its_own(self):
        torch.manual_seed(0)
        named = lnncmp.torch.WiredCfC(INPUTS, AutoNCP(12, 2), proj_size=4)
        torch.manual_seed(0)
        x, _ = sample()
        torch.manual_seed(0)
        assert_close(named(x), lnncmp.torch.CfC(INPUTS, AutoNCP(12, 2), proj_size=4)(x), 0.0)
