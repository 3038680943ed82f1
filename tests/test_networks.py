"""Networks that are kept: loaded again they are the ones that were scored, and predict in raw units."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_runs import numbers
from kept_networks import keep
from predictor_errors import one_step_error
from safetensors.torch import load_file

import lnncmp
from lnncmp.cases.mimic3 import _walk
from lnncmp.errors import DataError, UsageError
from lnncmp.evaluation.metrics import mse
from lnncmp.records.store import Store
from lnncmp.training.predict import NetworkPredictor

CPU = torch.device("cpu")
RUNS = [("walker2d", "lstm"), ("walker2d", "cfc"), ("sine", "liquid_ncp"), ("sine", "ncp"), ("mimic3", "ltc")]


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: "-".join(run))
def kept(request, tmp_path_factory):
    return keep(tmp_path_factory.mktemp("kept"), *request.param)


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("patients"), "mimic3", "gru")


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("waves"), "sine", "lstm", seeds=(3, 4))


def test_a_loaded_network_has_the_recorded_score(kept):
    network = lnncmp.load(kept.record.run_id, out=kept.out)
    assert not network.module.training
    found = one_step_error(NetworkPredictor(network.module, CPU), kept.prepared.splits.test, kept.prepared.splits)
    assert mse(found) == pytest.approx(kept.record.scores.metrics["test"]["mse"], rel=1e-6)


def test_its_scalers_are_those_of_the_data(kept):
    network = lnncmp.load(kept.weights)
    scalers = kept.prepared.scalers
    for ours, theirs in ((network.scaler.inputs, scalers.inputs), (network.scaler.outputs, scalers.outputs)):
        assert np.array_equal(ours.mean, theirs.mean) and np.array_equal(ours.std, theirs.std)
    assert len(network.inputs) == kept.record.inputs and len(network.outputs) == kept.record.outputs
    assert set(network.units) == {*network.inputs, *network.outputs, *network.columns}


def test_predictions_in_raw_units_are_those_of_the_windows(kept):
    """Raw values that are scaled again give what the windows gave, for cases whose inputs are the columns."""
    network, test = lnncmp.load(kept.json), kept.prepared.splits.test
    if not network.is_plain:
        pytest.skip("its inputs are not its columns: see the tests of stays")
    raw = network.scaler.inputs.unscale(test.x)
    ours = network.predict(raw, dt=test.dt)
    theirs = network.scaler.outputs.unscale(NetworkPredictor(network.module, CPU).predict(test))
    assert np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max()


def test_a_stay_from_raw_values_is_the_one_that_was_trained_on(patients):
    """Values carried forward, masks and ages are made of raw values as the case makes them of its recordings."""
    rng = np.random.default_rng(0)
    stays = [_walk(rng, f"subject-{n // 2}") for n in range(24)]
    network, splits = lnncmp.load(patients.json), patients.prepared.splits
    groups = set(splits.test.group.tolist())
    stay = next(stay for stay in stays if stay.group in groups)
    steps = splits.test.x.shape[1]
    values = np.where(stay.observed, stay.values, np.nan)[:steps, : len(network.columns)]
    x, _ = network.encode(values[None], np.ones((1, steps)), np.isfinite(values)[None])
    first = next(k for k in range(len(splits.test)) if np.abs(splits.test.x[k] - x[0]).max() < 1e-5)
    ours = network.predict(values, times=stay.times[:steps])
    theirs = NetworkPredictor(network.module, CPU).predict(splits.test.take(slice(first, first + 1)))
    assert np.allclose(ours, network.scaler.outputs.unscale(theirs)[0], rtol=1e-5)
    assert 30 < ours[:, 0].mean() < 300, "a heart rate, not a number of standard deviations"
    assert network.columns[0] == "hr" and network.inputs[7:9] == ("hr_measured", "sbp_measured")


def test_a_variable_without_a_training_value_is_never_read_and_never_predicted(patients):
    network = lnncmp.load(patients.json)
    network.scaler.inputs.std[2] = network.scaler.outputs.std[2] = np.inf
    values = np.full((5, 7), 90.0)
    known = network.predict(values)
    assert np.isnan(known[:, 2]).all() and np.isfinite(np.delete(known, 2, axis=1)).all()
    values[:, 2] = 60.0
    assert np.array_equal(network.predict(values), known, equal_nan=True)


def test_times_dt_and_batches_agree(waves):
    network = lnncmp.load(waves.json)
    times = np.array([2.0, 3.0, 4.5, 6.0])
    values = np.sin(times)[:, None]
    one = network.predict(values, times=times)
    assert one.shape == (4, 1)
    assert np.array_equal(one, network.predict(values, dt=[1.0, 1.0, 1.5, 1.5]))
    both = network.predict(np.stack([values, -values]), times=np.stack([times, times]))
    assert np.allclose(both[0], one, rtol=1e-6)
    assert not np.allclose(one, network.predict(values)), "elapsed times count"


def test_unobserved_values_do_not_count(waves):
    network = lnncmp.load(waves.json)
    values = np.array([[1.0], [2.0], [3.0]])
    gone = network.predict(np.where(values == 2.0, np.nan, values))
    assert np.isfinite(gone).all()
    assert np.array_equal(gone, network.predict(values, observed=values != 2.0))
    assert not np.array_equal(gone, network.predict(values))


def test_a_run_that_withholds_time_is_told_that_every_step_is_one(tmp_path):
    kept = keep(tmp_path, "sine", "lstm", 'data.timespans="ones"')
    network = lnncmp.load(kept.json)
    values = np.sin(np.arange(4.0))[:, None]
    assert np.array_equal(network.predict(values, dt=[1, 2, 3, 4.0]), network.predict(values))


@pytest.mark.parametrize(
    ("given", "error", "phrase"),
    [
        ({"values": np.zeros(4)}, UsageError, "got (4,)"),
        ({"values": np.zeros((4, 2))}, UsageError, "values should be (T, 1)"),
        ({"values": np.zeros((4, 1)), "dt": np.ones(3)}, UsageError, "dt should have shape (4,)"),
        ({"values": np.zeros((4, 1)), "observed": np.ones((3, 1))}, UsageError, "observed should have shape (4, 1)"),
        ({"values": np.zeros((4, 1)), "dt": np.ones(4), "times": np.arange(4)}, UsageError, "give one of them"),
        ({"values": np.zeros((4, 1)), "dt": [1, 1, 0, 1]}, DataError, "above 0 from step to step: that is not so at"),
        ({"values": np.zeros((4, 1)), "times": [0, 1, 1, 2]}, DataError, "not so at step 2"),
        ({"values": np.full((4, 1), np.inf)}, DataError, "must be finite, or NaN"),
    ],
)
def test_wrong_values_get_one_sentence(waves, given, error, phrase):
    with pytest.raises(error) as raised:
        lnncmp.load(waves.json).predict(**given)
    assert phrase in raised.value.message


def test_no_steps_give_no_predictions(waves):
    assert lnncmp.load(waves.json).predict(np.zeros((0, 1))).shape == (0, 1)


def test_the_file_is_safetensors_with_module_and_scaler(waves):
    found = load_file(waves.weights)
    assert {name.partition(".")[0] for name in found} == {"module", "scaler"}
    assert found["scaler.inputs.mean"].dtype == torch.float64


def test_stacked_or_alone_the_weights_are_the_same_bytes_and_change_no_identity(waves, tmp_path):
    alone = keep(tmp_path / "alone", "sine", "lstm", seeds=(3,))
    assert alone.record.run_id == waves.record.run_id
    assert alone.record.weights == waves.record.weights
    assert alone.weights.read_bytes() == waves.weights.read_bytes()
    without = keep(tmp_path / "without", "sine", "lstm", seeds=(3,), weights=False)
    assert without.record.weights is None and not without.weights.exists()
    assert numbers(without.record) | {"weights": None} == numbers(alone.record) | {"weights": None}
    with pytest.raises(DataError, match="were not kept"):
        lnncmp.load(without.json)


def test_networks_of_patients_are_for_their_owner_alone(patients, waves):
    assert patients.weights.stat().st_mode & 0o777 == 0o600
    assert waves.weights.stat().st_mode & 0o444 == 0o444 & ~_umask()


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def test_loading_leaves_the_callers_random_numbers_alone(waves):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    lnncmp.load(waves.json)
    assert torch.equal(torch.rand(3), expected)


def test_fresh_forgets_the_weights_too(tmp_path):
    kept = keep(tmp_path, "sine", "lstm")
    Store(tmp_path).discard(kept.record.run_id)
    assert not kept.weights.exists() and not kept.json.exists()


def test_importing_lnncmp_needs_no_torch():
    program = (
        "import sys, lnncmp\nassert 'load' in dir(lnncmp) and 'torch' not in sys.modules\n"
        "from lnncmp import load\nassert load is lnncmp.load and 'torch' in sys.modules\n"
        "try: lnncmp.laod\nexcept AttributeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "module 'lnncmp' has no attribute 'laod'\n", done.stderr


def test_the_example_of_the_page_works(waves):
    page = (Path(__file__).resolve().parent.parent / "docs" / "networks.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict = {}
    exec(block.replace("lnncmp-results/records/0123456789abcdef.json", str(waves.json)), names)
    assert names["predicted"].shape == (20, 1) and np.isfinite(names["predicted"]).all()
