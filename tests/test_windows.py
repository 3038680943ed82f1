from dataclasses import replace

import numpy as np
import pytest

from lnncmp.data import perturb, scaling, windowing
from lnncmp.data.recording import Recording, recordings_hash, regular
from lnncmp.data.windows import Futures, Splits, Windows
from lnncmp.errors import DataError


def make_windows(count=3, steps=4, features=2, targets=2, group="a", x=None, dt=None, valid=None):
    x = np.zeros((count, steps, features), np.float32) if x is None else x
    valid = np.ones((count, steps), bool) if valid is None else valid
    return Windows(
        x=x,
        dt=np.ones((count, steps), np.float32) if dt is None else dt,
        valid=valid,
        observed=np.ones(x.shape, bool),
        y=np.zeros((count, steps, targets), np.float32),
        target_mask=np.ones((count, steps, targets), bool),
        group=np.array([group] * count),
    )


def splits_of(train, validation, test):
    nothing = scaling.identity(2)
    return Splits(train, validation, test, nothing, nothing, np.ones(2))


class TestWindows:
    def test_shapes_must_agree_and_the_message_shows_both(self):
        with pytest.raises(DataError, match=r"valid should have shape \(3, 4\).*got \(3, 5\)"):
            make_windows(valid=np.ones((3, 5), bool))

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_inputs_must_be_finite(self, bad):
        x = np.zeros((3, 4, 2), np.float32)
        x[1, 2, 0] = bad
        with pytest.raises(DataError, match="finite"):
            make_windows(x=x)

    @pytest.mark.parametrize("bad", [0.0, -1.0])
    def test_elapsed_times_must_be_positive(self, bad):
        dt = np.ones((3, 4), np.float32)
        dt[0, 1] = bad
        with pytest.raises(DataError, match=f"smallest is {bad}"):
            make_windows(dt=dt)

    def test_padding_is_at_the_end(self):
        valid = np.ones((3, 4), bool)
        valid[0, 3] = False
        make_windows(valid=valid)
        valid[0] = [True, False, True, True]
        with pytest.raises(DataError, match="padding must be at the end"):
            make_windows(valid=valid)

    def test_elapsed_time_of_padding_does_not_matter(self):
        valid, dt = np.ones((3, 4), bool), np.ones((3, 4), np.float32)
        valid[2, 3], dt[2, 3] = False, -5
        make_windows(valid=valid, dt=dt)

    def test_repr_shows_no_values(self):
        assert "group" not in repr(make_windows(group="subject-17")) and "17" not in repr(
            make_windows(group="subject-17")
        )


class TestSplits:
    def test_no_group_in_two_splits(self):
        with pytest.raises(DataError, match="1 groups are in both train and test"):
            splits_of(make_windows(group="a"), make_windows(group="b"), make_windows(group="a"))

    def test_no_empty_split(self):
        with pytest.raises(DataError, match="no windows in validation"):
            splits_of(make_windows(), make_windows(count=0), make_windows(group="c"))

    def test_equal_shapes(self):
        with pytest.raises(DataError, match=r"test has inputs \(5, 2\), train has \(4, 2\)"):
            splits_of(make_windows(group="a"), make_windows(group="b"), make_windows(steps=5, group="c"))

    def test_a_scaler_fitted_elsewhere_is_refused(self):
        scaler = scaling.Scaler(np.zeros(2), np.ones(2), fitted=True)
        shifted = make_windows(x=np.full((3, 4, 2), 0.5, np.float32))
        with pytest.raises(DataError, match=r"training mean is 0\.5"):
            Splits(shifted, make_windows(group="b"), make_windows(group="c"), scaler, scaler, np.ones(2))

    def test_a_split_without_any_target_is_refused(self):
        blind = replace(make_windows(group="b"), target_mask=np.zeros((3, 4, 2), bool))
        with pytest.raises(DataError, match="no target was ever observed in validation"):
            splits_of(make_windows(), blind, make_windows(group="c"))

    @pytest.mark.parametrize("bad", [np.ones(3), np.array([1.0, 0.0]), np.array([1.0, np.nan])])
    def test_target_std_must_be_able_to_normalise(self, bad):
        nothing = scaling.identity(2)
        parts = make_windows(), make_windows(group="b"), make_windows(group="c")
        with pytest.raises(DataError, match=r"target_std should be 2 numbers above 0, got shape"):
            Splits(*parts, nothing, nothing, bad)


class TestScaling:
    def test_scale_then_unscale_is_the_identity(self):
        values = np.random.default_rng(0).normal(3, 7, (50, 4, 3))
        scaler = scaling.fit(values, np.ones(values.shape, bool))
        np.testing.assert_allclose(scaler.unscale(scaler.scale(values)), values, rtol=1e-5, atol=1e-5)

    def test_unseen_cells_do_not_count(self):
        values = np.array([[1.0], [3.0], [1e9]])
        scaler = scaling.fit(values, np.array([[True], [True], [False]]))
        assert scaler.mean[0] == 2 and scaler.std[0] == 1

    def test_a_constant_column_keeps_its_unit(self):
        assert scaling.fit(np.full((5, 1), 4.0), np.ones((5, 1), bool)).std[0] == 1


