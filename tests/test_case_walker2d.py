from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from lnncmp.baselines import Persistence
from lnncmp.cases.base import case_names, load_case, load_source
from lnncmp.cases.walker2d import CASE, Walker2dSettings
from lnncmp.data.recording import regular
from lnncmp.errors import DataError, UsageError
from lnncmp.evaluation.errors import errors_of
from lnncmp.evaluation.shifted import ShiftedSets
from lnncmp.sources.base import Source, SourceContext, Variant

CONTEXT = SourceContext(cache=Path("nowhere"))


def rollouts(count=20, frames=160, seed=0, prefix="r"):
    """Smooth random walks in 17 columns with different units; column 0 counts the frames, so that rows are known."""
    rng = np.random.default_rng(seed)
    out = []
    for n in range(count):
        values = rng.standard_normal((frames, 17)).cumsum(axis=0) * np.arange(1, 18)
        values[:, 0] = 1000 * n + np.arange(frames)
        out.append(regular(values, f"{prefix}{n:03d}"))
    return out


def source(recordings=None, **changes):
    recordings = rollouts() if recordings is None else recordings
    made = Source("toy", "", "", 1, load=lambda context: list(recordings), fetch=lambda context: Path("nowhere"))
    return replace(made, **changes)


def prepare(given=None, horizon=12, **settings):
    return CASE.prepare(source() if given is None else given, CONTEXT, Walker2dSettings(**settings), horizon)


class TestContract:
    def test_the_folder_is_the_registry(self):
        assert "walker2d" in case_names() and load_case("walker2d") is CASE
        with pytest.raises(UsageError, match="unknown case 'walker'") as error:
            load_case("walker")
        assert "Did you mean 'walker2d'?" in error.value.hint

    @pytest.mark.parametrize("name", ["simulated", "original"])
    def test_sources_can_be_loaded(self, name):
        assert load_source(CASE, name).name == name

    def test_an_unknown_source(self):
        with pytest.raises(UsageError, match="unknown source 'orginal'") as error:
            load_source(CASE, "orginal")
        assert "Did you mean 'original'?" in error.value.hint

    def test_seventeen_targets_with_units(self):
        assert len(CASE.targets) == 17 == len({target.name for target in CASE.targets})
        assert {target.unit for target in CASE.targets} == {"m", "rad", "m/s", "rad/s"}

    def test_the_sample_has_the_shape_of_the_real_thing(self):
        first, second = CASE.sample(), CASE.sample()
        train = first.splits.train
        assert train.x.shape[1:] == (10, 17) == train.y.shape[1:] and train.x.dtype == np.float32
        assert first.data_hash == second.data_hash and first.futures.future.shape[1:] == (50, 17)
        assert not {train.group[0]} & {*first.splits.test.group, *first.splits.validation.group}


