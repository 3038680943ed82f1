"""Windows of intensive care stays: which rows they have, their inputs and targets, and the hours after them."""

import numpy as np
import pytest
from icu_studies import C, V, random_stay, stay

from lnncmp.cases.mimic3.features import Stay, inputs_of
from lnncmp.cases.mimic3.perturbations import noise
from lnncmp.cases.mimic3.windows import Anchor, Frame, anchors, cut, ends, futures

HOURLY = Frame(context=24, horizon=12, most_steps=24, core=C)
EVENT = Frame(context=24, horizon=12, most_steps=10, core=C)


class TestAnchors:
    @pytest.mark.parametrize("rows", [1, 35, 36, 37, 100])
    @pytest.mark.parametrize("start", [0.0, 7.0, 1 / 3])
    def test_every_window_of_a_grid_of_hours_is_found(self, rows, start):
        one = stay(np.zeros((rows, C)), times=start + np.arange(rows))
        found = anchors([one], HOURLY, 1, None)
        assert found == [Anchor(0, row - 23, row) for row in range(23, rows - 12)]
        assert len(found) == max(rows - 24 - 12 + 1, 0)

    def test_stays_without_rows_have_none(self):
        assert len(ends(np.zeros(0), HOURLY)) == 0

    def test_stride_counts_from_the_first_of_each_stay(self):
        stays = [stay(np.zeros((rows, C))) for rows in (40, 20, 38)]
        assert [(a.stay, a.last) for a in anchors(stays, HOURLY, 2, None)] == [
            (0, 23),
            (0, 25),
            (0, 27),
            (2, 23),
            (2, 25),
        ]

    @pytest.mark.parametrize("at_most", [1, 2, 10, 33, 64, 65, 100])
    def test_thinning_is_even(self, at_most):
        found = anchors([stay(np.zeros((100, C)))], HOURLY, 1, at_most)
        last = np.array([a.last for a in found])
        assert len(last) == min(at_most, 65) and (np.diff(last) > 0).all() and last[0] == 23
        if at_most > 1:
            assert last[-1] == 87 and np.ptp(np.diff(last)) <= 1

    def test_charted_times_hold_to_the_hours_of_context_and_the_most_steps(self):
        long = few = 0
        for seed in range(10):
            one = random_stay(seed, C, hours=90, event=True)
            found = {a.last: a.first for a in anchors([one], EVENT, 1, None)}
            for row, time in enumerate(one.times):
                assert (row in found) == (time >= 23 and time + 12 <= one.times[-1])
                if row in found:
                    inside = np.flatnonzero((one.times > time - 24 + 1e-6) & (one.times <= time))
                    assert (found[row], row) == (inside[-10:][0], inside[-1])
                    long, few = long + (len(inside) > 10), few + (len(inside) <= 10)
        assert long and few

    def test_a_gap_shortens_windows_and_never_reaches_behind_it(self):
        times = np.concatenate([np.arange(30.0), 60 + np.arange(30.0)])
        found = anchors([stay(np.zeros((60, C)), times=times)], EVENT, 1, None)
        lengths = {a.last: a.last - a.first + 1 for a in found}
        assert lengths[29] == 10 and [lengths[row] for row in (30, 31, 35)] == [1, 2, 6] and 48 not in lengths


