"""Shifted versions of a stay: how much they change, what they leave alone, that no measurement is known too early."""

from dataclasses import replace

import numpy as np
import pytest
from icu_studies import C, V, random_stay, stay

from lnncmp.cases.mimic3.perturbations import SPIKE, jitter, missing, noise, sensor_dropout, spikes

KINDS = {
    "noise": noise(0.5),
    "missing": missing(0.3),
    "dropout": sensor_dropout(6.0, C),
    "spikes": spikes(0.1),
    "jitter": jitter(0.5, 1.0),
}


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("event", [False, True])
def test_each_is_reproducible_keeps_the_rows_and_leaves_the_stay_alone(name, event):
    one, before = random_stay(1, hours=72, event=event), random_stay(1, hours=72, event=event)
    hard, again, other = (KINDS[name](one, rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(hard.values, again.values)
    np.testing.assert_array_equal(hard.observed, again.observed)
    assert not (np.array_equal(hard.values, other.values) and np.array_equal(hard.observed, other.observed))
    assert not (np.array_equal(hard.values, one.values) and np.array_equal(hard.observed, one.observed))
    np.testing.assert_array_equal(hard.times, one.times)
    assert hard.values.shape == one.values.shape and hard.group == one.group
    np.testing.assert_array_equal(one.values, before.values)
    np.testing.assert_array_equal(one.observed, before.observed)


@pytest.mark.parametrize("level", [0.1, 2.0])
def test_noise_is_on_observed_values_alone_and_as_large_as_said(level):
    one = random_stay(0, hours=2000)
    hard = noise(level)(one, rng())
    added = hard.values - one.values
    assert not added[~one.observed].any()
    np.testing.assert_array_equal(hard.observed, one.observed)
    assert added[one.observed].std() == pytest.approx(level, rel=0.03)
    assert added[one.observed].mean() == pytest.approx(0, abs=0.03 * level)
    assert abs(np.corrcoef(added[1:, 0], added[:-1, 0])[0, 1]) < 0.1


def test_a_share_of_the_measurements_is_missing():
    one = random_stay(0, hours=2000)
    hard = missing(0.3)(one, rng())
    assert not (hard.observed & ~one.observed).any()
    np.testing.assert_allclose((one.observed & ~hard.observed).sum(axis=0) / one.observed.sum(axis=0), 0.3, atol=0.06)
    np.testing.assert_array_equal(hard.values, one.values)


@pytest.mark.parametrize("hours", [1.0, 6.0, 24.0])
def test_one_sensor_of_the_core_drops_out_for_some_hours_per_day(hours):
    one = stay(np.zeros((24 * 40, V)))
    gone = ~sensor_dropout(hours, C)(one, rng()).observed.reshape(40, 24, V)
    assert not gone[..., C:].any()
    assert set(gone.sum(axis=(1, 2)).tolist()) == {hours}
    assert (gone.any(axis=1).sum(axis=1) == 1).all()  # of one variable per day
    assert len(np.unique(gone.any(axis=1).argmax(axis=1))) == C  # drawn anew
    for day in range(40):
        rows = np.flatnonzero(gone[day].any(axis=1))
        assert rows[-1] - rows[0] == hours - 1  # in one stretch


def test_dropout_on_charted_times_is_counted_in_hours():
    times = np.arange(0, 96, 0.25)
    one = stay(np.zeros((len(times), C)), times=times)
    assert set((~sensor_dropout(6.0, C)(one, rng()).observed).reshape(4, -1).sum(axis=1).tolist()) == {24}


def test_artefacts_are_far_from_the_mean_on_a_share_of_the_observed_values():
    one = random_stay(0, hours=4000)
    hard = spikes(0.05)(one, rng())
    hit = hard.values != one.values
    assert not hit[~one.observed].any() and hit[one.observed].mean() == pytest.approx(0.05, rel=0.1)
    assert set(hard.values[hit].tolist()) == {SPIKE, -SPIKE}
    assert (hard.values[hit] > 0).mean() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(hard.observed, one.observed)


class TestLateCharting:
    def test_of_a_lonely_measurement(self):
        """Taken anywhere in its hour and up to half an hour late, it falls into the next hour one time in four."""
        one = stay(np.full((3, 4000), 5.0), np.arange(3)[:, None] == np.zeros((1, 4000)))
        hard = jitter(0.5, 1.0)(one, rng())
        assert (hard.observed.sum(axis=0) == 1).all()
        np.testing.assert_allclose(hard.observed.mean(axis=1), [0.75, 0.25, 0.0], atol=0.03)
        assert (hard.values[hard.observed] == 5).all()

    def test_by_two_hours_at_most(self):
        one = stay(np.full((5, 4000), 5.0), np.arange(5)[:, None] == np.zeros((1, 4000)))
        share = jitter(2.0, 1.0)(one, rng()).observed.mean(axis=1)
        np.testing.assert_allclose(share, [0.25, 0.5, 0.25, 0, 0], atol=0.03)

    @pytest.mark.parametrize("event", [False, True])
    @pytest.mark.parametrize("hours", [0.5, 3.0])
    def test_keeps_the_measurements_but_for_collisions(self, event, hours):
        one = random_stay(2, hours=200, event=event, share=0.3)
        one = replace(one, values=np.arange(one.values.size, dtype=float).reshape(one.values.shape))
        hard = jitter(hours, 0.0 if event else 1.0)(one, rng())
        lost = 0
        for v in range(V):
            before, after = one.values[one.observed[:, v], v], hard.values[hard.observed[:, v], v]
            assert set(after.tolist()) <= set(before.tolist()) and len(set(after.tolist())) == len(after)
            lost += len(before) - len(after)
        assert 0 < lost < 0.5 * one.observed.sum()
        if hours < 1:
            assert lost < 0.2 * one.observed.sum()

    @pytest.mark.parametrize("event", [False, True])
    def test_makes_nothing_known_before_it_was_measured(self, event):
        for seed in range(5):
            one = random_stay(seed, hours=100, event=event, share=0.5)
            rows = np.broadcast_to(np.arange(len(one.times))[:, None], one.values.shape).astype(float)
            hard = jitter(3.0, 0.0 if event else 1.0)(replace(one, values=rows), rng(seed))
            assert (hard.values[hard.observed] <= rows[hard.observed]).all()
            assert (hard.values[hard.observed] < rows[hard.observed]).any()

    def test_of_two_in_one_row_the_later_stays(self):
        one = stay(np.arange(2.0)[:, None].repeat(2000, axis=1))
        hard = jitter(0.5, 1.0)(one, rng())
        assert hard.observed[1].all() and (hard.values[1] == 1).all() and 0.1 < (~hard.observed[0]).mean() < 0.4

    def test_of_a_single_row_changes_nothing(self):
        hard = jitter(3.0)(stay([[1.0, 2.0]]), rng())
        assert hard.values.tolist() == [[1.0, 2.0]] and hard.observed.all()
