"""The simulated Walker2d source: the physics, the rollouts and their random streams."""

import dataclasses
import importlib.util
import subprocess
import sys
import types

import gymnasium
import numpy as np
import pytest
from tiny_walkers import TINY, flat, same

from lnncmp.errors import DataError, UsageError
from lnncmp.sources.walker2d.observation import FRAME_SECONDS, OBSERVATION, VELOCITY_LIMIT
from lnncmp.sources.walker2d.simulated.manifest import array_digest, shipped_manifest, versions
from lnncmp.sources.walker2d.simulated.physics import build_model, model_digest
from lnncmp.sources.walker2d.simulated.recipe import POLICIES, Recipe
from lnncmp.sources.walker2d.simulated.rollouts import draw_noise, simulate
from lnncmp.sources.walker2d.simulated.simulator import (
    FRAME_SKIP,
    STATE_GRID,
    BatchSimulator,
    LoopSimulator,
    make_simulator,
)
from lnncmp.sources.walker2d.simulated.variants import RECIPES, STREAM, VARIANTS


def test_the_table_of_columns_is_complete():
    assert len(OBSERVATION) == 17
    assert len({name for name, _, _ in OBSERVATION}) == 17
    assert [unit for _, unit, _ in OBSERVATION] == ["m"] + ["rad"] * 7 + ["m/s"] * 2 + ["rad/s"] * 7


def test_the_order_of_the_columns_is_the_models():
    import mujoco

    model = build_model()
    joints = [mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, i) for i in range(model.njnt)]
    limbs = ["thigh_right", "leg_right", "foot_right", "thigh_left", "leg_left", "foot_left"]
    named = {"thigh_joint": "thigh_right", "leg_joint": "leg_right", "foot_joint": "foot_right"}
    assert [named.get(j, j.removesuffix("_joint")) for j in joints[3:]] == limbs
    assert [name for name, _, _ in OBSERVATION[2:8]] == limbs
    assert [name for name, _, _ in OBSERVATION[11:]] == [f"{limb}_velocity" for limb in limbs]


def test_a_small_part_has_the_expected_shape_and_range():
    rollouts = flat(simulate(TINY))
    assert [r.shape for r in rollouts] == [(50, 17)] * 6
    assert all(r.dtype == np.float64 and np.all(np.isfinite(r)) for r in rollouts)
    first = np.stack([r[0] for r in rollouts])
    assert np.all(np.abs(first - np.array([1.25] + [0.0] * 16)) <= 0.005 + 1e-12)
    assert np.abs(np.concatenate(rollouts)[:, 8:]).max() <= VELOCITY_LIMIT
    assert len({r.tobytes() for r in rollouts}) == 6


def test_any_part_is_a_part_of_the_whole_bit_for_bit():
    whole = simulate(dataclasses.replace(TINY, rollouts=5, frames=80))
    part = simulate(TINY)
    assert same(flat(part), [r[:50] for rollouts in whole for r in rollouts[:3]])
    later = simulate(dataclasses.replace(TINY, rollouts=2, frames=80), first=3)
    assert same(flat(later), [r for rollouts in whole for r in rollouts[3:]])
    one_policy = simulate(dataclasses.replace(TINY, policies=POLICIES[:1]))
    assert same(one_policy[0], part[0])


def count_unlike_the_shipped(rollouts_per_policy):
    shipped = shipped_manifest()
    if versions()["mujoco"] != shipped.made_with["mujoco"]:
        pytest.skip("another version of MuJoCo than that of the manifest")
    by_policy = simulate(Recipe(rollouts=rollouts_per_policy))
    return sum(
        shipped.rollouts[f"policy{index}-rollout{number:03d}"] != (len(values), array_digest(values)[:16])
        for index, rollouts in enumerate(by_policy)
        for number, values in enumerate(rollouts)
    )


def test_rollouts_have_the_shipped_digests():
    assert count_unlike_the_shipped(3) == 0


@pytest.mark.slow
def test_all_rollouts_have_the_shipped_digests():
    assert count_unlike_the_shipped(100) == 0


def test_batch_loop_and_threads_give_the_same_bits():
    pytest.importorskip("mujoco.batch")
    recipe = dataclasses.replace(TINY, frames=150)
    expected = flat(simulate(recipe, make=BatchSimulator))
    assert same(flat(simulate(recipe, make=lambda model, count, threads: LoopSimulator(model, count))), expected)
    assert same(flat(simulate(recipe, threads=3)), expected)


