"""The intensive care case: how subjects are split, what is scaled, which settings it takes."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from icu_studies import (
    CASE,
    FEW,
    C,
    V,
    changed,
    cohort,
    made,
    prepare,
    recording,
    settings,
    source_of,
)

from lnncmp.cases.mimic3.settings import Mimic3Settings
from lnncmp.data.recording import Recording
from lnncmp.errors import DataError, UsageError
from lnncmp.recipe.recipe import parse
from lnncmp.sources.base import SourceContext


def arrays(preparation):
    parts = (preparation.splits.train, preparation.splits.validation, preparation.splits.test)
    return [part.x for part in parts], [part.y for part in parts]


class TestSplit:
    def test_no_subject_stands_in_two_parts_and_its_stays_stay_together(self):
        preparation = made(cohort(subjects=40, each=3))
        parts = [set(p.group.tolist()) for p in (preparation.splits.train, preparation.splits.validation)]
        parts.append(set(preparation.splits.test.group.tolist()))
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
        assert set.union(*parts) == {f"subject-{n}" for n in range(40)}
        counts = np.unique(preparation.splits.test.group, return_counts=True)[1]
        assert set(counts.tolist()) == {3 * (24 - 6 - 4 + 1)}

    def test_follows_the_published_rule(self):
        def place(salt, name):
            return int(hashlib.sha256(f"{salt}:{name}".encode()).hexdigest()[:16], 16) / 2**64

        for salt in ("lnncmp", "other"):
            test = made(split_salt=salt).splits.test.group
            assert set(test.tolist()) == {f"subject-{n}" for n in range(20) if place(salt, f"subject-{n}") < 0.3}

    def test_does_not_depend_on_who_else_is_there(self):
        many, few = cohort(subjects=40), cohort(subjects=20)

        def parts(p):
            return {
                g: n for n, part in enumerate((p.splits.train, p.splits.validation, p.splits.test)) for g in part.group
            }

        whole, some = parts(made(many)), parts(made(few))
        assert some == {group: whole[group] for group in some}
        assert parts(made(many, split_salt="another")) != whole

    def test_fractions_hold_for_many_subjects(self):
        rng = np.random.default_rng(0)
        many = [recording(rng, str(n), hours=10) for n in range(1500)]
        preparation = made(many, test_fraction=0.2, validation_fraction=0.1)
        counts = np.bincount([part for _, part in preparation.membership]) / 1500
        np.testing.assert_allclose(counts, [0.7, 0.1, 0.2], atol=0.03)
        assert len(preparation.splits.test) == 1500 * counts[2]

    def test_too_few_subjects_are_refused(self):
        with pytest.raises(DataError) as refused:
            made(cohort(subjects=1, each=3))
        assert "there are only 3 long enough stays of 1 subjects" in refused.value.message
        assert "no stay falls into the" in refused.value.message and "data.split_salt" in refused.value.hint

    def test_too_short_stays_are_refused(self):
        with pytest.raises(DataError, match="no stay is as long as 6 hours of context and 4 hours ahead"):
            made(cohort(hours=9))
        assert len(made(cohort(hours=10)).splits.train)

    def test_no_stay_is_counted_that_gives_no_window(self):
        lonely = Recording(np.ones((2, V)), np.array([0.0, 50.0]), np.ones((2, V), bool), "lonely")
        empty = Recording(np.ones((0, V)), np.zeros(0), np.ones((0, V), bool), "empty")
        preparation = made([*cohort(event=True, hours=40), lonely, empty], grid="event")
        assert preparation.facts["stays"] == 40 and preparation.facts["subjects"] == 20
        assert preparation.attrition[0].recordings == 40 and preparation.attrition[0].groups == 20

    def test_rows_off_the_grid_of_hours_are_refused(self):
        gap = Recording(np.ones((40, V)), np.arange(40.0) + (np.arange(40) > 20), np.ones((40, V), bool), "gap")
        with pytest.raises(DataError, match="one hour apart: those of 1 of 41 stays are not"):
            made([*cohort(), gap])


class TestScaling:
    def test_is_of_the_measured_training_cells(self):
        recordings = cohort()
        preparation = made(recordings)
        train = set(preparation.splits.train.group.tolist())
        for v in range(C):
            cells = np.concatenate([r.values[r.observed[:, v], v] for r in recordings if r.group in train])
            assert preparation.scaler.mean[v] == pytest.approx(cells.mean())
            assert preparation.scaler.std[v] == pytest.approx(cells.std())

    def test_errors_are_normalised_by_the_seen_training_targets(self):
        splits = made().splits
        expected = [splits.train.y[..., c][splits.train.target_mask[..., c]].astype(float).std() for c in range(C)]
        np.testing.assert_allclose(splits.target_std, expected, rtol=1e-6)

    def test_other_parts_and_unseen_cells_change_nothing(self):
        recordings = cohort()
        before = made(recordings)
        train = set(before.splits.train.group.tolist())
        others = made(changed(recordings, lambda r: r.values if r.group in train else r.values * 3 + 5))
        np.testing.assert_array_equal(others.splits.train.x, before.splits.train.x)
        np.testing.assert_array_equal(others.splits.train.y, before.splits.train.y)
        assert not np.allclose(others.splits.test.x, before.splits.test.x)
        for value in (1e9, np.inf, 0.0):
            hidden = made(changed(recordings, lambda r, v=value: np.where(r.observed, r.values, v)))
            for one, other in zip(arrays(hidden), arrays(before), strict=True):
                for a, b in zip(one, other, strict=True):
                    np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(hidden.futures.future, before.futures.future)

    def test_a_variable_that_no_training_stay_has_counts_as_never_measured(self):
        recordings = cohort()
        train = set(made(recordings).splits.train.group.tolist())
        without = [
            Recording(r.values, r.times, r.observed & ((np.arange(V) != 6) | (r.group not in train)), r.group)
            for r in recordings
        ]
        test = made(without).splits.test
        assert not test.target_mask[..., 6].any() and not test.x[..., 6].any() and (test.x[..., 2 * C + 6] == 1).all()

    def test_inputs_beyond_the_core_only_if_asked_for(self):
        core, context = made(), made(variables="context")
        assert core.splits.train.x.shape[2] == 3 * C and context.splits.train.x.shape[2] == 3 * V
        np.testing.assert_array_equal(context.splits.train.x[..., : 3 * C], core.splits.train.x)
        np.testing.assert_array_equal(context.splits.train.y, core.splits.train.y)


class TestPrepare:
    def test_asks_the_source_for_the_grid_and_keeps_its_other_options(self):
        for grid in ("hour", "event"):
            asked = []
            context = SourceContext(cache=Path(), options={"other": "kept"})
            source = source_of(cohort(event=grid == "event", hours=40), asked)
            CASE.prepare(source, context, settings(grid=grid), 4)
            assert [dict(one.options) for one in asked] == [{"other": "kept", "grid": grid, "sets": "a"}]

    def test_the_same_data_and_settings_have_one_hash_and_others_another(self):
        base = prepare().data_hash
        assert base == prepare().data_hash
        others = [prepare(seed=1), prepare(horizon=5), prepare(cohort(seed=1)), prepare(stride=2)]
        renamed = [Recording(r.values, r.times, r.observed, f"new {r.group}") for r in cohort()]
        others += [prepare(renamed), prepare(split_salt="x")]
        assert len({base, *(one.data_hash for one in others)}) == 7

    def test_seed_changes_neither_split_nor_windows(self):
        np.testing.assert_array_equal(prepare(seed=1).splits.test.x, prepare(seed=2).splits.test.x)

    def test_attrition_and_facts_are_counts(self):
        short = recording(np.random.default_rng(5), "short", hours=5)
        prepared = prepare([*cohort(), short])
        steps = {step.step: step for step in prepared.attrition}
        assert (steps["long enough stays"].recordings, steps["long enough stays"].groups) == (40, 20)
        assert steps["long enough stays"].rows == 40 * 24 and steps["windows"].rows == 40 * 15
        assert prepared.facts == {"stays": 40, "subjects": 20, "stay_hours": 40 * 24 + 5}

    def test_most_windows(self):
        splits = prepare(train_windows=50, test_windows=31).splits
        assert (len(splits.train), len(splits.validation), len(splits.test)) == (50, 31, 31)

    def test_elapsed_times_can_be_withheld(self):
        irregular = cohort(event=True, hours=40)
        given, withheld = prepare(irregular, grid="event"), prepare(irregular, grid="event", timespans="ones")
        assert given.splits.train.dt.max() > 1 > given.splits.train.dt.min()
        assert (withheld.splits.train.dt == 1).all() and (withheld.test_sets[0].make().dt == 1).all()
        np.testing.assert_array_equal(given.splits.train.x, withheld.splits.train.x)

    def test_no_window_is_kept_to_be_drawn(self):
        assert not prepare().example_windows

    def test_the_sample_is_small_and_complete(self):
        prepared = CASE.sample()
        assert 20 < len(prepared.splits.train) < 1000 and prepared.futures.future.shape[1] == 6
        assert len(prepared.test_sets) == 5


BAD = [
    ({"grid": "minute"}, "'data.grid' is 'minute'"),
    ({"variables": "all"}, "'data.variables' is 'all'"),
    ({"context": 0}, "'data.context' is 0"),
    ({"context": 501}, "'data.context' is 501"),
    ({"most_steps": 1}, "'data.most_steps' is 1"),
    ({"stride": 0}, "'data.stride' is 0"),
    ({"test_windows": 0}, "'data.test_windows' is 0"),
    ({"test_fraction": 0.0}, "'data.test_fraction' is 0.0"),
    ({"test_fraction": float("nan")}, "'data.test_fraction' is nan"),
    ({"test_fraction": 0.9}, "together with test_fraction 0.9 it leaves nothing to train on"),
    ({"test_fraction": 0.5, "validation_fraction": 0.5}, "it leaves nothing to train on"),
    ({"split_salt": "x" * 65}, "'data.split_salt'"),
    ({"noise_levels": [0.1, -0.1]}, "'data.noise_levels.1' is -0.1"),
    ({"noise_levels": [float("nan")]}, "'data.noise_levels.0' is nan"),
    ({"noise_levels": [float("inf")]}, "'data.noise_levels.0' is inf"),
    ({"noise_levels": [0.1, 0.1]}, "should name each level once"),
    ({"missing_levels": [1.0]}, "'data.missing_levels.0' is 1.0"),
    ({"missing_levels": [0.5, 0.5]}, "should name each level once"),
    ({"dark_hours": 25}, "'data.dark_hours' is 25"),
    ({"spike_rate": 1.5}, "'data.spike_rate' is 1.5"),
    ({"jitter_hours": 0}, "'data.jitter_hours' is 0"),
    ({"replicates": 1}, "'data.replicates' is 1"),
    ({"seed": -1}, "'data.seed' is -1"),
    ({"timespans": "none"}, "'data.timespans' is 'none'"),
    ({"contxt": 12}, "unknown recipe key 'data.contxt'"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD, ids=str)
def test_bad_settings_are_refused_in_one_sentence(changes, sentence):
    with pytest.raises(UsageError) as refused:
        parse(Mimic3Settings, {**FEW, **changes}, "data")
    assert sentence in refused.value.message and "\n" not in refused.value.message


def test_settings_tell_what_is_unusual():
    told = [settings(**c).conditions for c in ({}, {"grid": "event"}, {"grid": "event", "variables": "context"})]
    assert told == ["", "charted times", "charted times, context inputs"]
    assert settings(variables="context").conditions == "context inputs" and settings(seed=7).data_seed == 7
