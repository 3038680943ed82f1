"""What lnncmp.torch takes and refuses, and where it differs from ncps.torch: each difference of docs/torch.md."""

import ncps.torch
import numpy as np
import pytest
import torch
from ncps.wirings import AutoNCP, FullyConnected, Random
from ncps_pairs import BATCH, INPUTS, STEPS, assert_close, drive, pair
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import lnncmp.torch
from lnncmp.errors import UsageError


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def sample(batch=BATCH):
    return torch.randn(batch, STEPS, INPUTS), 0.1 + 2.0 * torch.rand(batch, STEPS)


SOME = ("ltc", "cfc", "cfc_wired", "ltc_ncp_mixed")


class TestTimes:
    @pytest.mark.parametrize("name", SOME)
    def test_every_form_of_them(self, name):
        _, ours = pair(name)
        x, dt = sample()
        y, _ = ours(x, timespans=dt)
        assert_close(ours(x, timespans=dt[..., None])[0], y, 0.0)
        assert_close(ours(x, timespans=dt.double())[0], y, 0.0)
        once, _ = ours(x)
        for one in (1, 1.0, torch.tensor(1.0), torch.ones(BATCH, STEPS)):
            assert_close(ours(x, timespans=one)[0], once, 0.0)
        ours.batch_first = False
        for times in (dt.t(), dt.t()[..., None]):
            assert_close(ours(x.transpose(0, 1), timespans=times)[0], y.transpose(0, 1), 0.0)

    @pytest.mark.parametrize("name", ["ltc", "cfc"])
    def test_ncps_mistakes_those_of_a_batch(self, name):
        theirs, ours = pair(name)
        x, dt = sample()
        with pytest.raises(RuntimeError):
            theirs(x, timespans=dt)
        assert_close(ours(x, timespans=dt)[0], drive(theirs, x, dt)[0])
        x, dt = sample(batch=5)  # as many samples as units: ncps computes, with the time of another sample
        wrong, _ = theirs(x, timespans=dt)
        right, _ = drive(theirs, x, dt)
        assert not torch.allclose(wrong, right, atol=1e-3)
        assert_close(ours(x, timespans=dt)[0], right)

    @pytest.mark.parametrize("name", ["ltc", "cfc", "cfc_wired"])
    def test_they_have_gradients(self, name):
        theirs, ours = pair(name)
        x, dt = sample()
        found = []
        for compute in (lambda times: ours(x, timespans=times), lambda times: drive(theirs, x, times)):
            times = dt.clone().requires_grad_()
            compute(times)[0].square().sum().backward()
            found.append(times.grad)
        assert_close(*found)

    def test_no_time_at_all_leaves_the_state(self):
        theirs, ours = pair("ltc")
        x, _ = sample()
        y, h = ours(x, torch.ones(BATCH, 5), 0.0)
        assert_close(h, torch.ones(BATCH, 5), 0.0)
        assert torch.isfinite(y).all() and theirs.rnn_cell(x[:, 0], h, 0.0)[1].isnan().all()


