"""Networks as programs of torch.export, which load without lnncmp."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from portable_networks import timed_network, variant_network

from lnncmp.export.formats.base import Choices
from lnncmp.export.writing import check, export, random_inputs, reference

CHOICES = Choices(name="net")
NETWORKS = {
    "time as an input": lambda: timed_network("lstm"),
    "ltc synapses": lambda: variant_network("ncp", {"unfolds": 2}),
    "wired cfc": lambda: variant_network("ncp", {"cell": "cfc"}),
}


@pytest.fixture(scope="module")
def exported():
    """The files of an LSTM with the elapsed time as an input."""
    network = NETWORKS["time as an input"]()
    return network, export(network, "torch", CHOICES)


@pytest.mark.parametrize("kind", NETWORKS)
def test_step_and_sequence_agree_with_the_network(kind, exported):
    network = NETWORKS[kind]()
    made = exported[1] if kind == "time as an input" else export(network, "torch", CHOICES)
    found = check(network, "torch", CHOICES, made, steps=20)
    assert set(found.largest) == {"step", "sequence"}
    assert max(found.largest.values()) < 1e-5


def test_files_load_with_torch_alone_at_any_batch_and_length(exported, tmp_path):
    network, made = exported
    for name, content in made.files.items():
        (tmp_path / name).write_bytes(content)
    x, dt = random_inputs(network, 14)
    np.save(tmp_path / "x.npy", x.reshape(2, 7, -1))
    np.save(tmp_path / "dt.npy", dt.reshape(2, 7))
    program = (
        "import json, sys, numpy as np, torch\n"
        "x, dt = (torch.from_numpy(np.load(name)) for name in ('x.npy', 'dt.npy'))\n"
        "extra = {'about.json': ''}\n"
        "whole = torch.export.load('net_sequence.pt2', extra_files=extra).module()\n"
        "assert whole(x[:1, :1], dt[:1, :1]).shape == (1, 1, 2)\n"
        "np.save('y.npy', whole(x, dt).detach().numpy())\n"
        "one = torch.export.load('net_step.pt2').module()\n"
        "assert one(torch.zeros(5, 3), torch.ones(5), torch.zeros(5, 10), torch.zeros(5, 10))[0].shape == (5, 2)\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'lnncmp']\n"
        "print(extra['about.json'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout)
    assert about["outputs"] == ["motor 0 [Nm]", "motor 1 [Nm]"] and about["states"] == {"h": 10, "c": 10}
    y = np.load(tmp_path / "y.npy")
    for row in range(2):
        expected = reference(network, x.reshape(2, 7, -1)[row], dt.reshape(2, 7)[row])
        assert np.allclose(y[row], expected, atol=1e-5)
