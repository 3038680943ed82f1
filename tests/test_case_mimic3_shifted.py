"""The intensive care case under stress: shifted test sets, charted times, and that nothing names a subject."""

import numpy as np
import pytest
from icu_studies import CASE, C, Knows, cohort, made, prepare, recording

from lnncmp.baselines import Persistence
from lnncmp.data.recording import Recording
from lnncmp.errors import DataError
from lnncmp.evaluation.evaluate import score


class TestHarder:
    def test_groups_names_and_levels(self):
        sets = prepare(noise_levels=(0.05, 1.0), missing_levels=(0.1, 0.7), spike_rate=0.001).test_sets
        assert [(one.group, one.name, one.level) for one in sets] == [
            ("noise", "noise 0.05 sd", 0.05),
            ("noise", "noise 1 sd", 1.0),
            ("missing", "missing 10%", 0.1),
            ("missing", "missing 70%", 0.7),
            ("sensor", "one dark for 6 h a day", None),
            ("artefacts", "0.1% spikes", None),
            ("jitter", "up to 30 min late", None),
        ]

    @pytest.mark.parametrize("grid", ["hour", "event"])
    def test_inputs_differ_reproducibly_and_targets_not_at_all(self, grid):
        recordings = cohort(event=grid == "event", hours=60)
        prepared, again = (prepare(recordings, grid=grid, spike_rate=0.05) for _ in range(2))
        clean, other = prepared.splits.test, prepare(recordings, grid=grid, spike_rate=0.05, seed=1)
        for one, same, new in zip(prepared.test_sets, again.test_sets, other.test_sets, strict=True):
            hard = one.make()
            for name in ("y", "target_mask", "valid", "group"):
                np.testing.assert_array_equal(getattr(hard, name), getattr(clean, name), err_msg=one.name)
            np.testing.assert_array_equal(hard.x, same.make().x)
            if one.group != "timespans":
                np.testing.assert_array_equal(hard.dt, clean.dt)
                assert not np.array_equal(hard.x, clean.x) and not np.array_equal(hard.x, new.make().x), one.name

    def test_noise_is_in_standard_deviations_of_what_was_measured(self):
        prepared = prepare(cohort(subjects=60), noise_levels=(0.3,))
        clean, hard = prepared.splits.test, prepared.test_sets[0].make()
        np.testing.assert_array_equal(hard.x[..., C:], clean.x[..., C:])
        measured = clean.x[..., C : 2 * C] == 1
        added = (hard.x - clean.x)[..., :C]
        assert added[measured].std() == pytest.approx(0.3, rel=0.1)
        carried = ~measured[:, 1:]
        np.testing.assert_allclose(added[:, 1:][carried], added[:, :-1][carried], atol=1e-5)

    def test_late_charting_helps_nobody(self):
        prepared = prepare(cohort(subjects=60))
        points = {point.group: point for point in score(Persistence(C), prepared, CASE).perturbations}
        assert points["jitter"].error > score(Persistence(C), prepared, CASE).metrics["test"]["mse"]


class TestChartedTimes:
    def test_the_whole_pipeline_runs(self):
        prepared = prepare(cohort(subjects=30, event=True, hours=60), grid="event", most_steps=8)
        splits = prepared.splits
        lengths = splits.test.valid.sum(axis=1)
        assert splits.train.x.shape[1] == splits.test.x.shape[1] == 8 and lengths.min() < 8 == lengths.max()
        assert not splits.test.x[~splits.test.valid].any() and not splits.test.target_mask[~splits.test.valid].any()
        for predictor in prepared.baselines().values():
            found = score(predictor, prepared, CASE).metrics["test"]
            assert not any("teacher" in name or name == "accumulation_ratio" for name in found)
            assert found["z_rmse_4h"] > 0 and np.isfinite(list(found.values())).all()
        assert prepared.metrics_of(Knows()).values["z_rmse_4h"] == 0
        assert prepared.test_sets[-1].group == "timespans" and (prepared.test_sets[-1].make().dt == 1).all()

    def test_parts_have_windows_of_one_length(self):
        """The longest window of any part sets the length, whatever the other parts have."""
        lengths = set()
        for seed in range(8):
            splits = prepare(cohort(seed=seed, event=True, hours=40), grid="event").splits
            three = [part.valid.sum(axis=1).max() for part in (splits.train, splits.validation, splits.test)]
            assert splits.train.x.shape[1] == splits.validation.x.shape[1] == splits.test.x.shape[1] == max(three)
            lengths.add(len(set(three)))
        assert max(lengths) > 1


class TestPrivacy:
    SECRET = "subject-SECRET-123"

    def recordings(self, **how):
        rng = np.random.default_rng(0)
        return [recording(rng, f"{self.SECRET}-{n}", **how) for n in range(30)]

    def test_nothing_that_is_shown_or_stored_names_a_subject(self):
        preparation, prepared = made(self.recordings()), prepare(self.recordings())
        assert self.SECRET in preparation.test_stays[0].group
        shown = [repr(preparation), repr(preparation.test_stays), repr(prepared.splits), repr(prepared.test_sets)]
        shown += [repr(prepared.attrition), repr(prepared.facts), prepared.data_hash, repr(prepared.futures.context)]
        for predictor in prepared.baselines().values():
            scores = score(predictor, prepared, CASE)
            assert not scores.examples
            shown += [scores.model_dump_json(), repr(scores), repr(prepared.metrics_of(predictor))]
        assert not any("SECRET" in text for text in shown)

    def test_no_refusal_names_a_subject(self):
        fine = self.recordings()
        unseen = [Recording(r.values, r.times, np.zeros_like(r.observed), r.group) for r in fine]
        gap = [Recording(r.values, r.times + (r.times > 9), r.observed, r.group) for r in fine]
        for bad in (fine[:1], [], unseen, gap, self.recordings(hours=8)):
            with pytest.raises(DataError) as refused:
                prepare(bad)
            assert "SECRET" not in refused.value.message + refused.value.hint
            assert "\n" not in refused.value.message