class TestRefused:
    @pytest.mark.parametrize(
        "shape", [(BATCH, STEPS, INPUTS), (STEPS, BATCH), (STEPS,), (BATCH, 1), (1, STEPS), (BATCH, STEPS, 1, 1)]
    )
    @pytest.mark.parametrize("name", ["ltc", "cfc_wired"])
    def test_times_of_another_shape(self, name, shape):
        _, ours = pair(name)
        with pytest.raises(UsageError) as error:
            ours(sample()[0], timespans=torch.ones(shape))
        assert str(shape) in str(error.value) and str((BATCH, STEPS)) in str(error.value)

    @pytest.mark.parametrize("shape", [(BATCH, STEPS, INPUTS + 1), (STEPS, 1), (INPUTS,), (1, BATCH, STEPS, INPUTS)])
    def test_input_of_another_shape(self, shape):
        with pytest.raises(UsageError) as error:
            pair("cfc")[1](torch.ones(shape))
        assert str(shape) in str(error.value) and f"{INPUTS})" in str(error.value)

    @pytest.mark.parametrize("name", ["ltc", "ltc_ncp_mixed"])
    def test_states_of_another_shape(self, name):
        _, ours = pair(name)
        x, _ = sample()
        states = [torch.zeros(BATCH, 4), torch.zeros(1, ours.state_size), torch.zeros(1, BATCH, ours.state_size)]
        for state in states:
            given = (state, state) if ours.use_mixed else state
            with pytest.raises(UsageError) as error:
                ours(x, given)
            assert str(tuple(state.shape)) in str(error.value) and str((BATCH, ours.state_size)) in str(error.value)
        good = torch.zeros(BATCH, ours.state_size)
        with pytest.raises(UsageError):
            ours(x, good if ours.use_mixed else (good, good))

    @pytest.mark.parametrize("name", ["ltc", "cfc_mixed"])
    def test_other_types_than_those_of_the_weights(self, name):
        _, ours = pair(name)
        x, _ = sample()
        with pytest.raises(UsageError, match="is float64, the model's weights are float32"):
            ours(x.double())
        state = torch.zeros(BATCH, 5).double()
        with pytest.raises(UsageError, match="is float64, the model's weights are float32"):
            ours(x, (state, state) if ours.use_mixed else state)

    def test_other_mistakes(self):
        x, _ = sample()
        _, ours = pair("cfc")
        for valid in (torch.ones(BATCH, STEPS), torch.ones(STEPS, BATCH, dtype=torch.bool)):
            with pytest.raises(UsageError, match="valid"):
                ours(x, valid=valid)
        with pytest.raises(UsageError, match="no last output"):
            pair("cfc", return_sequences=False)[1](x[:, :0])
        with pytest.raises(UsageError, match="expected"):
            ours.rnn_cell(x[:, 0], torch.zeros(BATCH, 5), torch.ones(BATCH, 5))
        with pytest.raises(UsageError, match="unknown mode 'pur'") as error:
            lnncmp.torch.CfC(3, 4, mode="pur")
        assert "Did you mean 'pure'" in error.value.hint
        with pytest.raises(UsageError, match="unknown activation"):
            lnncmp.torch.CfC(3, 4, activation="sine")
        with pytest.raises(UsageError, match="backbone_units"):
            lnncmp.torch.CfC(3, AutoNCP(12, 2), backbone_units=4)
        with pytest.raises(UsageError, match="4 inputs"):
            wiring = AutoNCP(12, 2)
            lnncmp.torch.LTC(4, wiring)
            lnncmp.torch.LTC(3, wiring)
        with pytest.raises(UsageError, match="number of inputs"):
            lnncmp.torch.LTCCell(AutoNCP(12, 2))
        with pytest.raises(UsageError, match="needs a wiring"):
            lnncmp.torch.WiredCfC(3, 12)
        with pytest.raises(UsageError, match="sparsity_mask"):
            lnncmp.torch.CfCCell(3, 4, sparsity_mask=np.ones((7, 4)))


class TestPadding:
    @pytest.mark.parametrize("name", [*SOME, "cfc_mixed", "cfc_wired_mixed"])
    def test_padded_and_packed_input_is_each_sequence_alone(self, name):
        _, ours = pair(name)
        x, dt = sample()
        lengths = torch.tensor([3, 6, 1, 4])
        valid = torch.arange(STEPS)[None] < lengths[:, None]
        x[~valid], dt[~valid] = torch.nan, torch.nan
        y, final = ours(x, timespans=dt, valid=valid)
        packed, packed_final = ours(pack_padded_sequence(x, lengths, True, enforce_sorted=False), timespans=dt)
        assert isinstance(packed, PackedSequence)
        assert_close(pad_packed_sequence(packed, batch_first=True)[0], y, 0.0)
        assert_close(packed_final, final, 0.0)
        finals = final if ours.use_mixed else (final,)
        for row, length in enumerate(lengths.tolist()):
            alone, end = ours(x[row, :length], timespans=dt[row, :length])
            assert_close(y[row, :length], alone, 1e-6)
            assert not y[row, length:].any()
            for own, its in zip(finals, end if ours.use_mixed else (end,), strict=True):
                assert_close(own[row], its, 1e-6)
        ours.return_sequences = False
        last, _ = ours(x, timespans=dt, valid=valid)
        assert_close(last, y[torch.arange(BATCH), lengths - 1], 1e-6)


