"""Files of weights that nobody vouches for: refused with one sentence, never run."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest
import torch
from kept_networks import Kept, keep
from safetensors.torch import load, save

import lnncmp
from lnncmp.common.small_files import unsealed
from lnncmp.errors import DataError, UsageError
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store
from lnncmp.records.weights import described, most_bytes


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("original"), "sine", "liquid_ncp")


@pytest.fixture
def kept(original, tmp_path):
    """A copy that may be damaged."""
    shutil.copytree(original.out, tmp_path / "out")
    return Kept(original.record, original.prepared, tmp_path / "out")


def _vouched(kept: Kept, content: bytes) -> Kept:
    """Replace the weights, and have the record name the new ones, as somebody who means harm would."""
    kept.weights.write_bytes(content)
    record = kept.record.model_copy(update={"weights": described(kept.weights.name, content)})
    kept.json.write_text(record.model_dump_json())
    return kept


def _refusal(kept: Kept, *phrases: str) -> DataError:
    with pytest.raises(DataError) as raised:
        lnncmp.load(kept.json)
    for phrase in phrases:
        assert phrase in raised.value.message, raised.value.message
    assert "\n" not in raised.value.message
    return raised.value


def _tensors(kept: Kept):
    content = kept.weights.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return load(content), json.loads(content[8 : 8 + length])["__metadata__"]


class _Harmful:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("vouched", [False, True])
@pytest.mark.parametrize("how", ["pickle", "torch.save"])
def test_a_pickle_is_refused_and_never_run(kept, tmp_path, monkeypatch, how, vouched):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "harmful"
    if how == "pickle":
        path.write_bytes(pickle.dumps(_Harmful()))
    else:
        torch.save({"module": _Harmful()}, path)
    kept.weights.write_bytes(path.read_bytes())
    error = _refusal(_vouched(kept, path.read_bytes()) if vouched else kept, "is a pickle, not a safetensors file")
    assert f"`lnncmp runs train-weights {kept.record.run_id}`" in error.hint
    assert not (tmp_path / "harm").exists()


def test_a_damaged_file_is_refused(kept):
    content = bytearray(kept.weights.read_bytes())
    content[-1] ^= 1
    kept.weights.write_bytes(bytes(content))
    _refusal(kept, "is damaged or another file: its SHA-256 begins with", "its record says")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        (2**60).to_bytes(8, "little") + b"{}",
        (100).to_bytes(8, "little") + b"[" * 100,
        save({"module.x": torch.zeros(2)}),
        save({"module.x": torch.zeros(2)}, {"lnncmp": "{}"}),
        save({"module.x": torch.zeros(2)}, {"lnncmp": "no JSON"}),
    ],
)
def test_what_is_no_file_of_ours_is_refused(kept, content):
    _refusal(_vouched(kept, content), "is no safetensors file of a network of lnncmp")


def test_a_file_that_is_cut_off_is_refused_even_if_the_record_names_it(kept):
    _refusal(_vouched(kept, kept.weights.read_bytes()[:-10]), "is no safetensors file")


def test_a_file_too_large_for_its_network_is_not_read(kept, monkeypatch):
    most = most_bytes(kept.record.parameters.total)
    with kept.weights.open("wb") as file:
        file.truncate(100 * most)  # a hole: takes no disk
    _refusal(kept, "is larger than")


def test_missing_weights_say_how_to_get_them(kept):
    kept.weights.unlink()
    error = _refusal(kept, "are not there: they were pruned")
    assert "train-weights" in error.hint


def test_weights_of_another_model_are_refused(kept, tmp_path):
    other = keep(tmp_path / "other", "sine", "gru")
    _refusal(_vouched(kept, other.weights.read_bytes()), "belongs to another model: it holds '")


def test_weights_of_another_shape_are_refused(kept, tmp_path):
    other = keep(tmp_path / "other", "sine", "liquid_ncp", "hidden=21")
    _refusal(_vouched(kept, other.weights.read_bytes()), "belongs to a model of another shape: '")


def test_weights_of_another_wiring_are_refused(kept, tmp_path):
    other = keep(tmp_path / "other", "sine", "liquid_ncp", seeds=(1,))
    _refusal(_vouched(kept, other.weights.read_bytes()), "belong to another wiring")


def test_weights_of_another_case_are_refused(kept, tmp_path):
    tensors, about = _tensors(kept)
    card = json.loads(about["lnncmp"]) | {"time_unit": "century"}
    _refusal(_vouched(kept, save(tensors, {"lnncmp": json.dumps(card)})), "names other columns than the case sine")


@pytest.mark.parametrize(
    ("name", "tensor", "phrase"),
    [
        ("scaler.inputs.std", torch.zeros(1, dtype=torch.float64), "not finite or not above 0"),
        ("scaler.outputs.mean", torch.full((1,), torch.nan, dtype=torch.float64), "not finite or not above 0"),
        ("scaler.inputs.mean", torch.zeros(2, dtype=torch.float64), "should hold the scaler of 1 inputs"),
        ("scaler.inputs.mean", torch.zeros(1), "should hold the scaler of 1 inputs (float64)"),
        ("scaler.inputs.mean", None, "found None"),
        ("module.readout.output_b", None, "lacks 'readout.output_b'"),
        ("module.more", torch.zeros(1), "holds 'more', which this model has not"),
    ],
)
def test_wrong_tensors_are_refused(kept, name, tensor, phrase):
    tensors, about = _tensors(kept)
    assert name in tensors or tensor is not None, sorted(tensors)
    tensors = {key: value for key, value in tensors.items() if key != name} | ({} if tensor is None else {name: tensor})
    _refusal(_vouched(kept, save(tensors, about)), phrase)


def test_weights_that_are_not_finite_are_refused(kept):
    tensors, about = _tensors(kept)
    name = next(name for name, one in tensors.items() if name.startswith("module.") and one.is_floating_point())
    tensors[name] = torch.full_like(tensors[name], torch.nan)
    _refusal(_vouched(kept, save(tensors, about)), "holds a weight that is not finite")


def test_a_record_cannot_lead_to_a_file_elsewhere(kept):
    table = unsealed(kept.json.read_bytes())
    table["weights"]["file"] = "../../secret.safetensors"
    kept.json.write_text(json.dumps(table))
    _refusal(kept, "is a record that is damaged")


def test_another_version_of_the_model_is_named(kept):
    model = kept.record.recipe.model.model_copy(update={"version": 99})
    record = kept.record.model_copy(update={"recipe": kept.record.recipe.model_copy(update={"model": model})})
    kept.json.write_text(record.model_dump_json())
    _refusal(kept, "was made with version 99 of the model liquid_ncp; this lnncmp has version")


def test_a_diverged_run_has_no_weights(kept):
    record = kept.record.model_copy(update={"weights": None, "status": "diverged"})
    kept.json.write_text(record.model_dump_json())
    _refusal(kept, "were not kept (it diverged)")


def test_an_unknown_run_is_told_the_nearest(kept):
    near = kept.record.run_id[:-1] + ("0" if kept.record.run_id[-1] != "0" else "1")
    with pytest.raises(UsageError, match=f"unknown run '{near}'") as raised:
        lnncmp.load(near, out=kept.out)
    assert f"Did you mean '{kept.record.run_id}'?" in raised.value.hint


def test_a_run_is_known_by_how_its_id_begins(kept):
    assert lnncmp.load(kept.record.run_id[:6], out=kept.out).record == kept.record


@pytest.mark.parametrize("name", ["model.pt", "model.pkl"])
def test_files_that_may_run_code_are_named_by_their_ending(tmp_path, name):
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(DataError, match="files that may run code are not loaded"):
        lnncmp.load(tmp_path / name)


def test_no_folder_and_no_record_are_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="no records of runs in"):
        lnncmp.load("0123456789abcdef", out=tmp_path)
    with pytest.raises(UsageError, match="there is no record"):
        lnncmp.load(tmp_path / "x.safetensors")


def test_records_without_weights_stay_valid(kept):
    table = unsealed(kept.json.read_bytes())
    del table["weights"]
    assert RunRecord.model_validate(table).weights is None
    assert np.isfinite(table["scores"]["metrics"]["test"]["mse"])


def test_a_run_that_ends_between_weights_and_record_is_made_again(original, tmp_path, monkeypatch):
    def full(store, record):
        raise DataError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write_run", full)
        with pytest.raises(DataError, match="no space left"):
            keep(tmp_path, "sine", "liquid_ncp")
    assert Store(tmp_path).finished(original.record.run_id) is None
    assert Store(tmp_path).weights_path(original.record.run_id).is_file()
    assert keep(tmp_path, "sine", "liquid_ncp").record.weights == original.record.weights
