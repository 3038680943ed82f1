"""The user's own copy of the MIMIC-III demo, in its own and in other layouts, and the real one."""

import gzip
import shutil

import numpy as np
import pytest
from local_server import dead_address
from small_demo import FILES, demo_manifest, put_demo

from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3.demo import COMMAND, SOURCE, obtain, published
from lnncmp.sources.mimic3.published import Manifest


@pytest.fixture
def demo() -> Manifest:
    """The manifest of a small demo that is not published: a download would fail."""
    return demo_manifest(dead_address())


def refused(folder, demo, cache):
    with pytest.raises(DataError) as caught:
        obtain(SourceContext(cache=cache, data_dir=folder), demo)
    return caught.value


def own(folder, demo, cache):
    told = []
    assert obtain(SourceContext(cache=cache, data_dir=folder, warn=told.append), demo) == folder
    return told


def test_a_published_copy_is_taken_where_it_lies(demo, tmp_path):
    assert own(put_demo(tmp_path / "own"), demo, tmp_path / "cache") == []
    assert not (tmp_path / "cache").exists()


def test_the_folder_above_a_wget_download_is_enough(demo, tmp_path):
    put_demo(tmp_path / "own" / "physionet.org" / "files" / "mimiciii-demo" / "1.4")
    assert own(tmp_path / "own", demo, tmp_path) == []


def test_packed_files_with_other_letters_are_the_same_copy(demo, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / f"{name.lower()}.GZ").write_bytes(gzip.compress(content))
    assert own(folder, demo, tmp_path) == []


def test_a_converted_copy_is_taken_with_a_warning(demo, tmp_path):
    folder = put_demo(tmp_path / "own")
    for name in ("ICUSTAYS.csv", "PATIENTS.csv"):
        (folder / name).write_bytes(FILES[name].upper() + b"\n")
    assert own(folder, demo, tmp_path) == [
        f"ICUSTAYS.csv, PATIENTS.csv in {folder} could not be checked against PhysioNet's list of the demo's files: "
        "they may come from a converted copy"
    ]


@pytest.mark.parametrize("name", ["CHARTEVENTS", "ICUSTAYS", "PATIENTS"])
def test_a_copy_without_a_needed_table_is_refused(demo, tmp_path, name):
    folder = put_demo(tmp_path / "own")
    (folder / f"{name}.csv").unlink()
    error = refused(folder, demo, tmp_path)
    assert error.message.startswith(f"{folder} lacks the table {name} ") and f"`{COMMAND}`" in error.hint


def test_a_folder_that_is_not_there_is_refused(demo, tmp_path):
    error = refused(tmp_path / "nowhere", demo, tmp_path)
    assert error.message == f"the folder {tmp_path / 'nowhere'} does not exist"


def test_a_cut_packed_table_is_refused(demo, tmp_path):
    folder = put_demo(tmp_path / "own")
    (folder / "PATIENTS.csv").unlink()
    (folder / "PATIENTS.csv.gz").write_bytes(gzip.compress(FILES["PATIENTS.csv"])[:-10])
    assert refused(folder, demo, tmp_path).message.startswith(f"cannot read {folder / 'PATIENTS.csv.gz'}: ")


# --- the real demo


@pytest.fixture
def real(shared_data):
    """The folder of the converted demo."""
    folder = shared_data / "mimic-iii-demo"
    if not folder.is_dir():
        pytest.skip(f"the MIMIC-III demo is not in {shared_data}")
    return folder


@pytest.mark.data
def test_the_manifest_is_physionets_list(real):
    lines = (real / "SHA256SUMS.physionet-official.txt").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split() for line in lines)}
    for entry in published().files:
        assert listed[entry.name] == entry.sha256


@pytest.mark.data
def test_a_real_copy_in_the_demos_own_layout_is_recognized(real, tmp_path):
    # CHARTEVENTS was converted there; all other tables are PhysioNet's, byte for byte.
    (warning,) = own(real / "demo-header", published(), tmp_path)
    assert warning.startswith("CHARTEVENTS.csv.gz in ")


@pytest.mark.data
def test_a_real_copy_in_the_layout_of_the_full_database_is_accepted(real, tmp_path):
    (warning,) = own(real, published(), tmp_path)
    for name in ("ICUSTAYS", "PATIENTS", "OUTPUTEVENTS", "CHARTEVENTS"):
        assert f"{name}.csv.gz" in warning


@pytest.mark.data
def test_both_layouts_give_the_same_stays(real, tmp_path):
    own_layout, full_layout = (
        SourceContext(cache=tmp_path, data_dir=folder, offline=True) for folder in (real / "demo-header", real)
    )
    first, second = SOURCE.load(own_layout), SOURCE.load(full_layout)
    assert len(first) == len(second) == 131 and sum(len(stay.values) for stay in first) == 13_521
    for one, other in zip(first, second, strict=True):
        assert one.group == other.group
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.times, other.times)
    steps = SOURCE.attrition(own_layout)
    assert (steps[0].recordings, steps[0].groups) == (136, 100) and steps[-1].recordings == 131
    assert list(steps) == list(SOURCE.attrition(full_layout))


@pytest.mark.data
def test_the_case_chooses_the_grid(real, tmp_path):
    asked = SourceContext(cache=tmp_path, data_dir=real, offline=True, options={"grid": "event"})
    assert any(np.any(stay.times % 1 != 0) for stay in SOURCE.load(asked))


def test_attrition_repeats_no_warning(tmp_path):
    told = []
    folder = put_demo(tmp_path / "own")
    (folder / "PATIENTS.csv").write_bytes(b"subject_id,dob\n1,2100-01-01 00:00:00\n")
    context = SourceContext(cache=tmp_path, data_dir=folder, warn=told.append)
    for step in (SOURCE.attrition, SOURCE.load):
        with pytest.raises(DataError):
            step(context)
    assert len(told) == 1


@pytest.mark.data
def test_the_real_sizes_are_those_of_the_manifest(real, tmp_path):
    for entry in published().files:
        packed = real / "demo-header" / f"{entry.name}.gz"
        if entry.bytes is not None and packed.is_file():
            with gzip.open(packed) as source, (tmp_path / entry.name).open("wb") as plain:
                shutil.copyfileobj(source, plain)
            assert (tmp_path / entry.name).stat().st_size == entry.bytes
