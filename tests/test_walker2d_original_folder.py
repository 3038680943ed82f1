"""Reading a folder of original Walker2d rollouts: what is accepted, and one clear sentence per defect."""

import hashlib
import io
import os
import pickle

import numpy as np
import pytest
from small_rollouts import fill, npy

from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.walker2d.original import obtain
from lnncmp.sources.walker2d.original.download import Addresses
from lnncmp.sources.walker2d.original.folder import COMMAND, locate, read_rollouts

# Nobody is asked: with --data the network is never touched.
NOWHERE = Addresses(zips=(), folder="")


# --- reading a folder


def test_recordings_come_in_name_order_with_frames_as_times(folder, manifest, rollouts):
    recordings = read_rollouts(folder, manifest)
    assert [r.group for r in recordings] == ["rollout_000", "rollout_001", "rollout_002", "rollout_003"]
    for recording, raw in zip(recordings, rollouts.values(), strict=True):
        expected = np.load(io.BytesIO(raw))
        assert recording.values.dtype == np.float64 and np.array_equal(recording.values, expected)
        assert np.array_equal(recording.times, np.arange(len(expected))) and recording.observed.all()


@pytest.mark.parametrize("nested", ["walker", "data/walker"])
def test_the_folder_above_is_accepted(tmp_path, rollouts, manifest, nested):
    fill(tmp_path / nested, rollouts)
    assert locate(tmp_path, manifest) == tmp_path / nested


def test_links_to_regular_files_are_fine(folder, manifest, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in folder.iterdir():
        (linked / path.name).symlink_to(path)
    assert len(read_rollouts(linked, manifest)) == 4


def test_extra_rollouts_are_left_out_with_a_warning(folder, manifest):
    (folder / "mine.npy").write_bytes(b"whatever")
    (folder / "README.md").write_text("not worth a warning")
    told = []
    assert len(read_rollouts(folder, manifest, told.append)) == 4
    assert told == [f"left out 1 .npy files of {folder} that are not published rollouts: mine.npy"]


# --- wrong folders


def refused(folder, manifest):
    """The error for a folder that the user named."""
    with pytest.raises(DataError) as caught:
        obtain(SourceContext(cache=folder / "no-cache", data_dir=folder), manifest, NOWHERE)
    assert COMMAND in caught.value.hint and "--data DIR" in caught.value.hint
    return caught.value


def test_a_folder_that_does_not_exist(tmp_path, manifest):
    assert refused(tmp_path / "none", manifest).message == f"the folder {tmp_path / 'none'} does not exist"


@pytest.mark.parametrize("name", ["walker.zip", "rollout_000.npy"])
def test_a_file_instead_of_a_folder(tmp_path, manifest, name):
    path = tmp_path / name
    path.write_bytes(b"x")
    error = refused(path, manifest)
    assert error.message == f"{path} is a file, expected the folder with the rollouts"
    assert error.hint.startswith("Unpack it") == name.endswith(".zip")


def test_an_empty_folder(tmp_path, manifest):
    assert refused(tmp_path, manifest).message == f"{tmp_path} is empty: it holds none of the 4 rollouts"


def test_the_wrong_folder_is_described(tmp_path, manifest):
    for name in ("A.csv.gz", "B.csv.gz", "LICENSE"):
        (tmp_path / name).write_text("x")
    (tmp_path / "sub").mkdir()
    message = f"{tmp_path} contains 2 .csv.gz files and 1 other file and 1 folder but none of the 4 rollouts"
    assert refused(tmp_path, manifest).message == message


def test_a_folder_that_cannot_be_opened(tmp_path, manifest):
    long = tmp_path / ("x" * 300)
    assert refused(long, manifest).message.startswith(f"cannot open the folder {long}: ")
    with pytest.raises(DataError, match="cannot open the cache folder"):
        obtain(SourceContext(cache=long, offline=True), manifest, NOWHERE)


def test_missing_rollouts_are_counted_and_named(folder, manifest):
    (folder / "rollout_001.npy").unlink()
    (folder / "rollout_003.npy").unlink()
    message = f"{folder} lacks 2 of the 4 rollouts: rollout_001.npy, rollout_003.npy"
    assert refused(folder, manifest).message == message


def test_a_renamed_rollout_is_recognized(folder, manifest):
    (folder / "rollout_001.npy").rename(folder / "mine.npy")
    message = f"rollout_001.npy is missing from {folder}, but mine.npy has its content: the file was renamed"
    assert refused(folder, manifest).message == message


def test_a_folder_of_renamed_rollouts_is_recognized(folder, manifest):
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("rollout", "walker"))
    assert "walker_000.npy has its content: the file was renamed" in refused(folder, manifest).message


