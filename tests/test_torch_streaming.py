"""Steppers of the public layers give what the layers give over the sequence."""

import numpy as np
import pytest
import torch
from ncps_pairs import BATCH, INPUTS, LAYERS, STEPS, assert_close, pair


@pytest.mark.parametrize("name", LAYERS)
def test_step_by_step_is_the_sequence(name):
    _, ours = pair(name)
    torch.manual_seed(0)
    x, dt = torch.randn(BATCH, STEPS, INPUTS), 0.1 + torch.rand(BATCH, STEPS)
    with torch.no_grad():
        expected, _ = ours(x, timespans=dt)
    stepper = ours.stepper(BATCH)
    assert stepper.implementation == ("plain" if name == "cfc_wired_mixed" else "compiled")
    steps = [stepper(x[:, t].numpy(), dt[:, t].numpy()) for t in range(STEPS)]
    assert isinstance(steps[0], np.ndarray) and stepper.outputs == expected.shape[2]
    assert_close(torch.from_numpy(np.stack(steps, 1)), expected, 1e-5)


def test_weights_that_change_are_noticed():
    _, ours = pair("ltc_auto_ncp")
    stepper, x = ours.stepper(), np.ones(INPUTS, np.float32)
    before = stepper(x)
    with torch.no_grad():
        ours.rnn_cell.output_b.add_(1.0)
    stepper.reset()
    assert np.allclose(stepper(x), before + 1.0, atol=1e-6)
