"""Free-running errors in a few numbers: at the horizon, over it, against persistence; for every case that has one."""

import math

import numpy as np
import pytest

from lnncmp.baselines import Persistence
from lnncmp.cases.base import case_names, load_case
from lnncmp.evaluation.evaluate import score
from lnncmp.records.horizon_metrics import horizon_metrics, horizon_values


class Knows:
    """Knows what comes, but for an error one step ahead and one when predictions are fed back."""

    def __init__(self, splits, one_step, free):
        self.scale, self.one_step, self.free = splits.target_std / splits.target_scaler.std, one_step, free

    def predict(self, windows):
        return windows.y + np.float32(self.one_step * self.scale)

    def roll_out(self, futures):
        return futures.future + np.float32(self.free * self.scale)


class TestValues:
    def test_known_answers(self):
        found = horizon_values([0.1, 0.2, 0.6], [0.2, 0.8, 1.2], (1, 3, 9))
        assert found == pytest.approx(
            {"horizon_nmse": 0.6, "horizon_area": 0.3, "horizon_skill": 1.75 / 3, "skill_1": 0.5, "skill_3": 0.5}
        )

    def test_persistence_has_no_skill_over_itself(self):
        assert horizon_values([0.3, 0.4], [0.3, 0.4], (1,))["horizon_skill"] == 0

    def test_hours_without_a_target_do_not_count(self):
        found = horizon_values([0.1, math.nan, 0.3], [0.2, math.nan, 0.4], (2,))
        assert found == pytest.approx({"horizon_nmse": 0.3, "horizon_area": 0.2, "horizon_skill": 0.375})
        assert horizon_values([0.1, math.nan], [0.2, math.nan]) == pytest.approx(
            {"horizon_area": 0.1, "horizon_skill": 0.5}
        )
        assert horizon_values([], []) == horizon_values([math.nan], [math.nan]) == {}

    def test_where_persistence_makes_no_error_there_is_no_skill(self):
        assert set(horizon_values([0.1], [0.0], (1,))) == {"horizon_nmse", "horizon_area"}

    def test_predictions_that_left_the_finite_range_are_the_worst(self):
        found = horizon_values([0.1, math.inf], [0.2, 0.4], (2,))
        assert found["horizon_nmse"] == found["horizon_area"] == math.inf
        assert found["horizon_skill"] == found["skill_2"] == -math.inf

    def test_a_bad_first_step_is_no_merit(self):
        """Growth from the first step to the last is 1.263 against 1.290: the worse model seems to accumulate less."""
        ends = ((0.853 / 1.263, 0.853), (0.804 / 1.290, 0.804))
        worse, better = (np.linspace(*both, 12) ** 2 for both in ends)
        assert worse[-1] / worse[0] < better[-1] / better[0]
        worse, better = (horizon_values(curve, [0.9] * 12) for curve in (worse, better))
        assert all(worse[name] > better[name] for name in ("horizon_nmse", "horizon_area"))
        assert worse["horizon_skill"] < better["horizon_skill"]


@pytest.mark.parametrize("name", [name for name in case_names() if load_case(name).horizons])
class TestEveryCase:
    def test_has_them(self, name):
        case = load_case(name)
        declared = {metric.name: metric for metric in case.metrics}
        wanted = horizon_metrics(case.horizons)
        assert {metric.name for metric in wanted} <= set(declared) and len(wanted) == 3 + len(case.horizons)
        assert {m.name for m in wanted if m.better == "higher"} == {m.name for m in wanted if "skill" in m.name}

    def test_scores_them_and_baselines_too(self, name):
        case, prepared = load_case(name), load_case(name).sample()
        steps = [step for step in case.horizons if step <= prepared.futures.future.shape[1]]
        expected = {metric.name for metric in horizon_metrics(steps)}
        for predictor in prepared.baselines().values():
            assert expected <= set(score(predictor, prepared, case).metrics["test"])
        own = score(Persistence(len(case.targets)), prepared, case)
        assert own.metrics["test"]["horizon_skill"] == 0
        curve = [point.scaled for point in own.horizons]
        assert own.metrics["test"]["horizon_area"] == pytest.approx(np.mean(curve))
        assert own.metrics["test"]["horizon_nmse"] == curve[-1]

    def test_a_worse_first_step_does_not_help(self, name):
        case, prepared = load_case(name), load_case(name).sample()
        bad, good = (score(Knows(prepared.splits, *errors), prepared, case) for errors in ((0.9, 1.0), (0.1, 0.5)))
        bad, good = bad.metrics["test"], good.metrics["test"]
        assert bad["horizon_nmse"] == pytest.approx(1, rel=1e-3) and good["horizon_area"] == pytest.approx(
            0.25, rel=1e-3
        )
        assert bad["horizon_skill"] < good["horizon_skill"]
        if "accumulation_ratio" in good:
            assert bad["accumulation_ratio"] < good["accumulation_ratio"]
