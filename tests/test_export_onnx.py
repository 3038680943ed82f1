"""Networks as ONNX, run by onnxruntime: a step and a sequence of any batch and length."""

import builtins
import json

import numpy as np
import pytest
from portable_networks import IDS, VARIANTS, timed_network, variant_network

from lnncmp.errors import DataError
from lnncmp.export.formats.base import Choices
from lnncmp.export.onnx_graph import OPSET
from lnncmp.export.writing import check, export, random_inputs, reference

onnx = pytest.importorskip("onnx", reason="needs lnncmp[export]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs lnncmp[export]")
CHOICES = Choices()


@pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=IDS)
def test_step_and_sequence_agree_with_the_network(name, variant):
    network = variant_network(name, variant)
    found = check(network, "onnx", CHOICES, export(network, "onnx", CHOICES), steps=20)
    assert set(found.largest) == {"step", "sequence"}
    assert max(found.largest.values()) < 1e-5


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_every_activation(activation):
    network = variant_network("cfc", {"backbone_activation": activation})
    assert max(check(network, "onnx", CHOICES, export(network, "onnx", CHOICES), steps=5).largest.values()) < 1e-5


def session(network, kind):
    made = export(network, "onnx", CHOICES).files[f"lnn_{kind}.onnx"]
    return onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (5, 2)])
def test_batch_and_steps_are_dynamic(shape):
    network = timed_network("lstm", withholds_time=True)
    x, dt = random_inputs(network, shape[0] * shape[1])
    x, dt = x.reshape(*shape, -1), dt.reshape(shape)
    (y,) = session(network, "sequence").run(None, {"x": x, "dt": dt})
    for row in range(shape[0]):
        assert np.allclose(y[row], reference(network, x[row], dt[row]), atol=1e-5)


def test_a_step_takes_a_batch_and_names_its_states():
    network = variant_network("ncp", {"cell": "cfc"})
    step = session(network, "step")
    names = [one.name for one in step.get_inputs()]
    assert names == ["x", "dt", "h0", "h1", "h2"]
    assert [one.name for one in step.get_outputs()] == ["y", "h0_next", "h1_next", "h2_next"]
    x, dt = random_inputs(network, 4)
    states = {one.name: np.zeros((4, one.shape[1]), np.float32) for one in step.get_inputs()[2:]}
    y = step.run(None, {"x": x, "dt": dt, **states})[0]
    for row in range(4):
        assert np.allclose(y[row], reference(network, x[row : row + 1], dt[row : row + 1]), atol=1e-5)


def test_a_file_says_what_its_numbers_mean():
    network = variant_network("gru", {})
    model = onnx.load_from_string(export(network, "onnx", CHOICES).files["lnn_step.onnx"])
    assert [(one.domain, one.version) for one in model.opset_import] == [("", OPSET)]
    about = json.loads({one.key: one.value for one in model.metadata_props}["about"])
    assert about["inputs"] == ["sensor 0 [V]", "sensor 1 [V]", "sensor 2 [V]"]
    assert about["Model"] == "a test" and "second" in about["dt"]


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(monkeypatch, missing):
    network = variant_network("gru", {})
    made = export(network, "onnx", CHOICES)
    real = builtins.__import__

    def refuse(name, *rest):
        if name == missing:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(DataError, match=f"the package {missing} is missing") as refusal:
        if missing == "onnx":
            export(network, "onnx", CHOICES)
        else:
            check(network, "onnx", CHOICES, made, steps=2)
    assert "lnncmp[export]" in refusal.value.hint
