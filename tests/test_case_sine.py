"""The damped sine case: what its windows hold, which test sets there are, and that nothing of the clean wave leaks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sine_studies import CASE, made, prepare, raw, settings, windows_of

from lnncmp.cases.sine.settings import SineSettings
from lnncmp.errors import UsageError
from lnncmp.recipe.load import load_recipe
from lnncmp.sources.base import SourceContext
from lnncmp.sources.sine.generated import SOURCE


class TestWindows:
    def test_clean_windows_are_the_waves(self):
        preparation, _ = made()
        splits = preparation.splits
        for part, name, count in ((splits.train, "train", 30), (splits.validation, "validation", 10)):
            given = preparation.sampled(name, count)
            np.testing.assert_allclose(raw(splits, part.x), given.waves.values(given.input_times), atol=1e-6)
            np.testing.assert_allclose(raw(splits, part.y), given.waves.values(given.input_times + 1), atol=1e-6)
        assert splits.train.x.shape == (30, 50, 1) and (splits.train.dt == 1).all()

    def test_the_first_predictions_do_not_count(self):
        splits = prepare(warmup=7).splits
        for part in (splits.train, splits.validation, splits.test):
            np.testing.assert_array_equal(part.target_mask[0, :, 0], np.arange(50) >= 7)

    def test_ranges_are_in_the_settings_units(self):
        waves = made(step=0.1, frequency=(4.0, 4.0), damping=(1.0, 1.0), amplitude=(2.0, 2.0))[0].test.waves
        np.testing.assert_allclose([waves.frequency[0], waves.damping[0], waves.amplitude[0]], [0.4, 0.1, 2.0])

    def test_noise_is_in_inputs_and_training_targets_and_never_in_the_truth(self):
        noisy, clean = made(noise_std=0.3)[0], made()[0]
        for name, count in (("train", 30), ("validation", 10)):
            given, quiet = noisy.sampled(name, count), clean.sampled(name, count)
            for part, whole in ((given.inputs, quiet.inputs), (given.targets, quiet.targets)):
                assert ((part - whole) / quiet.waves.amplitude[:, None]).std() == pytest.approx(0.3, rel=0.15)
        np.testing.assert_allclose(raw(noisy.splits, noisy.splits.test.y), clean.clean_test.truth, atol=1e-6)
        test = raw(noisy.splits, noisy.splits.test.x) - clean.clean_test.inputs
        assert (test / clean.clean_test.waves.amplitude[:, None]).std() == pytest.approx(0.3, rel=0.1)

    def test_no_noise_is_the_clean_case_to_the_bit(self):
        first, second = prepare(), prepare(noise_std=0.0)
        assert first.data_hash == second.data_hash
        assert made(noise_std=0.0)[0].splits.train.x.tobytes() == made()[0].splits.train.x.tobytes()

    def test_more_training_waves_change_no_test_wave(self):
        few, many = made(scale="none")[0], made(scale="none", waves=60)[0]
        np.testing.assert_array_equal(few.splits.test.x, many.splits.test.x)
        np.testing.assert_array_equal(few.splits.train.x, many.splits.train.x[:30])

    def test_the_same_settings_give_the_same_numbers_and_another_seed_others(self):
        one, two, other = prepare(), prepare(), prepare(seed=1)
        np.testing.assert_array_equal(one.splits.train.x, two.splits.train.x)
        assert one.data_hash == two.data_hash != other.data_hash
        assert not np.array_equal(one.splits.train.x, other.splits.train.x)
        assert settings(seed=7).data_seed == 7

    def test_irregular_sampling_gives_the_elapsed_times_unless_withheld(self):
        splits = made(irregularity=0.5)[0].splits
        assert splits.train.dt.min() < 0.55 and splits.train.dt.max() > 1.45
        withheld = made(irregularity=0.5, timespans="ones")[0].splits
        assert (withheld.train.dt == 1).all()
        np.testing.assert_array_equal(withheld.train.x, splits.train.x)

    def test_conditions_tell_variants_apart(self):
        told = [settings(**c).conditions for c in ({}, {"noise_std": 0.1}, {"noise_std": 0.1, "irregularity": 0.5})]
        assert told == ["clean", "noise 0.1", "noise 0.1, irregular 0.5"]


class TestFutures:
    @pytest.mark.parametrize("changes", [{}, {"noise_std": 0.2}, {"irregularity": 0.5}])
    def test_the_future_is_the_clean_wave_after_the_context(self, changes):
        preparation, _ = made(**changes)
        futures = preparation.futures(25)
        context, given = futures.context, preparation.test
        assert context.x.shape == (20, 20, 1) and futures.future.shape == (20, 25, 1) and (futures.dt == 1).all()
        np.testing.assert_array_equal(context.x, preparation.splits.test.x[:, :20])
        for n in (0, 11):
            times = given.input_times[n, 19] + np.arange(1, 26)
            expected = given.waves.take(slice(n, n + 1)).values(times[None])[0]
            np.testing.assert_allclose(raw(preparation.splits, futures.future[n]), expected, atol=1e-6)

    def test_a_horizon_longer_than_the_wave_is_refused(self):
        assert prepare(horizon=30).futures is not None
        with pytest.raises(UsageError, match="horizon is 31 steps, longer than the wave: its 50 samples end 30 steps"):
            prepare(horizon=31)


class TestTestSets:
    def test_the_sweep_has_all_kinds_and_levels(self):
        prepared = prepare()
        sweep = [(one.group, one.level) for one in prepared.test_sets if one.level is not None]
        kinds = ("gaussian", "impulsive", "colored")
        assert sweep == [("gaussian", 0.0), *((kind, level) for kind in kinds for level in (0.1, 0.5))]

    @pytest.mark.parametrize("noise_std", [0.0, 0.3])
    def test_noise_of_the_sweep_does_not_depend_on_the_training_noise(self, noise_std):
        prepared = prepare(noise_std=noise_std, scale="none")
        clean = prepare(scale="none").splits.test
        np.testing.assert_array_equal(windows_of(prepared, "gaussian noise 0").x, clean.x)
        for kind in ("gaussian", "impulsive", "colored"):
            hard = windows_of(prepared, f"{kind} noise 0.5")
            np.testing.assert_array_equal(hard.y, clean.y)
            relative = (hard.x - clean.x)[..., 0] / made()[0].clean_test.waves.amplitude[:, None]
            assert relative.std() == pytest.approx(0.5, rel=0.25)

    def test_waves_outside_of_the_training_ranges(self):
        preparation, warnings = made()
        waves = {name: preparation.sampled(name, 40, **how).waves for _, name, how in preparation._shifts()}
        per_step = SineSettings().step
        limits = {
            "smaller 0.25-0.5": ("amplitude", 0.25, 0.5),
            "larger 1.5-3": ("amplitude", 1.5, 3.0),
            "stronger 0.3-0.6": ("damping", 0.3 * per_step, 0.6 * per_step),
            "weaker 0-0.05": ("damping", 0.0, 0.05 * per_step),
            "lower 0.25-0.5": ("frequency", 0.25 * per_step, 0.5 * per_step),
            "higher 2-3": ("frequency", 2 * per_step, 3 * per_step),
        }
        assert set(limits) | {"100 samples", "irregular 0.5"} == set(waves) and warnings == []
        for name, (what, low, high) in limits.items():
            drawn = getattr(waves[name], what)
            assert low <= drawn.min() < drawn.max() <= high, name

    def test_no_set_may_alias(self):
        preparation, warnings = made(frequency=(0.5, 15.6))
        assert not any(name.startswith("higher") for _, name, _ in preparation._shifts())
        assert len(warnings) == 1 and "Nyquist" in warnings[0]
        higher = {name: how for _, name, how in made(frequency=(0.5, 12.0))[0]._shifts()}
        assert higher["higher 12-14.92"]["ranges"].frequency[1] < np.pi

    def test_shapes_and_noise_of_the_others(self):
        prepared = prepare(noise_std=0.2)
        assert windows_of(prepared, "100 samples").x.shape == (12, 100, 1)
        gap = windows_of(prepared, "20% in one gap")
        assert gap.x.shape == (12, 40, 1) and (gap.dt.max(axis=1) == 11).all()
        irregular = windows_of(prepared, "irregular 0.5")
        assert irregular.dt.min() < 0.6
        clean = windows_of(prepare(), "irregular 0.5")
        np.testing.assert_array_equal(raw(prepared.splits, irregular.y).shape, raw(prepared.splits, clean.y).shape)
        noisy_x = irregular.x * prepared.splits.input_scaler.std + prepared.splits.input_scaler.mean
        clean_x = clean.x * prepare().splits.input_scaler.std + prepare().splits.input_scaler.mean
        assert 0.1 < (noisy_x - clean_x).std() < 0.35

    def test_times_are_tested_only_where_there_are_any(self):
        assert not [one for one in prepare().test_sets if one.group == "timespans"]
        irregular = prepare(irregularity=0.5)
        assert (windows_of(irregular, "ones").dt == 1).all() and windows_of(irregular, "regular").dt.max() == 1


BAD = [
    ({"noise_std": -0.1}, "'data.noise_std' is -0.1"),
    ({"noise_std": float("nan")}, "'data.noise_std' is nan"),
    ({"frequency": [0.5, 16.0]}, "Nyquist frequency, 15.71 rad/s"),
    ({"frequency": [0.5, 8.0], "irregularity": 0.99}, "Nyquist frequency, 7.893 rad/s"),
    ({"frequency": [2.0, 0.5]}, "low <= high: this range is empty"),
    ({"amplitude": [1.5, 0.5]}, "low <= high: this range is empty"),
    ({"damping": [0.3, 0.1]}, "low <= high: this range is empty"),
    ({"amplitude": [0.0, 1.0]}, "should lie above 0"),
    ({"frequency": [0.0, 1.0]}, "should lie above 0"),
    ({"damping": [-0.1, 0.1]}, "greater than or equal to 0"),
    ({"frequency": [0.5]}, "'data.frequency"),
    ({"warmup": 50}, "less than the 50 samples"),
    ({"context": 60}, "less than the 50 samples"),
    ({"samples": 7}, "'data.samples' is 7"),
    ({"waves": 0}, "'data.waves' is 0"),
    ({"irregularity": 1.0}, "'data.irregularity' is 1.0"),
    ({"step": 0}, "'data.step' is 0"),
    ({"noise_levels": [-0.5]}, "'data.noise_levels.0' is -0.5"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD, ids=str)
def test_bad_settings_are_refused_in_one_sentence(changes, sentence):
    with pytest.raises(UsageError) as refused:
        load_recipe("sine", "quick", [f"data.{key}={value}" for key, value in changes.items()])
    assert sentence in refused.value.message and "\n" not in refused.value.message


def test_own_copies_have_no_place_here():
    context = replace(SourceContext(cache=Path()), data_dir=Path())
    with pytest.raises(UsageError, match="made, not read"):
        CASE.prepare(SOURCE, context, settings(), 25)


def test_the_sample_is_small_and_complete():
    prepared = CASE.sample()
    assert len(prepared.splits.train) == 20 and prepared.futures is not None and len(prepared.example_windows) == 3