def test_an_older_mujoco_gets_the_loop(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco.batch", None)
    assert isinstance(make_simulator(build_model(), 2), LoopSimulator)


def test_one_frame_equals_gymnasiums_environment(monkeypatch):
    # gymnasium's MuJoCo environments import two packages that only rendering needs
    for package in ("glfw", "imageio"):
        if importlib.util.find_spec(package) is None:
            monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
    environment = gymnasium.make("Walker2d-v5").unwrapped
    model = build_model()
    assert model.opt.timestep * FRAME_SKIP == pytest.approx(FRAME_SECONDS) == environment.dt
    simulator = make_simulator(model, 1)
    stream = np.random.default_rng(2)
    environment.reset(seed=0)
    fell = 0
    for _ in range(40):
        position = environment.init_qpos + stream.uniform(-0.3, 0.3, 9)
        position[2] *= 5
        velocity = stream.uniform(-3, 3, 9)
        action = np.rint(stream.uniform(-1, 1, 6) * 4096) / 4096
        environment.set_state(position, velocity)
        observed, _, terminated, _, _ = environment.step(action)
        only = np.array([0])
        simulator.reset(only, position[None], velocity[None])
        simulator.step(only, action[None])
        # half a grid step, and a few last bits of the observed speeds
        np.testing.assert_allclose(simulator.observe(only)[0], observed, atol=0.6 / STATE_GRID)
        assert simulator.upright(only)[0] == (not terminated)
        fell += terminated
    assert 0 < fell < 40
    environment.close()


def test_the_frame_of_a_fall_is_not_recorded():
    rollouts = simulate(Recipe(policies=POLICIES[:1], rollouts=9))[0]
    assert {len(r) for r in rollouts} >= {1000}
    assert min(len(r) for r in rollouts) < 1000
    for rollout in rollouts:
        assert np.all((rollout[:, 0] > 0.8) & (rollout[:, 0] < 2.0) & (np.abs(rollout[:, 1]) < 1.0))


def test_noise_is_drawn_in_the_stated_order():
    stream = np.random.Generator(np.random.PCG64(np.random.SeedSequence([7, 1, 2])))
    noise = draw_noise([7, 1, 2], 0.3, 1)
    assert np.array_equal(noise.position, stream.uniform(-0.005, 0.005, 9))
    assert np.array_equal(noise.velocity, stream.uniform(-0.005, 0.005, 9))
    begins, actions = stream.random(1000) < 0.3, stream.uniform(-1, 1, (1000, 6))
    assert np.array_equal(noise.random, begins)
    assert np.array_equal(noise.action[begins], actions[begins])


def test_a_held_action_lasts_until_its_end_or_the_next_one():
    begins, noise = draw_noise([3], 0.02, 1).random, draw_noise([3], 0.02, 5)
    plain = draw_noise([3], 0.02, 1)
    for step in range(1000):
        recent = [s for s in range(max(0, step - 4), step + 1) if begins[s]]
        assert noise.random[step] == bool(recent)
        if recent:
            assert np.array_equal(noise.action[step], plain.action[recent[-1]])


def test_variants_and_data_set_share_no_stream():
    recipe = Recipe()
    for name in VARIANTS:
        words = RECIPES[name].words(0, 0)
        assert words == [0, 0, 0, STREAM] and STREAM != 0
    assert not np.array_equal(draw_noise(recipe.words(0, 0), 0.1, 1).action, draw_noise(words, 0.1, 1).action)


def test_recipes_out_of_range_are_refused():
    for changes in (
        {"policies": ()},
        {"rollouts": 0},
        {"frames": 0},
        {"frames": 1001},
        {"seed": -1},
        {"hold": 0},
        {"random_share": 1.5},
    ):
        with pytest.raises(UsageError, match="got"):
            Recipe(**changes)


def test_importing_the_source_loads_nothing_heavy():
    code = (
        "import sys; import lnncmp.sources.walker2d.simulated, lnncmp.sources.walker2d.policy_training.stages\n"
        "heavy = {'torch', 'mujoco', 'gymnasium', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_model_file_is_explained(monkeypatch, tmp_path):
    class Spec:
        origin = str(tmp_path / "gymnasium" / "__init__.py")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: Spec if name == "gymnasium" else None)
    with pytest.raises(DataError, match=r"walker2d_v5\.xml cannot be read"):
        model_digest()
