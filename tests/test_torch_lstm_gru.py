"""LSTM and GRU of lnncmp.torch are torch.nn's in names, arguments and results, by this project's kernels."""

import pytest
import torch
from ncps_pairs import assert_close
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import lnncmp.layers.lstm_gru
import lnncmp.torch
import lnncmp.torch.lstm_gru as own_module

BATCH, STEPS, INPUTS = 4, 6, 3


def pair(name, *arguments, **options):
    made = []
    for library in (nn, lnncmp.torch):
        torch.manual_seed(0)
        made.append(getattr(library, name)(INPUTS, 5, *arguments, **options))
    return made


@pytest.fixture
def calls(monkeypatch):
    """Record the calls of the kernel."""
    found = []

    def counted(*arguments):
        found.append(arguments)
        return lnncmp.layers.lstm_gru.run_fused(*arguments)

    monkeypatch.setattr(own_module, "run_fused", counted)
    return found


def as_tuple(found):
    y, states = found
    y = y.data if isinstance(y, tuple) else y
    return (y, *states) if isinstance(states, tuple) else (y, states)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
class TestEqualToTorch:
    @pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"num_layers": 2}])
    def test_outputs_states_and_gradients(self, name, options, calls):
        theirs, ours = pair(name, **options)
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        x = torch.randn(STEPS, BATCH, INPUTS)
        batch = STEPS if options.get("batch_first") else BATCH
        states = [torch.randn(theirs.num_layers, batch, 5) for _ in range(2 if name == "LSTM" else 1)]
        for hx in (None, tuple(states) if name == "LSTM" else states[0]):
            expected, found = as_tuple(theirs(x, hx)), as_tuple(ours(x, hx))
            assert_close(found, expected)
        for outcome in (expected, found):
            sum(own.square().sum() for own in outcome).backward()
        for (_, own), (_, their) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert_close(own.grad, their.grad)
        assert len(calls) == 2 * theirs.num_layers

    def test_packed_and_unbatched_input(self, name, calls):
        theirs, ours = pair(name, batch_first=True)
        x, lengths = torch.randn(BATCH, STEPS, INPUTS), torch.tensor([3, 6, 1, 4])
        packed = pack_padded_sequence(x, lengths, True, enforce_sorted=False)
        expected, found = theirs(packed), ours(packed)
        assert_close(as_tuple(found)[1:], as_tuple(expected)[1:])
        for own, their in zip(found[0], expected[0], strict=True):
            assert_close(own.float(), their.float())
        assert_close(as_tuple(ours(x[0])), as_tuple(theirs(x[0])))
        state = torch.randn(1, 5)
        hx = (state, state) if name == "LSTM" else state
        assert_close(as_tuple(ours(x[0], hx)), as_tuple(theirs(x[0], hx)))
        assert len(calls) == 3

    @pytest.mark.parametrize("options", [{"bidirectional": True}, {"bias": False}, {"num_layers": 2, "dropout": 0.5}])
    def test_what_the_kernel_cannot_is_left_to_torch(self, name, options, calls):
        theirs, ours = (layer.eval() for layer in pair(name, **options))
        x = torch.randn(STEPS, BATCH, INPUTS)
        assert_close(as_tuple(ours(x)), as_tuple(theirs(x)))
        assert len(calls) == (2 if "dropout" in options else 0)

    def test_wrong_shapes_are_refused(self, name, calls):
        _, ours = pair(name)
        state = torch.zeros(1, BATCH + 1, 5)
        with pytest.raises(RuntimeError, match=r"\(1, 5, 5\).*\(1, 4, 5\)|\[1, 5, 5\].*\(1, 4, 5\)"):
            ours(torch.zeros(STEPS, BATCH, INPUTS), (state, state) if name == "LSTM" else state)
