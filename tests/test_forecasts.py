"""Forecasts that records keep: which are kept, that none is of a patient, and how they are drawn."""

import json
import math
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
from figure_records import run, scores, write
from icu_studies import CASE as ICU
from icu_studies import Knows, cohort, settings, source_of

from lnncmp.baselines import Persistence
from lnncmp.cases.base import load_case, load_source
from lnncmp.comparison.studies import load_studies
from lnncmp.errors import LnncmpError
from lnncmp.evaluation.evaluate import forecast, score
from lnncmp.records.drawn import Forecast
from lnncmp.records.schema import Scores
from lnncmp.report.build import pictures as build
from lnncmp.report.build.forecasts import windows
from lnncmp.report.figures import style
from lnncmp.sources.base import SourceContext
from lnncmp.sources.walker2d.observation import OBSERVATION
from lnncmp.sources.walker2d.skeleton import POSITIONS, limbs

WALKER = load_case("walker2d")
STANDING = [1.25, *[0.0] * 7]


class TestSkeleton:
    def test_is_that_of_the_simulated_body(self):
        import gymnasium

        path = Path(gymnasium.__file__).parent / "envs/mujoco/assets/walker2d_v5.xml"
        model = mujoco.MjModel.from_xml_path(str(path))
        data = mujoco.MjData(model)
        data.qpos[:] = [0.0, 1.2, *np.random.default_rng(0).uniform(-1, 1, 7)]
        mujoco.mj_kinematics(model, data)
        found = limbs(data.qpos[1:].tolist())
        for side, leg in (("", "right leg"), ("_left", "left leg")):
            joints = [data.joint(f"{name}{side}_joint").xanchor[[0, 2]] for name in ("thigh", "leg", "foot")]
            assert np.allclose(found[leg][:3], joints)
            assert np.allclose(np.mean(found[leg][2:], axis=0), data.geom(f"foot{side}_geom").xpos[[0, 2]])
        assert np.allclose(np.mean(found["torso"], axis=0), data.body("torso").xpos[[0, 2]])

    def test_a_pitch_forwards_moves_the_top_forwards(self):
        leaning = limbs([1.25, 0.3, *[0.0] * 6])["torso"]
        assert leaning[0][0] > 0 > leaning[1][0]
        assert limbs(STANDING)["right leg"][-1] == pytest.approx((0.2, 0.1))


class TestKept:
    def test_of_walkers_the_positions_of_a_few_steps(self):
        prepared = WALKER.sample()
        (one,) = prepared.example_futures
        kept = forecast(Persistence(17), one, prepared, WALKER.step_unit)
        assert kept.names == list(POSITIONS) == [name for name, _, _ in OBSERVATION[:8]]
        assert kept.times == [1, 5, 10, 25, 50] and kept.before == []
        futures, row = prepared.futures, len(prepared.futures.future) // 2
        unscale = prepared.splits.target_scaler.unscale
        assert np.allclose(kept.truth, unscale(futures.future[row])[[0, 4, 9, 24, 49], :8])
        assert np.allclose(kept.predicted, np.tile(unscale(futures.context.x[row, -1])[:8], (5, 1)))
        assert len(json.dumps(kept.model_dump())) < 4000

    def test_of_a_short_horizon_the_steps_that_it_has(self):
        prepared = WALKER.sample()
        short = replace(prepared.futures, future=prepared.futures.future[:, :7], dt=prepared.futures.dt[:, :7])
        from lnncmp.cases.walker2d import _postures

        assert _postures(short)[0].steps == [1, 5] and _postures(None) == []

    @pytest.mark.parametrize("invented", [False, True])
    def test_of_stays_only_where_they_are_invented(self, invented):
        source = replace(source_of(cohort()), invented=invented)
        prepared = ICU.prepare(source, SourceContext(cache=Path()), settings(), 4)
        assert len(score(Knows(), prepared, ICU).forecasts) == len(prepared.example_futures) == invented

    def test_only_the_simulated_stays_are_invented(self):
        found = {name: load_source(ICU, name).invented for name in ICU.sources}
        assert [name for name, invented in found.items() if invented] == ["synthetic"] and len(found) == 6
        assert not any(load_source(case, name).invented for case in [load_case("mortality")] for name in case.sources)

    def test_of_an_invented_stay_what_was_measured_in_clinical_units(self):
        recordings = cohort()
        source = replace(source_of(recordings), invented=True)
        prepared = ICU.prepare(source, SourceContext(cache=Path()), settings(), 4)
        kept = forecast(Knows(), prepared.example_futures[0], prepared, "hour")
        assert kept.times == [1, 2, 3, 4] and kept.before_times == [-5, -4, -3, -2, -1, 0]
        assert kept.units[:2] == ["bpm", "mmHg"]
        course = np.array([*kept.before, *kept.truth])
        whole = [r.values[s : s + 10, :7] for r in recordings for s in range(len(r.values) - 9)]
        assert any(np.allclose(course, part, equal_nan=True, rtol=1e-4) for part in whole)
        assert np.isnan(course).any() and np.isfinite(kept.predicted).all()
        known = ~np.isnan(kept.truth)
        assert np.allclose(np.array(kept.predicted)[known], np.array(kept.truth)[known])

    def test_survives_a_record_with_gaps(self):
        kept = Forecast(
            name="a", time_unit="h", names=["x"], units=["1"], times=[1], truth=[[math.nan]], predicted=[[1]]
        )
        whole = Scores(metrics={"test": {"mse": 1.0}}, forecasts=[kept])
        again = Scores.model_validate_json(whole.model_dump_json())
        assert math.isnan(again.forecasts[0].truth[0][0]) and again.forecasts[0].predicted == [[1]]


