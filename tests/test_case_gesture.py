"""The gesture case: whole videos apart and standardised alone; and the LTC paper's windows, as its code makes them."""

import numpy as np
import pytest
from small_uci import gesture_files, prepared_case, put

from lnncmp.cases._ltc_paper import SEED, interleaved
from lnncmp.cases.base import load_case, load_source
from lnncmp.errors import UsageError
from lnncmp.recipe.load import load_recipe
from lnncmp.sources.base import SourceContext
from lnncmp.sources.uci.gesture import FEATURES, PHASES

CASE = load_case("gesture")
SOURCE = load_source(CASE, "uci")


def prepared(folder, **settings):
    return prepared_case("gesture", folder, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return put(tmp_path_factory.mktemp("gesture"), gesture_files(frames=200))


def test_whole_videos_are_apart_and_the_scaler_knows_the_training_alone(folder, tmp_path):
    settings, made = prepared(folder)
    videos = [set(part.group.tolist()) for part in (made.splits.train, made.splits.validation, made.splits.test)]
    assert [len(part) for part in videos] == [4, 1, 2] and settings.conditions == ""
    assert settings.classes == {"phase": PHASES} and settings.unit_words == "33 ms"
    x = made.splits.train.x[..., : len(FEATURES)]
    assert np.allclose(x.mean(axis=(0, 1)), 0, atol=1e-4) and np.allclose(x.std(axis=(0, 1)), 1, atol=1e-3)
    # Other values in the test videos change nothing of the training.
    files = gesture_files(frames=200)
    test = {name.split(": ")[1] for name in videos[2]}
    files |= {f"{v}_va3.csv": gesture_files(frames=200, seed=9)[f"{v}_va3.csv"] for v in test}
    _, other = prepared(put(tmp_path, files))
    assert np.array_equal(made.splits.train.x, other.splits.train.x)
    assert not np.array_equal(made.splits.test.x, other.splits.test.x) and made.data_hash != other.data_hash


def test_elapsed_times_are_those_of_the_frames_and_another_seed_draws_other_videos(folder):
    _, made = prepared(folder)
    dt = made.splits.train.dt
    assert 0.85 < dt.min() < 1 < dt.max() < 1.15
    assert any(set(prepared(folder, seed=s)[1].splits.test.group) != set(made.splits.test.group) for s in range(4))


def test_windows_of_the_paper_are_end_to_end_with_one_between_each_two():
    rows = np.arange(105.0)[:, None]
    found = interleaved(rows)[:, 0, 0]
    assert found.tolist() == [0, 16, 32, 48, 64]  # 96 rows are three windows, with two between them
    assert interleaved(np.arange(63.0)[:, None]).shape == (1, 32, 1)


def test_the_papers_split_is_the_codes_permutation_of_all_windows(folder):
    settings, made = prepared(folder, preparation="published")
    assert settings.conditions == "as published"
    # Written down once more, after the paper's code: time first, then windows.
    videos = {r.group: r.values for r in SOURCE.load(SourceContext(cache=folder, data_dir=folder))}
    traces = []
    for name in ("a3", "b1", "b3", "c1", "c3", "a2", "a1"):
        count = len(videos[name]) // 32
        for s in range(count):
            traces.append(videos[name][32 * s : 32 * s + 32])
            if s < count - 1:
                traces.append(videos[name][32 * s + 16 : 32 * s + 48])
    x, y = np.stack([t[:, 1:] for t in traces], axis=1), np.stack([t[:, 0] for t in traces], axis=1)
    flat = x.reshape(-1, 32)
    x = (x - flat.mean(axis=0)) / flat.std(axis=0)
    order = np.random.RandomState(SEED).permutation(x.shape[1])
    valid, test = int(0.1 * x.shape[1]), int(0.15 * x.shape[1])
    wanted = {"validation": order[:valid], "test": order[valid : valid + test], "train": order[valid + test :]}
    for name, rows in wanted.items():
        part = getattr(made.splits, name)
        assert np.allclose(part.x, x[:, rows].swapaxes(0, 1), atol=1e-5)
        assert np.array_equal(part.y.argmax(axis=2), y[:, rows].T)
    assert made.splits.task.classes == PHASES and (made.splits.train.dt == 6).all()


def test_a_network_of_the_papers_windows_reads_the_features_in_their_own_units(folder):
    settings, made = prepared(folder, preparation="published")
    encoding = CASE.of(settings).encoding_of(settings)
    assert [q.name for q in encoding.features] == list(FEATURES)
    videos = {r.group: r.values for r in SOURCE.load(SourceContext(cache=folder, data_dir=folder))}
    scaled = made.scalers.inputs.scale(videos["a3"][:32, 1:])
    everything = [made.splits.train.x, made.splits.validation.x, made.splits.test.x]
    assert any(np.allclose(scaled, window, atol=1e-4) for part in everything for window in part)


def test_the_papers_windows_leave_nothing_to_set():
    with pytest.raises(UsageError, match=r"data\.split has no effect"):
        load_recipe("gesture", "paper", ["data.split='time'"]).data_settings()
    assert load_recipe("gesture", "paper").data_settings().preparation == "published"


def test_the_sample_is_a_small_case_of_its_own():
    made = CASE.sample()
    assert made.splits.task.kind == "classes" and len(made.splits.train) > 20
    assert [target.name for target in CASE.targets] == list(PHASES) and made.futures is None


@pytest.mark.data
def test_the_real_windows(shared_data):
    real = shared_data / "uci-gesture"
    if not real.is_dir():
        pytest.skip(f"{real} is not there")
    _, paper = prepared(real, preparation="published")
    assert [len(p) for p in (paper.splits.train, paper.splits.validation, paper.splits.test)] == [455, 60, 90]
    settings, sound = prepared(real, main="error_rate")
    assert settings.unit_words == "32 ms"
    assert [len(set(p.group)) for p in (sound.splits.train, sound.splits.validation, sound.splits.test)] == [4, 1, 2]
