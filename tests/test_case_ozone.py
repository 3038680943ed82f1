"""The ozone case: days in the order of time; and the LTC paper's sequences, with windows taken for time."""

from datetime import datetime

import numpy as np
import pytest
from small_uci import ozone_files, prepared_case, put

from lnncmp.cases._ltc_paper import SEED
from lnncmp.cases.base import load_case
from lnncmp.sources.uci.ozone import CLASSES, FEATURES, FILE

CASE = load_case("ozone")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return put(tmp_path_factory.mktemp("ozone"), ozone_files(days=330))


def prepared(folder, **settings):
    return prepared_case("ozone", folder, **settings)


def test_missing_cells_are_told_and_both_classes_weigh_the_same(folder):
    settings, made = prepared(folder)
    names = [q.name for q in CASE.of(settings).encoding_of(settings).features]
    assert len(names) == 216 and names[:72] == list(FEATURES) and names[72] == f"{FEATURES[0]} (measured)"
    assert made.splits.task.classes == CLASSES and settings.unit_words == "1 day"
    light, heavy = made.splits.task.weights
    share = made.splits.train.y[..., 1].mean()
    assert light * (1 - share) == pytest.approx(heavy * share, rel=0.02)
    assert made.splits.train.dt.max() == pytest.approx(4)  # the made-up months have 28 days


def test_the_papers_sequences_take_windows_for_time(folder):
    settings, made = prepared(folder, preparation="published")
    assert settings.conditions == "as published"
    lines = ozone_files(days=330)[FILE].decode().split("\n")
    cells = [line.split(",") for line in lines]
    assert datetime.strptime(cells[0][0], "%m/%d/%Y").year == 1998
    x = np.array([[0.0 if cell == "?" else float(cell) for cell in row[1:-1]] for row in cells])
    y = np.array([int(float(row[-1])) for row in cells])
    x -= x.mean()
    x /= x.std()
    starts = range(0, len(x) - 32, 4)
    first = [np.stack([part[s : s + 32] for s in starts], axis=1) for part in (x, y)]
    second = [np.stack(part, axis=1) for part in first]  # (windows, 32, ...): the batch is now the day of a window
    order = np.random.RandomState(SEED).permutation(32)
    wanted = {"validation": order[:3], "test": order[3:7], "train": order[7:]}
    for name, chosen in wanted.items():
        part = getattr(made.splits, name)
        assert part.x.shape == (len(chosen), len(starts), 72)
        assert np.allclose(part.x, second[0][:, chosen].swapaxes(0, 1), atol=1e-5)
        assert np.array_equal(part.y.argmax(axis=2), second[1][:, chosen].T)
    assert made.splits.task.weights == (0.1, 1.6)


def test_the_sample_is_a_small_case_of_its_own():
    made = CASE.sample()
    assert made.splits.task.classes == CLASSES and len(made.splits.train) > 20


@pytest.mark.data
def test_the_real_windows(shared_data):
    real = shared_data / "uci-ozone"
    if not real.is_dir():
        pytest.skip(f"{real} is not there")
    _, paper = prepared(real, preparation="published")
    assert [p.x.shape for p in (paper.splits.train, paper.splits.test)] == [(25, 626, 72), (4, 626, 72)]
    settings, sound = prepared(real)
    assert settings.main == "balanced_error_rate" and sound.splits.test.y[..., 1].sum() > 40