@pytest.mark.parametrize(
    "changes", [{"predicted": [[1.0]]}, {"truth": []}, {"units": ["m"]}, {"before": [STANDING]}, {"times": []}]
)
def test_a_forecast_that_is_not_rectangular_is_refused(changes):
    with pytest.raises(ValueError, match="one list for each time"):
        walk(0.1, **changes)


def walk(shift, times=(1, 10), **changes):
    """A forecast of two standing postures, each too high by `shift` metres."""
    high = [STANDING[0] + shift, *STANDING[1:]]
    fields = {
        "name": "gait",
        "time_unit": "frame",
        "names": list(POSITIONS),
        "units": ["m", *["rad"] * 7],
        "times": list(times),
        "truth": [STANDING] * len(times),
        "predicted": [high] * len(times),
    }
    return Forecast(**{**fields, **changes})


def study_of(folder, **forecasts):
    """A study of gru, cfc and ltc, two seeds each, with these forecasts; by default each off by its own test error."""
    runs = []
    for model, shift in (("gru", 0.02), ("cfc", 0.03), ("ltc", 0.05)):
        for seed in range(2):
            kept = forecasts.get(model, walk(shift * (1 + seed)))
            runs.append(run(model, seed, scores=scores(shift, forecasts=[kept] if kept else [])))
    (study,) = load_studies(write(folder, runs, ()))
    return study


def pictures_of(study):
    drawn = build.picture_set(study, style.model_looks(list(study.runs)))
    return {picture.name: picture for picture in build.pictures(drawn) if picture.kind == "forecast"}


class TestPictures:
    def test_show_the_postures_of_every_seed_before_the_truth(self, tmp_path):
        (picture,) = pictures_of(study_of(tmp_path)).values()
        figure = picture.draw()
        assert len(figure.axes) == (1 + 3) * 2 and picture.name == "forecast-gait"
        truth, ltc = figure.axes[0], figure.axes[2]
        assert ltc.get_ylabel() == "ltc\n2 seeds" and [text.get_text() for text in ltc.texts] == ["0.075"]
        torso = limbs(STANDING)["torso"]
        assert np.allclose(truth.lines[0].get_xydata(), torso)
        behind, drawn = ltc.lines[:3], ltc.lines[3:9]
        assert {line.get_color() for line in behind} == {style.TRUTH} and np.allclose(behind[0].get_xydata(), torso)
        assert [line.get_ydata()[0] - torso[0][1] for line in drawn[::3]] == pytest.approx([0.05, 0.1])
        assert "ltc 0.075, 0.075" in picture.alt

    def test_leave_out_who_kept_none_and_postures_that_are_not_finite(self, tmp_path):
        lost = walk(0, predicted=[[math.nan] * 8, [1e30] * 8])
        (picture,) = pictures_of(study_of(tmp_path, ltc=None, cfc=lost)).values()
        figure = picture.draw()
        assert len(figure.axes) == (1 + 2) * 2 and len(figure.axes[2].lines) == 3 + 1
        assert figure.axes[2].texts[0].get_text() == "inf" and figure.axes[3].get_ylim()[1] < 2

    def test_are_curves_where_the_case_draws_nothing_of_its_own(self, tmp_path, monkeypatch):
        before = {"before_times": [-1, 0], "before": [STANDING, [math.nan] * 8]}
        monkeypatch.setattr(build, "load_case", lambda name: replace(load_case(name), outline=None))
        each = {model: walk(0.1, **before) for model in ("gru", "cfc", "ltc")}
        (picture,) = pictures_of(study_of(tmp_path, **each)).values()
        panels = picture.draw().axes
        assert [panel.get_title() for panel in panels[:2]] == ["height (m)", "pitch (rad)"] and len(panels) == 8
        measured, _, *forecasts = panels[0].lines
        assert measured.get_xdata().tolist() == [-1, 0, 1, 10]
        assert np.array_equal(measured.get_ydata(), [1.25, np.nan, 1.25, 1.25], equal_nan=True)
        assert len(forecasts) == 3 and forecasts[0].get_ydata().tolist() == [1.35, 1.35]
        assert "height (m) 1.25, forecast ltc 1.35" in picture.alt

    def test_are_of_the_reference_the_best_of_each_kind_and_at_most_five(self, tmp_path, monkeypatch):
        from lnncmp.report.build import forecasts

        study = study_of(tmp_path)
        monkeypatch.setattr(forecasts, "MOST", 2)
        (window,) = windows(study)
        assert list(window.predicted) == ["ltc", "cfc"], "the reference, and the best liquid one"
        assert window.predicted["cfc"].shape == (2, 2, 8)

    def test_refuse_windows_that_differ(self, tmp_path):
        study = study_of(tmp_path, cfc=walk(0.1, truth=[STANDING, [2.0, *STANDING[1:]]]))
        with pytest.raises(LnncmpError, match="must show the same window 'gait', those of"):
            list(windows(study))

    def test_refuse_columns_that_the_case_does_not_draw(self, tmp_path):
        other = walk(0.1, names=["height"], units=["m"], truth=[[1.2]] * 2, predicted=[[1.2]] * 2)
        study = study_of(tmp_path, gru=other, cfc=other, ltc=other)
        with pytest.raises(LnncmpError, match="'gait' of these records holds height, which are"):
            pictures_of(study)

    def test_are_none_in_records_without_forecasts(self, tmp_path):
        assert not pictures_of(study_of(tmp_path, ltc=None, cfc=None, gru=None))