class TestPreparation:
    def test_groups_are_disjoint_and_complete(self):
        parts = prepare().splits
        groups = [set(part.group) for part in (parts.train, parts.validation, parts.test)]
        assert [len(group) for group in groups] == [15, 2, 3] and len(set.union(*groups)) == 20

    def test_targets_lie_one_frame_ahead_and_times_are_counted_from_the_last_kept_frame(self):
        parts = prepare(scale="none").splits
        for part in (parts.train, parts.validation, parts.test):
            frames = part.x[..., 0].astype(float)
            np.testing.assert_array_equal(part.y[..., 0], frames + 1)
            np.testing.assert_array_equal(part.dt[:, 1:], np.diff(frames, axis=1))
            assert part.dt.min() == 1 and part.dt.max() > 1
            assert 1.05 < part.dt.mean() < 1.18  # 1 / 0.9 on average

    def test_all_frames_kept(self):
        assert np.all(prepare(keep=1.0).splits.train.dt == 1)

    def test_timespans_ones_changes_the_times_only(self):
        with_time, without = prepare(), prepare(timespans="ones")
        assert np.all(without.splits.train.dt == 1) and np.all(without.splits.test.dt == 1)
        np.testing.assert_array_equal(with_time.splits.train.x, without.splits.train.x)
        assert all(np.all(test_set.make().dt == 1) for test_set in without.test_sets)
        assert [s.group for s in with_time.test_sets].count("timespans") == 1
        assert "timespans" not in [s.group for s in without.test_sets]

    def test_the_scaler_knows_the_training_windows_only(self):
        recordings = rollouts()
        first = prepare(source(recordings))
        tested = {*first.splits.test.group, *first.splits.validation.group}
        changed = [replace(r, values=r.values * 3 + 7) if r.group in tested else r for r in recordings]
        second = prepare(source(changed))
        np.testing.assert_array_equal(first.splits.input_scaler.mean, second.splits.input_scaler.mean)
        np.testing.assert_array_equal(first.splits.target_std, second.splits.target_std)
        np.testing.assert_array_equal(first.splits.train.x, second.splits.train.x)
        assert not np.allclose(first.splits.test.x, second.splits.test.x)
        raw = first.splits.input_scaler.unscale(first.splits.train.x)
        np.testing.assert_allclose(first.splits.input_scaler.std, raw.std(axis=(0, 1)), rtol=1e-4)
        np.testing.assert_allclose(first.splits.train.x.std(axis=(0, 1)), 1, rtol=1e-4)

    def test_a_constant_column_divides_nothing_by_zero(self):
        recordings = rollouts()
        for recording in recordings:
            recording.values[:, 5] = 3.0
        parts = prepare(source(recordings)).splits
        assert parts.target_std[5] == 1 and np.isfinite(parts.train.x).all()

    @pytest.mark.parametrize("count", [1, 2, 50, 10**6])
    def test_training_windows_are_picked_evenly(self, count):
        every = prepare(scale="none").splits
        some = prepare(scale="none", train_windows=count).splits
        assert len(some.train) == min(count, len(every.train)) and len(some.test) == len(every.test)
        order = {tuple(row): n for n, row in enumerate(every.train.x[:, :, 0].tolist())}
        picked = np.array([order[tuple(row)] for row in some.train.x[:, :, 0].tolist()])
        gaps = np.diff(picked)
        assert len(set(picked)) == len(picked) and (count < 3 or gaps.max() - gaps.min() <= 1)
        assert count == 1 or (picked[0], picked[-1]) == (0, len(every.train) - 1)

    def test_the_truth_of_the_futures_is_the_recording(self):
        recordings = rollouts()
        prepared = prepare(source(recordings))
        unscale = prepared.splits.input_scaler.unscale
        by_group = {recording.group: recording.values for recording in recordings}
        context, future = prepared.futures.context, unscale(prepared.futures.future)
        assert len(context) > 20 and np.all(prepared.futures.dt == 1)
        for n in range(len(context)):
            last = round(unscale(context.x[n, -1])[0] % 1000)
            truth = by_group[context.group[n]][last + 1 : last + 13]
            np.testing.assert_allclose(future[n], truth, rtol=1e-4, atol=2e-2)

    def test_no_futures_where_no_rollout_is_long_enough(self):
        assert prepare(horizon=500).futures is None

    def test_a_window_longer_than_the_rollouts(self):
        with pytest.raises(DataError, match="no training windows of 200 steps can be cut from these rollouts") as error:
            prepare(window=200)
        assert "smaller data.window" in error.value.hint

    def test_a_rate_that_leaves_no_window_is_refused_before_training(self):
        with pytest.raises(DataError, match=r"no test windows of 100 steps .* rate 0\.5") as error:
            prepare(window=100, keep=1.0)
        assert "data.keep_levels" in error.value.hint
        assert prepare(window=100, keep=1.0, keep_levels=(1.0,)).splits.train.x.shape[1] == 100


class TestSettings:
    @pytest.mark.parametrize(
        "bad",
        [
            {"window": 0},
            {"stride": 0},
            {"keep": 0},
            {"keep": 1.1},
            {"scale": "minmax"},
            {"timespans": "gaps"},
            {"test_fraction": 1.0},
            {"validation_fraction": 0.0},
            {"test_fraction": 0.5, "validation_fraction": 0.5},
            {"test_fraction": 0.95},
            {"split_seed": -1},
            {"drop_seed": 2**32},
            {"train_windows": 0},
            {"variant_windows": -1},
            {"noise_levels": (0.0,)},
            {"noise_levels": (float("inf"),)},
            {"keep_levels": (0.0,)},
            {"sride": 3},
        ],
    )
    def test_out_of_range_is_refused(self, bad):
        with pytest.raises(ValidationError):
            Walker2dSettings(**bad)