# --- wrong files


def damaged(folder, manifest, content, name="rollout_002.npy"):
    """The sentence about `name` once it holds `content`; without the path it begins with."""
    (folder / name).write_bytes(content)
    message = refused(folder, manifest).message
    assert message.startswith(f"{folder / name} ")
    return message.removeprefix(f"{folder / name} ")


ARRAY = np.ones((25, 17))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty (0 bytes)"),
        (b"<html>nope</html>", "is not a NumPy .npy file (17 bytes that begin with b'<html>nope</'"),
        (npy(ARRAY)[:40], "has a damaged or truncated .npy header (40 bytes, expected 3,528)"),
        (npy(ARRAY)[:10] + b"?" * 200, "has a damaged or truncated .npy header (210 bytes, expected 3,528)"),
        (npy(ARRAY)[:-100], "is truncated: 3,428 of 3,528 bytes"),
        (npy(ARRAY) + b"tail", "has 4 bytes too many at its end"),
        (npy(ARRAY[:, :16]), "has 16 columns, expected (frames, 17): one column per observation"),
        (npy(ARRAY[0]), "has shape (17,), expected (frames, 17): one column per observation"),
        (npy(ARRAY[:20]), "has 20 frames, expected 25"),
        (npy(np.ones((900, 17))), "has 900 frames, expected 25"),
        (npy(ARRAY.astype(np.float32)), "has numbers of type float32, expected float64"),
        (npy(ARRAY.astype(object), allow_pickle=True), "holds pickled objects, which are refused"),
        (pickle.dumps(ARRAY), "is a pickle, which is refused"),
    ],
)
def test_a_damaged_file_is_diagnosed(folder, manifest, content, sentence):
    assert damaged(folder, manifest, content).startswith(sentence)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_not_a_number_is_located(folder, manifest, odd):
    values = ARRAY.copy()
    values[3, 5] = values[20, 0] = odd
    expected = "has 2 NaN or infinite values (the first in row 3, column 5, from 0)"
    assert damaged(folder, manifest, npy(values)) == expected


def test_any_other_change_shows_both_hashes(folder, manifest):
    content = npy(ARRAY)
    expected = f"sha256 is {hashlib.sha256(content).hexdigest()}, expected {manifest.files[2].sha256}"
    assert damaged(folder, manifest, content) == f"was changed: {expected}"


@pytest.mark.parametrize("other", ["rollout_001.npy", "rollout_003.npy"], ids=["shorter", "longer"])
def test_mixed_up_files_are_recognized(folder, manifest, rollouts, other):
    expected = f"holds the published content of {other}: the files were renamed or mixed up"
    assert damaged(folder, manifest, rollouts[other]) == expected


def test_several_damaged_files_are_counted(folder, manifest):
    (folder / "rollout_000.npy").write_bytes(b"")
    (folder / "rollout_003.npy").write_bytes(b"")
    message = refused(folder, manifest).message
    assert message == (f"{folder / 'rollout_000.npy'} is empty (0 bytes); 1 more of the 4 files are not as published")


def test_a_pickle_is_never_run(folder, manifest, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "boom"),)

    damaged(folder, manifest, npy(np.array([Bomb()], object), allow_pickle=True))
    damaged(folder, manifest, pickle.dumps(Bomb()))
    assert not (tmp_path / "boom").exists()


def test_a_link_to_nothing_and_a_folder_are_not_files(folder, manifest):
    (folder / "rollout_001.npy").unlink()
    (folder / "rollout_001.npy").symlink_to(folder / "gone")
    assert refused(folder, manifest).message.endswith("rollout_001.npy is a link to nothing")
    (folder / "rollout_001.npy").unlink()
    (folder / "rollout_001.npy").mkdir()
    assert refused(folder, manifest).message.endswith("rollout_001.npy is not a regular file")