class TestDifferences:
    def test_sensory_synapses_are_counted(self):
        for name in ("ltc_auto_ncp", "cfc_wired"):
            theirs, ours = (layer.rnn_cell for layer in pair(name))
            assert theirs.sensory_synapse_count == theirs.synapse_count == ours.synapse_count
            assert ours.sensory_synapse_count == ours._wiring.sensory_synapse_count != ours.synapse_count

    def test_a_wiring_of_two_layers_is_built_once(self):
        counts = []
        for library in (ncps.torch, lnncmp.torch):
            wiring = Random(20, 4, sparsity_level=0.8)
            library.LTC(10, wiring)
            library.LTC(10, wiring)
            counts.append(int(wiring.sensory_synapse_count))
        assert counts[1] == 40 < counts[0]

    def test_outputs_of_a_wired_cfc_are_those_that_the_wiring_says(self):
        theirs, ours = (m.CfC(INPUTS, FullyConnected(7, 2)) for m in (ncps.torch, lnncmp.torch))
        ours.load_state_dict(theirs.state_dict())
        x, _ = sample()
        their_y, their_h = theirs(x)
        y, h = ours(x)
        assert their_y.shape == (BATCH, STEPS, 7) and theirs.output_size == 2
        assert_close(y, their_y[..., :2])
        assert_close(h, their_h)
        assert lnncmp.torch.CfC(INPUTS, FullyConnected(7, 2), proj_size=4)(x)[0].shape == (BATCH, STEPS, 4)
        with pytest.raises(RuntimeError):
            ncps.torch.CfC(INPUTS, FullyConnected(7, 2), proj_size=4)(x)

    def test_the_last_output_without_batch_has_no_batch(self):
        x, _ = sample()
        theirs, ours = pair("cfc", batch_first=False, return_sequences=False)
        assert theirs(x[0])[0].shape == (1, 5) and ours(x[0])[0].shape == (5,)

    def test_capacitances_are_never_0(self):
        theirs, ours = (layer.rnn_cell for layer in pair("ltc_explicit"))
        for cell in (theirs, ours):
            with torch.no_grad():
                for parameter in (cell.cm, cell.w, cell.gleak, cell.sensory_w):
                    parameter.fill_(-1.0)
            cell.apply_weight_constraints()
        assert not theirs.cm.any() and (ours.cm > 0).all()
        assert not any(own.any() for own in (ours.w, ours.gleak, ours.sensory_w))

    def test_an_ltc_computes_with_the_parameters_that_it_is_given(self):
        theirs, ours = pair("ltc")
        x, _ = sample()
        zeros = {name: torch.zeros_like(p) for name, p in ours.named_parameters()}
        outputs = [torch.func.functional_call(layer, zeros, (x,))[0] for layer in (theirs, ours)]
        assert_close(outputs[0], theirs(x)[0], 0.0)  # as if nothing had been given
        assert not outputs[1].any()


class TestBeyondNcps:
    def test_choices_of_the_published_code(self):
        x, dt = sample()
        torch.manual_seed(0)
        plain = lnncmp.torch.CfC(INPUTS, 5)
        choices = ({"gate_sign": "minus"}, {"head_activation": "lecun_tanh"})
        for choice in choices:
            torch.manual_seed(0)
            other = lnncmp.torch.CfC(INPUTS, 5, **choice)
            assert other.state_dict().keys() == plain.state_dict().keys()
            assert not torch.allclose(other(x, timespans=dt)[0], plain(x, timespans=dt)[0], atol=1e-3)
        minus = lnncmp.torch.CfC(INPUTS, 5, gate_sign="minus")
        minus.load_state_dict(plain.state_dict())
        with torch.no_grad():
            minus.rnn_cell.time_a.weight.neg_(), minus.rnn_cell.time_a.bias.neg_()
        assert_close(minus(x, timespans=dt)[0], plain(x, timespans=dt)[0])

    def test_dropout_after_every_layer_acts_on_one_layer_too(self):
        x, _ = sample()
        for placement, acts in (("ncps", False), ("every_layer", True)):
            layer = lnncmp.torch.CfC(INPUTS, 5, backbone_dropout=0.5, dropout_placement=placement)
            assert torch.equal(layer(x)[0], layer(x)[0]) is not acts
            assert torch.equal(layer.eval()(x)[0], layer(x)[0])

    def test_an_absent_synapse_may_be_absent_from_all_heads(self):
        wiring = AutoNCP(12, 2, sparsity_level=0.8)
        layer = lnncmp.torch.WiredCfC(INPUTS, wiring, masking="all_heads")
        layer(sample()[0])[0].square().sum().backward()
        for cell in (layer.rnn_cell.layer_0, layer.rnn_cell.layer_1, layer.rnn_cell.layer_2):
            absent = cell.sparsity_mask == 0
            assert absent.any() and not cell.time_a.weight.grad[absent].any()