class TestWindowing:
    def recording(self, steps=40):
        return regular(np.arange(steps, dtype=float)[:, None] * [1.0, -1.0], "r")

    def test_thinning_keeps_time_and_target(self):
        pairs = windowing.thin(self.recording(), 0.5, np.random.RandomState(3))
        assert 5 < len(pairs.x) < 35
        np.testing.assert_array_equal(pairs.y[:, 0], pairs.x[:, 0] + 1)  # always one original step ahead
        np.testing.assert_array_equal(np.cumsum(pairs.dt) - 1, pairs.index)  # total time is preserved

    def test_keep_one_keeps_all(self):
        pairs = windowing.thin(self.recording(), 1.0, np.random.RandomState(0))
        assert len(pairs.x) == 39 and np.all(pairs.dt == 1)

    def test_thinning_draws_like_the_published_loop(self):
        rng, expected, skip = np.random.RandomState(891374), [], 0
        for t in range(39):
            skip += 1
            if rng.rand() < 0.9:
                expected.append((t, skip))
                skip = 0
        pairs = windowing.thin(self.recording(), 0.9, np.random.RandomState(891374))
        assert list(zip(pairs.index, pairs.dt, strict=True)) == expected

    def test_cut_covers_steps_as_often_as_the_stride_says(self):
        pairs = windowing.thin(self.recording(42), 1.0, np.random.RandomState(0))
        raw = windowing.cut([pairs], window=10, stride=5)
        counts = np.bincount(raw.x[:, :, 0].astype(int).ravel(), minlength=41)
        assert len(raw) == len(range(0, 41 - 10, 5)) == 7
        assert list(counts[:5]) == [1] * 5 and list(counts[5:35]) == [2] * 30

    def test_a_window_that_ends_at_the_last_step_is_left_out(self):
        assert list(windowing.starts(20, 10, 10)) == [0] and list(windowing.starts(10, 10, 10)) == []

    def test_no_window_gives_empty_arrays_of_the_right_shape(self):
        raw = windowing.cut([windowing.thin(self.recording(5), 1.0, np.random.RandomState(0))], 10, 10)
        assert raw.x.shape == (0, 10, 2) and raw.dt.shape == (0, 10)

    def test_futures_start_at_the_target_of_the_last_step(self):
        pairs = [windowing.thin(self.recording(40), 0.8, np.random.RandomState(1))]
        raw = windowing.cut(pairs, 6, 6)
        rows, future = windowing.futures_of(raw, pairs, 8)
        assert 0 < len(rows) < len(raw)
        np.testing.assert_array_equal(future[:, 0], raw.y[rows, -1])
        np.testing.assert_array_equal(future[:, :, 0], future[:, :1, 0] + np.arange(8))

    def test_futures_shape_is_checked(self):
        with pytest.raises(DataError, match="3 contexts do not fit"):
            Futures(make_windows(), np.zeros((2, 5, 2), np.float32), np.ones((2, 5), np.float32))

    def test_futures_are_finite_at_positive_times(self):
        with pytest.raises(DataError, match="truth must be finite"):
            Futures(make_windows(), np.full((3, 5, 2), np.nan, np.float32), np.ones((3, 5), np.float32))
        with pytest.raises(DataError, match=r"above 0, the smallest is 0\.0"):
            Futures(make_windows(), np.zeros((3, 5, 2), np.float32), np.zeros((3, 5), np.float32))


class TestPerturb:
    def test_noise_has_the_stated_size_and_leaves_targets_alone(self):
        windows = make_windows(count=500, steps=20)
        noisy = perturb.sensor_noise(windows, 0.5, np.array([1.0, 4.0]), np.random.default_rng(0))
        np.testing.assert_allclose(noisy.x.std(axis=(0, 1)), [0.5, 2.0], rtol=0.05)
        assert noisy.y is windows.y and noisy.dt is windows.dt

    def test_unit_timespans(self):
        windows = make_windows(dt=np.full((3, 4), 3.0, np.float32))
        assert np.all(perturb.unit_timespans(windows).dt == 1) and np.all(windows.dt == 3)


class TestRecording:
    def test_times_must_increase(self):
        with pytest.raises(DataError, match="increase"):
            Recording(np.zeros((3, 1)), np.array([0.0, 1.0, 1.0]), np.ones((3, 1), bool), "g")

    def test_unseen_values_may_be_anything(self):
        Recording(np.array([[np.nan], [1.0]]), np.arange(2.0), np.array([[False], [True]]), "g")

    def test_hash_depends_on_content_only(self):
        a, b = regular(np.ones((3, 2)), "x"), regular(np.ones((3, 2)), "y")
        c = regular(np.ones((3, 2)) * (1 + 1e-15), "x")
        assert recordings_hash([a]) == recordings_hash([b]) != recordings_hash([c])
        assert recordings_hash([a, a]) != recordings_hash([a])
