"""The walking policies: reading, checking, acting, and training them."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from lnncmp.errors import DataError, UsageError
from lnncmp.sources.walker2d.simulated.policies import (
    SHAPES,
    Controller,
    Policy,
    load_policy,
    save_policy,
    shipped_policy,
)
from lnncmp.sources.walker2d.simulated.recipe import OTHER_POLICIES, POLICIES, Recipe

ALL = (*POLICIES, *OTHER_POLICIES)


def shared_policies() -> Path:
    root = os.environ.get("LNNCMP_SHARED_DATA", str(Path(__file__).parents[1].parent / "shared" / "data"))
    folder = Path(root) / "walker2d-policies"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}")
    return folder


def observations(count: int) -> np.ndarray:
    return np.random.default_rng(5).normal(0.0, 2.0, (count, 17))


@pytest.mark.parametrize("name", ALL)
def test_shipped_policies_load_and_act_within_the_motors_limits(name):
    policy = shipped_policy(name)
    assert policy.name == name
    actions = Controller(policy).act(observations(50))
    assert actions.shape == (50, 6) and actions.dtype == np.float64
    assert np.abs(actions).max() <= 1.0
    assert np.ptp(actions, axis=0).min() > 0.1


@pytest.mark.parametrize("name", ALL)
def test_an_action_equals_the_policys_equation(name):
    arrays = {key: value.astype(np.float64) for key, value in shipped_policy(name).arrays.items()}
    seen = observations(3)
    for row, action in zip(seen, Controller(shipped_policy(name)).act(seen), strict=True):
        h = np.clip((row - arrays["mu"]) / arrays["sd"], -10, 10)
        h = np.tanh(arrays["w0"] @ h + arrays["b0"])
        h = np.tanh(arrays["w1"] @ h + arrays["b1"])
        np.testing.assert_allclose(action, np.clip(arrays["w2"] @ h + arrays["b2"], -1, 1), atol=1e-12)


def test_actions_do_not_depend_on_the_batch_bit_for_bit():
    controller = Controller(shipped_policy(POLICIES[0]))
    seen = observations(64)
    together = controller.act(seen)
    alone = np.concatenate([controller.act(seen[i : i + 1]) for i in range(64)])
    assert np.array_equal(together, alone)


@pytest.mark.data
@pytest.mark.parametrize("name", ALL)
def test_shipped_policies_are_the_original_ones(name):
    assert shipped_policy(name).digest() == load_policy(shared_policies() / f"{name}.npz").digest()


def test_saving_and_loading_gives_the_same_policy(tmp_path):
    policy = shipped_policy(POLICIES[1])
    save_policy(tmp_path / "again.npz", policy)
    again = load_policy(tmp_path / "again.npz")
    assert again.digest() == policy.digest()
    assert all(np.array_equal(again.arrays[key], policy.arrays[key]) for key in SHAPES)


def test_the_digest_sees_every_weight_and_ignores_the_exploration():
    policy = shipped_policy(POLICIES[0])
    for key in SHAPES:
        changed = policy.arrays[key].copy()
        changed.flat[-1] += 0.5
        differs = Policy("changed", policy.arrays | {key: changed}).digest() != policy.digest()
        assert differs == (key != "std")


def _write(path: Path, **arrays) -> Path:
    np.savez(path, **arrays)
    return path


def test_unfit_policy_files_are_refused_with_one_sentence(tmp_path):
    good = shipped_policy(POLICIES[0]).arrays
    missing = {key: value for key, value in good.items() if key != "w1"}
    with_nan = good | {"b1": np.full(32, np.nan, np.float32)}
    cases = {
        "missing": (missing, "must have the arrays"),
        "surplus": (good | {"more": good["mu"]}, "must have the arrays"),
        "shape": (good | {"w2": good["w2"].T.copy()}, "array w2 must be float32"),
        "type": (good | {"mu": good["mu"].astype(np.float64)}, "array mu must be float32"),
        "nan": (with_nan, "array b1 has values that are not finite"),
        "scale": (good | {"sd": -good["sd"]}, "array sd must be positive"),
        "pickle": (good | {"mu": np.array([{}], dtype=object)}, "is not a readable policy file"),
    }
    for name, (arrays, sentence) in cases.items():
        with pytest.raises(DataError, match=sentence) as caught:
            load_policy(_write(tmp_path / f"{name}.npz", **arrays))
        assert "train-policies" in caught.value.hint


def test_files_that_are_no_archive_are_refused(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    contents = {"text": b"not an archive", "empty": b"", "zip": b"PK\x03\x04 broken", "array": buffer.getvalue()}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="not a readable policy file"):
            load_policy(tmp_path / name)
    (tmp_path / "large").write_bytes(bytes(2_000_000))
    with pytest.raises(DataError, match="too large"):
        load_policy(tmp_path / "large")
    with pytest.raises(DataError, match="is missing"):
        load_policy(tmp_path / "nothing.npz")


def test_advantages_equal_the_sum_of_discounted_errors():
    from lnncmp.sources.walker2d.policy_training.ppo import advantages

    stream = np.random.default_rng(0)
    rewards, values = stream.normal(size=(6, 2)), stream.normal(size=(7, 2))
    ended = np.zeros((6, 2))
    ended[2, 0] = 1
    got = advantages(rewards, ended, values, 0.9, 0.8)
    for walker in range(2):
        for t in range(6):
            expected, weight = 0.0, 1.0
            for k in range(t, 6):
                going_on = 1 - ended[k, walker]
                error = rewards[k, walker] + 0.9 * values[k + 1, walker] * going_on - values[k, walker]
                expected += weight * error
                weight *= 0.9 * 0.8 * going_on
            assert got[t, walker] == pytest.approx(expected)


def test_running_moments_equal_those_of_all_rows():
    from lnncmp.sources.walker2d.policy_training.ppo import RunningMoments

    rows = np.random.default_rng(1).normal(3.0, 2.0, (500, 4))
    moments = RunningMoments((4,))
    for part in np.split(rows, 10):
        moments.add(part)
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(moments.variance, rows.var(0), rtol=1e-5)


def test_rewards_follow_their_formulas():
    from lnncmp.sources.walker2d.policy_training.task import Reward

    speed, rise = np.array([5.0, 1.0]), np.array([-2.0, 1.0])
    upright, actions = np.array([True, False]), np.full((2, 6), 0.5)
    np.testing.assert_allclose(Reward().of(speed, upright, actions, rise), [5 + 1 - 0.0015, 1 - 0.0015])
    np.testing.assert_allclose(Reward(hop=0.5).of(speed, upright, actions, rise), [3 + 1 + 1.0, 1 + 0.5])


def test_walkers_start_anew_after_a_fall():
    from lnncmp.sources.walker2d.policy_training.task import Reward, Walk

    walk = Walk(4, Reward(), np.random.default_rng(0))
    stream = np.random.default_rng(1)
    fell = 0
    for _ in range(300):
        frame = walk.step(stream.uniform(-1, 1, (4, 6)))
        fell += int(frame.fell.sum())
        height = walk.observe()[:, 0]
        assert np.all((height > 0.8) & (height < 2.0))
        assert np.all(np.abs(walk.observe()[frame.fell, 1]) < 0.1)
    assert fell > 0 and len(walk.finished) == fell
    assert all(1 <= frames <= 300 for _, frames in walk.finished)


def test_a_tiny_training_writes_six_usable_policies_and_repeats_itself(tmp_path):
    import torch

    from lnncmp.sources.walker2d.policy_training.ppo import Learner, PPOSettings
    from lnncmp.sources.walker2d.policy_training.stages import train_policies
    from lnncmp.sources.walker2d.simulated.rollouts import simulate

    settings = PPOSettings(envs=4, horizon=32, epochs=2, minibatch=64)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    reports = []
    paths = train_policies(
        tmp_path / "a", seed=3, scale=0.001, settings=settings, progress=lambda *report: reports.append(report)
    )
    assert torch.equal(torch.random.get_rng_state(), state) and torch.get_num_threads() == threads
    assert [path.stem for path in paths] == list(ALL)
    assert reports[-1][1] == reports[-1][2] and [r[1] for r in reports] == sorted(r[1] for r in reports)
    policies = [load_policy(path) for path in paths]
    assert len({policy.digest() for policy in policies}) == len(ALL)
    pending = Learner(settings, 3 * 3).policy("untrained")
    for policy in policies:
        for key in ("w0", "b0", "w1", "b1", "w2", "b2", "mu", "sd"):
            assert not np.array_equal(policy.arrays[key], pending.arrays[key])
    recipe = Recipe(policies=ALL, rollouts=1, frames=20)
    assert all(len(rollouts[0]) > 1 for rollouts in simulate(recipe, policies))
    told = json.loads((tmp_path / "a" / "training.json").read_text())
    assert told["seed"] == 3 and set(ALL) < set(told["policies"])

    again = train_policies(tmp_path / "b", seed=3, scale=0.001, settings=settings)
    assert [load_policy(path).digest() for path in again] == [policy.digest() for policy in policies]
    other = train_policies(tmp_path / "c", seed=4, scale=0.001, settings=settings)
    assert load_policy(other[0]).digest() != policies[0].digest()


def test_training_refuses_an_unfit_budget_and_a_folder_with_policies(tmp_path):
    from lnncmp.sources.walker2d.policy_training.stages import train_policies

    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="must be positive"):
            train_policies(tmp_path / "new", scale=scale)
    assert not (tmp_path / "new").exists()
    save_policy(tmp_path / f"{POLICIES[2]}.npz", shipped_policy(POLICIES[2]))
    with pytest.raises(UsageError, match=f"already has policies: {POLICIES[2]}"):
        train_policies(tmp_path)


def test_marks_keep_their_order_at_any_budget():
    from lnncmp.sources.walker2d.policy_training.stages import STAGES, scaled_marks

    for stage in STAGES:
        assert scaled_marks(stage, 1.0) == {update: name for name, update in stage.marks}
        for factor in (0.001, 0.02, 0.3, 2.0):
            marks = scaled_marks(stage, factor)
            assert list(marks.values()) == [name for name, _ in stage.marks]
            assert list(marks) == sorted(marks) and min(marks) >= 1


def test_ppo_teaches_the_walkers_to_stay_upright_and_move():
    from lnncmp.sources.walker2d.policy_training.ppo import Learner, PPOSettings
    from lnncmp.sources.walker2d.policy_training.stages import one_thread
    from lnncmp.sources.walker2d.policy_training.task import Reward, Walk

    learner = Learner(PPOSettings(), 0)
    walk = Walk(32, Reward(), np.random.default_rng(0))
    with one_thread():
        for _ in range(8):
            learner.update(learner.collect(walk), 5e-4)
    returns = np.array([total for total, _ in walk.finished])
    # untrained walkers earn about 2, these more than 100
    assert returns[:50].mean() < 10
    assert returns[-50:].mean() > 40