class TestHash:
    def test_is_stable_and_names_do_not_count(self):
        renamed = [replace(r, group=f"other-{r.group}") for r in rollouts()]
        assert prepare().data_hash == prepare().data_hash == prepare(source(renamed)).data_hash

    def test_changes_with_everything_that_changes_windows(self):
        touched = rollouts()
        touched[3].values[7, 2] += 1e-9
        changes = [
            {"window": 11},
            {"stride": 9},
            {"keep": 0.8},
            {"scale": "none"},
            {"timespans": "ones"},
            {"test_fraction": 0.2},
            {"validation_fraction": 0.15},
            {"split_seed": 1},
            {"drop_seed": 1},
            {"train_windows": 20},
            {"variant_windows": 7},
            {"noise_levels": (0.1,)},
            {"keep_levels": (1.0,)},
            {"horizon": 13},
        ]
        hashes = [prepare(**change).data_hash for change in changes]
        hashes += [prepare(given).data_hash for given in (source(touched), source(version=2), source(name="b"))]
        assert {*Walker2dSettings.model_fields} == {key for change in changes for key in change} - {"horizon"}
        assert len({*hashes, prepare().data_hash}) == len(hashes) + 1


def sets(prepared, group):
    return [test_set for test_set in prepared.test_sets if test_set.group == group]


class TestHarderSets:
    @pytest.mark.parametrize("scale", ["standard", "none"])
    def test_noise_has_the_stated_size_is_fixed_and_leaves_targets_alone(self, scale):
        prepared = prepare(scale=scale)
        test, noisy = prepared.splits.test, sets(prepared, "noise")
        assert [test_set.level for test_set in noisy] == [0.03, 0.1, 0.3, 1.0]
        for test_set in noisy:
            made = test_set.make()
            np.testing.assert_array_equal(made.x, test_set.make().x)
            np.testing.assert_array_equal(made.y, test.y)
            raw = prepared.splits.input_scaler.unscale
            added = (raw(made.x) - raw(test.x)) / prepared.splits.target_std
            assert added.std() == pytest.approx(test_set.level, rel=0.05) and abs(added.mean()) < 0.05 * test_set.level
        first, second = ((test_set.make().x - test.x) / prepared.splits.target_std for test_set in noisy[-2:])
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05  # levels draw anew

    def test_other_rates_of_the_same_test_rollouts(self):
        prepared = prepare(scale="none")
        for test_set in sets(prepared, "keep"):
            made = test_set.make()
            assert set(made.group) == set(prepared.splits.test.group)
            assert made.dt.mean() == pytest.approx(1 / test_set.level, rel=0.1)
            np.testing.assert_array_equal(made.y[..., 0], made.x[..., 0] + 1)

    def test_times_replaced_by_one(self):
        prepared = prepare()
        (test_set,) = sets(prepared, "timespans")
        assert np.all(test_set.make().dt == 1)
        np.testing.assert_array_equal(test_set.make().x, prepared.splits.test.x)


class TestVariants:
    def source(self, asked, frames_each=160):
        def load_variant(name, frames, context):
            asked.append(frames)
            return rollouts(-(-frames // frames_each), frames_each, seed=9, prefix=name)

        return source(variants={"ice": Variant("ice", "physics", "slippery")}, load_variant=load_variant)

    @pytest.mark.parametrize("count", [1, 30, 200])
    @pytest.mark.parametrize("stride", [3, 10])
    def test_exactly_the_stated_windows_scored_as_a_ratio(self, count, stride):
        prepared = prepare(self.source([]), variant_windows=count, stride=stride)
        (test_set,) = sets(prepared, "physics")
        made = test_set.make()
        assert test_set.relative and test_set.name == "ice" and len(made) == count
        np.testing.assert_array_equal(made.x, test_set.make().x)
        errors = errors_of(prepared.splits, [str(n) for n in range(17)])
        (point,) = ShiftedSets([test_set], prepared.splits, errors).points(Persistence(17))
        assert point.ratio == 1

    def test_nothing_is_loaded_before_it_is_needed(self):
        asked = []
        prepare(self.source(asked), variant_windows=5)
        assert asked == []

    def test_more_frames_are_asked_for_where_rollouts_end_early(self):
        asked = []
        (test_set,) = sets(prepare(self.source(asked, frames_each=18), variant_windows=30), "physics")
        assert len(test_set.make()) == 30 and len(asked) > 1 and asked == sorted(asked)

    def test_rollouts_that_all_end_too_early_are_an_error_not_a_loop(self):
        (test_set,) = sets(prepare(self.source([], frames_each=5), variant_windows=30), "physics")
        with pytest.raises(DataError, match="variant 'ice' give only 0 of 30 windows of 10 steps"):
            test_set.make()
