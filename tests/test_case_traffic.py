"""The traffic case: hours in the order of time, each once; and the LTC paper's windows, as its code makes them."""

from datetime import datetime

import numpy as np
import pytest
from small_uci import SOURCES, prepared_case, put, traffic_files, traffic_rows

from lnncmp.cases._ltc_paper import SEED, strided
from lnncmp.cases.base import load_case
from lnncmp.sources.base import SourceContext
from lnncmp.sources.uci.traffic import QUANTITIES

CASE = load_case("traffic")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return put(tmp_path_factory.mktemp("traffic"), traffic_files(hours=600))


def prepared(folder, **settings):
    return prepared_case("traffic", folder, **settings)


def test_the_test_comes_last_and_no_window_reaches_into_another_part(folder):
    settings, made = prepared(folder, stride=4)
    assert settings.unit_words == "1 h" and settings.conditions == "" and settings.task == "regress"
    ((hours,)) = SOURCES["traffic"].load(SourceContext(cache=folder, data_dir=folder))
    # The volume is told apart by its row: each part's windows hold rows of their own stretch of time.
    volume = made.splits.target_scaler.unscale(made.splits.test.y)[..., 0]
    last = hours.values[-volume.shape[1] :, 0]
    assert np.allclose(volume[-1], last, atol=0.1)
    train = int(0.7 * len(hours.values))
    assert len(made.splits.train) == 1 + (train - 32 + 3) // 4 and made.splits.test.dt.max() < 7


def test_values_of_the_test_change_nothing_of_the_training(folder, tmp_path):
    _, made = prepared(folder)
    rows = traffic_rows(600)
    changed = [[*row[:8], "9999"] if n > 550 else row for n, row in enumerate(rows)]
    files = traffic_files(600)
    (name,) = files
    head = files[name].split(b"\r\n")[0]
    body = b"\r\n".join(",".join(row).encode() for row in changed)
    _, other = prepared(put(tmp_path, {name: head + b"\r\n" + body}))
    assert np.array_equal(made.splits.train.y, other.splits.train.y)
    assert np.array_equal(made.splits.target_scaler.mean, other.splits.target_scaler.mean)
    assert not np.array_equal(made.splits.test.y, other.splits.test.y)


def test_gaps_and_impossible_weather_are_told(folder):
    _, made = prepared(folder)
    names = [q.name for q in CASE.of(prepared(folder)[0]).encoding_of(prepared(folder)[0]).features]
    assert names[:7] == [name for name, _ in QUANTITIES[1:]]
    assert {"temperature (measured)", "rain (measured)"} <= set(names)
    train = made.splits.train
    seen = train.x[..., names.index("temperature (measured)")]
    assert 0 < (np.round(seen - seen.min(), 6) == 0).sum() <= 4  # one row, in at most four windows
    assert train.dt.max() == pytest.approx(6)  # five hours are missing, less than a day


def test_windows_of_the_paper_are_strided_and_the_last_is_left_out():
    assert strided(np.arange(40.0)[:, None])[:, 0, 0].tolist() == [0, 4]


def test_the_papers_split_is_the_codes(folder):
    settings, made = prepared(folder, preparation="published")
    assert settings.conditions == "as published"
    rows = traffic_rows(600)
    dates = [datetime.strptime(row[7], "%Y-%m-%d %H:%M:%S") for row in rows]
    temp = np.array([float(row[1]) for row in rows])
    weather = [np.array([float(row[n]) for row in rows]) for n in (2, 3, 4)]
    hour = np.sin(np.array([d.hour for d in dates]) * np.pi / 24)
    x = np.stack([0 * temp, temp - temp.mean(), *weather, [d.weekday() for d in dates], hour], axis=-1)
    y = np.array([float(row[8]) for row in rows])
    y = (y - y.mean()) / y.std()
    starts = range(0, len(x) - 32, 4)
    x, y = np.stack([x[s : s + 32] for s in starts]), np.stack([y[s : s + 32] for s in starts])
    order = np.random.RandomState(SEED).permutation(len(x))
    valid, test = int(0.1 * len(x)), int(0.15 * len(x))
    wanted = {"validation": order[:valid], "test": order[valid : valid + test], "train": order[valid + test :]}
    for name, chosen in wanted.items():
        part = getattr(made.splits, name)
        assert np.allclose(part.x, x[chosen], rtol=1e-4, atol=1e-3)
        assert np.allclose(part.y[..., 0], y[chosen], atol=1e-5)
    assert (made.splits.train.dt == 6).all() and made.splits.task.main == "mse"


def test_predictions_of_the_papers_windows_become_vehicles(folder):
    _, made = prepared(folder, preparation="published")
    volume = np.array([float(row[8]) for row in traffic_rows(600)])
    assert made.scalers.outputs.mean[0] == pytest.approx(volume.mean())
    assert made.scalers.outputs.std[0] == pytest.approx(volume.std())


def test_the_sample_is_a_small_case_of_its_own():
    made = CASE.sample()
    assert made.splits.task.kind == "values" and len(made.splits.test) > 5 and not made.splits.task.in_inputs


@pytest.mark.data
def test_the_real_windows(shared_data):
    real = shared_data / "uci-traffic"
    if not real.is_dir():
        pytest.skip(f"{real} is not there")
    _, paper = prepared(real, preparation="published")
    assert [len(p) for p in (paper.splits.train, paper.splits.validation, paper.splits.test)] == [9033, 1204, 1806]
    assert paper.splits.train.x[..., 2].max() == pytest.approx(9831.3)
    _, sound = prepared(real)
    assert sound.splits.test.dt.max() <= 24 and len(sound.splits.test) > 700