class TestCut:
    def test_rows_inputs_and_targets_of_a_grid_of_hours(self):
        stays = [random_stay(seed, V, hours=40) for seed in (0, 1)]
        places = anchors(stays, HOURLY, 1, None)
        made = cut(stays, stays, places, HOURLY)
        assert made.x.shape == (10, 24, 3 * V) and made.valid.all() and made.observed.all() and (made.dt == 1).all()
        for row, place in enumerate(places):
            one, rows = stays[place.stay], slice(place.first, place.last + 1)
            np.testing.assert_array_equal(made.x[row], inputs_of(one, C)[rows])
            following = slice(place.first + 1, place.last + 2)
            np.testing.assert_array_equal(made.target_mask[row], one.observed[following, :C])
            seen = made.target_mask[row]
            np.testing.assert_allclose(made.y[row][seen], one.values[following, :C][seen], atol=1e-6)

    def test_elapsed_times_and_padding(self):
        one = stay(np.arange(6.0)[:, None].repeat(C, axis=1), times=[5.0, 5.5, 8.0, 9.0, 9.25, 20.0])
        frame = Frame(24, 1, 4, C)
        made = cut([one], [one], [Anchor(0, 0, 1), Anchor(0, 1, 4), Anchor(0, 3, 3)], frame)
        assert made.valid.tolist() == [[True, True, False, False], [True] * 4, [True, False, False, False]]
        np.testing.assert_allclose(made.dt, [[1, 0.5, 1, 1], [0.5, 2.5, 1, 0.25], [1, 1, 1, 1]])
        np.testing.assert_allclose(made.x[1, :, 0], [1, 2, 3, 4])
        assert not made.x[0, 2:].any() and not made.target_mask[0, 2:].any() and not made.y[2, 1:].any()
        np.testing.assert_allclose(made.y[1, :, 0], [0, 3, 4, 0])
        assert made.target_mask[1, :, 0].tolist() == [False, True, True, False]

    def test_more_rows_are_there_up_to_the_end_of_the_stay(self):
        one = random_stay(2, C, hours=37)
        places = anchors([one], HOURLY, 1, None)
        longer, made = cut([one], [one], places, HOURLY, more=11), cut([one], [one], places, HOURLY)
        assert longer.x.shape == (2, 35, 3 * C) and longer.valid.all()
        np.testing.assert_array_equal(longer.x[:, :24], made.x)
        np.testing.assert_array_equal(longer.x[1], inputs_of(one, C)[1:36])
        np.testing.assert_array_equal(longer.target_mask[1, -1], one.observed[36, :C])

    def test_shifted_inputs_keep_the_targets(self):
        stays = [random_stay(seed, V, hours=40) for seed in (0, 1)]
        hard = [noise(1.0)(one, np.random.default_rng(0)) for one in stays]
        places = anchors(stays, HOURLY, 1, None)
        given, made = cut(stays, hard, places, HOURLY), cut(stays, stays, places, HOURLY)
        np.testing.assert_array_equal(given.y, made.y)
        np.testing.assert_array_equal(given.target_mask, made.target_mask)
        np.testing.assert_array_equal(given.x[0], inputs_of(hard[0], C)[:24])
        assert not np.array_equal(given.x, made.x)

    def test_no_windows_are_no_error(self):
        assert len(cut([], [], [], HOURLY)) == 0


class TestFutures:
    @pytest.mark.parametrize("event", [False, True])
    def test_are_the_means_of_the_hours_that_follow(self, event):
        frame = EVENT if event else HOURLY
        stays = [random_stay(seed, C, hours=80, event=event) for seed in range(3)]
        places = anchors(stays, frame, 3, None)
        context = cut(stays, stays, places, frame)
        made = futures(stays, places, context, frame)
        assert made.context is context and (made.dt == 1).all() and made.future.shape == (len(places), 12, C)
        for row, place in enumerate(places):
            one = stays[place.stay]
            for k in range(12):
                now = one.times[place.last] + k
                rows = (one.times > now + 1e-6) & (one.times <= now + 1 + 1e-6)
                for c in range(C):
                    values = one.values[rows & one.observed[:, c], c]
                    assert made.observed[row, k, c] == bool(len(values))
                    assert made.future[row, k, c] == pytest.approx(values.mean() if len(values) else 0, abs=1e-5)
        end = context.valid.sum(axis=1) - 1
        np.testing.assert_array_equal(made.future[:, 0], context.y[np.arange(len(places)), end])

    def test_inputs_beside_predictions_follow_the_last_real_row(self):
        one = random_stay(0, V, hours=80, event=True)
        places = anchors([one], EVENT, 1, None)
        context = cut([one], [one], places, EVENT)
        assert not context.valid.all()
        made = futures([one], places, context, EVENT)
        for row, place in enumerate(places):
            last = inputs_of(one, C)[place.last]
            expected = np.minimum(last[2 * C : 3 * C] + 1 / 24, 1)
            np.testing.assert_allclose(made.others[row, 0, C : 2 * C], expected, atol=1e-6)


@pytest.mark.data
def test_real_bedside_numerics_give_windows(shared_data):
    """One record is long enough; a study needs more subjects, and says so, but its windows are whole."""
    from lnncmp.sources.base import SourceContext
    from lnncmp.sources.mimic3.waveforms import SOURCE

    context = SourceContext(cache=shared_data, data_dir=shared_data / "wfdb-samples", offline=True)
    stays = [Stay(np.nan_to_num(r.values[:, :7]), r.observed[:, :7], r.times, r.group) for r in SOURCE.load(context)]
    frame = Frame(12, 6, 12, 7)
    places = anchors(stays, frame, 1, None)
    made = cut(stays, stays, places, frame)
    assert len(places) == max(len(stay.times) for stay in stays) - 12 - 6 + 1 == 16
    assert made.x.shape == (16, 12, 21) and made.target_mask[..., 0].mean() > 0.9 and made.valid.all()
