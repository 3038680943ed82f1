"""The simulated Walker2d source: the physics, the random streams, the cache and the variants."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
import types
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from lnncmp.errors import DataError, UsageError
from lnncmp.sources import walker2d_simulated as source
from lnncmp.sources.base import SourceContext
from lnncmp.sources.walker2d_observation import FRAME_SECONDS, OBSERVATION, VELOCITY_LIMIT
from lnncmp.sources.walker2d_simulated import store
from lnncmp.sources.walker2d_simulated.manifest import difference, shipped_manifest, versions
from lnncmp.sources.walker2d_simulated.physics import build_model, model_digest
from lnncmp.sources.walker2d_simulated.policies import shipped_policy
from lnncmp.sources.walker2d_simulated.recipe import POLICIES, VERSION, Physics, Recipe, recipe_key
from lnncmp.sources.walker2d_simulated.rollouts import draw_noise, simulate
from lnncmp.sources.walker2d_simulated.simulator import (
    FRAME_SKIP,
    STATE_GRID,
    BatchSimulator,
    LoopSimulator,
    make_simulator,
)
from lnncmp.sources.walker2d_simulated.variants import RECIPES, STREAM, VARIANTS, simulate_variant

TINY = Recipe(policies=POLICIES[:2], rollouts=3, frames=50)


def same(first, second) -> bool:
    return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def flat(by_policy):
    return [rollout for rollouts in by_policy for rollout in rollouts]


def context(tmp_path, **changes):
    warnings: list[str] = []
    return SourceContext(cache=tmp_path, warn=warnings.append, **changes), warnings


# Recordings


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


def test_rollouts_have_the_shipped_digests():
    shipped = shipped_manifest()
    if versions()["mujoco"] != shipped.made_with["mujoco"]:
        pytest.skip("another version of MuJoCo than that of the manifest")
    from lnncmp.sources.walker2d_simulated.manifest import array_digest

    for index, rollouts in enumerate(simulate(Recipe(rollouts=3))):
        for number, values in enumerate(rollouts):
            assert shipped.rollouts[f"policy{index}-rollout{number:03d}"] == (
                len(values),
                array_digest(values)[:16],
            )


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


# Random actions


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


# The cache


@pytest.fixture
def tiny(monkeypatch):
    """Let the source make a small set, and count how often it simulates."""
    calls: list[Recipe] = []

    def counted(recipe, **options):
        calls.append(recipe)
        return simulate(recipe, **options)

    monkeypatch.setattr(source, "RECIPE", TINY)
    monkeypatch.setattr(source, "simulate", counted)
    return calls


def test_recordings_are_made_once_and_then_read(tmp_path, tiny):
    reports = []
    ctx, _ = context(tmp_path, progress=lambda *report: reports.append(report))
    first = source.SOURCE.load(ctx)
    assert [r.group for r in first] == [f"policy{p}-rollout{n:03d}" for p in range(2) for n in range(3)]
    assert same([r.values for r in first], flat(simulate(TINY)))
    assert all(r.seen.all() and np.array_equal(r.times, np.arange(50.0)) for r in first)
    assert reports and all(r[0] == "Simulating Walker2d" for r in reports) and reports[-1][1] == reports[-1][2]
    second = source.SOURCE.load(ctx)
    assert len(tiny) == 1
    assert same([r.values for r in second], [r.values for r in first])
    folder = source.SOURCE.fetch(ctx)
    assert folder.parent == tmp_path and sorted(p.name for p in folder.iterdir()) == ["manifest.json", "rollouts.npy"]


def _flip_a_bit(folder: Path) -> None:
    path = folder / store.VALUES
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def _cut_values(folder: Path) -> None:
    path = folder / store.VALUES
    path.write_bytes(path.read_bytes()[:-100])


def _pickle_values(folder: Path) -> None:
    np.save(folder / store.VALUES, np.array([{}], dtype=object))


def _drop_a_rollout(folder: Path) -> None:
    path = folder / store.MANIFEST
    told = json.loads(path.read_text())
    told["rollouts"].popitem()
    path.write_text(json.dumps(told))


def _cut_manifest(folder: Path) -> None:
    path = folder / store.MANIFEST
    path.write_text(path.read_text()[:200])


def _other_key(folder: Path) -> None:
    path = folder / store.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"key": "0" * 16}))


DAMAGES = (_flip_a_bit, _cut_values, _pickle_values, _drop_a_rollout, _cut_manifest, _other_key)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__.strip("_"))
def test_a_damaged_cache_is_made_again_with_a_warning(tmp_path, tiny, damage):
    ctx, warnings = context(tmp_path)
    expected = [r.values for r in source.SOURCE.load(ctx)]
    damage(source.SOURCE.fetch(ctx))
    warnings.clear()
    assert same([r.values for r in source.SOURCE.load(ctx)], expected)
    assert len(tiny) == 2
    assert "damaged and are made again" in warnings[0]
    warnings.clear()
    source.SOURCE.load(ctx)
    assert len(tiny) == 2 and not any("damaged" in w for w in warnings)


@pytest.mark.parametrize("lost", [store.VALUES, store.MANIFEST])
def test_an_incomplete_cache_is_completed(tmp_path, tiny, lost):
    ctx, warnings = context(tmp_path)
    expected = [r.values for r in source.SOURCE.load(ctx)]
    (source.SOURCE.fetch(ctx) / lost).unlink()
    assert same([r.values for r in source.SOURCE.load(ctx)], expected)
    assert len(tiny) == 2 and not any("damaged" in w for w in warnings)


def test_processes_that_make_the_set_at_once_do_not_disturb_each_other(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from lnncmp.sources import walker2d_simulated as s\n"
        "from lnncmp.sources.base import SourceContext\n"
        "from lnncmp.sources.walker2d_simulated.recipe import Recipe\n"
        "r = Recipe(policies=('chatter2-it020',), rollouts=2, frames=50)\n"
        "n, m, _ = s.load_set(r, SourceContext(cache=Path(sys.argv[1]), warn=lambda t: sys.exit(t)))\n"
        "sys.stdout.write(m.digest)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert len(set(answers)) == 1 and len(answers[0]) == 64
    (folder,) = tmp_path.iterdir()
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.json", "rollouts.npy"]


def test_the_key_follows_recipe_policies_model_and_frames():
    digests, model = {"a": "1"}, "m"
    keys = {
        recipe_key(TINY, digests, model),
        recipe_key(dataclasses.replace(TINY, seed=1), digests, model),
        recipe_key(dataclasses.replace(TINY, physics=Physics(mass=1.1)), digests, model),
        recipe_key(TINY, {"a": "2"}, model),
        recipe_key(TINY, digests, "n"),
        recipe_key(TINY, digests, model, 100),
    }
    assert len(keys) == 6


def test_the_shipped_manifest_describes_the_recipe():
    shipped = shipped_manifest()
    digests = {name: shipped_policy(name).digest() for name in POLICIES}
    assert shipped.policies == digests
    assert shipped.version == VERSION == source.SOURCE.version
    assert shipped.key == recipe_key(source.RECIPE, digests, shipped.model)
    assert len(shipped.rollouts) == 400
    assert sum(frames for frames, _ in shipped.rollouts.values()) == 265_638


def test_rollouts_that_differ_from_the_shipped_ones_are_counted():
    shipped = shipped_manifest()
    assert difference(shipped, shipped) == ""
    changed = dict(shipped.rollouts)
    changed["policy0-rollout003"] = (999, "0" * 16)
    del changed["policy3-rollout099"]
    ours = shipped.model_copy(update={"rollouts": changed, "made_with": shipped.made_with | {"mujoco": "9.9"}})
    told = difference(ours, shipped)
    assert told.startswith("2 of 400 simulated Walker2d rollouts differ")
    assert "mujoco 9.9 instead of" in told and "not comparable bit for bit" in told
    assert "the model file changed" not in told
    assert "the model file changed" in difference(ours.model_copy(update={"model": "x"}), shipped)


def test_a_difference_warns_and_never_fails(tmp_path, tiny):
    ctx, warnings = context(tmp_path)
    assert len(source.SOURCE.load(ctx)) == 6
    assert len(warnings) == 1 and "of 400 simulated Walker2d rollouts differ" in warnings[0]


def test_a_data_folder_is_refused(tmp_path):
    ctx, _ = context(tmp_path, data_dir=tmp_path / "mine")
    for call in (
        lambda: source.SOURCE.load(ctx),
        lambda: source.SOURCE.fetch(ctx),
        lambda: source.SOURCE.load_variant("mass-x1.2", 10, ctx),
    ):
        with pytest.raises(UsageError, match="made, not read") as caught:
            call()
        assert "--source original" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_a_manifest_that_is_none_is_named(tmp_path):
    from lnncmp.sources.walker2d_simulated.manifest import parse

    with pytest.raises(DataError, match="is not a manifest"):
        parse(b"{}", tmp_path / "x.json")


# Variants


def test_variants_cover_every_kind():
    kinds = {"friction", "gravity", "mass", "damping", "motors", "action", "policy"}
    assert {v.kind for v in VARIANTS.values()} == kinds
    assert source.SOURCE.variants is VARIANTS and len(VARIANTS) == 13
    assert all(v.name == name and v.description for name, v in VARIANTS.items())


def test_each_physics_change_reaches_the_model():
    base = build_model()
    cases = {
        "friction": (Physics(friction=0.5), lambda m: m.geom_friction[:, 0]),
        "gravity": (Physics(gravity=0.5), lambda m: m.opt.gravity[2:]),
        "mass": (Physics(mass=0.5), lambda m: np.append(m.body_mass[1:], m.body_inertia[1:])),
        "damping": (Physics(damping=0.5), lambda m: m.dof_damping[3:]),
        "motors": (Physics(motors=0.5), lambda m: m.actuator_gear[:, 0]),
    }
    for changed, (physics, _) in cases.items():
        model = build_model(physics)
        for name, (_, field) in cases.items():
            factor = 0.5 if name == changed else 1.0
            np.testing.assert_allclose(field(model), factor * field(base), err_msg=f"{changed} -> {name}")
            assert np.all(field(base) != 0)
    light = build_model(Physics(mass=0.5))
    np.testing.assert_allclose(light.body_subtreemass, 0.5 * base.body_subtreemass)
    # twice as light would be exactly 2, were it not for the joints' armature
    ratio = light.dof_invweight0[:3] / base.dof_invweight0[:3]
    assert np.all((ratio > 1.5) & (ratio < 2.0))


@pytest.mark.parametrize("name", list(VARIANTS))
def test_each_variant_walks_differently_from_the_base(name):
    recipe = dataclasses.replace(RECIPES[name], frames=60)
    changed = simulate(recipe)[0][0]
    base = simulate(Recipe(policies=POLICIES[:1], rollouts=1, frames=60, stream=(STREAM,)))[0][0]
    assert np.array_equal(changed[0], base[0])
    length = min(len(changed), len(base))
    assert length > 1 and not np.array_equal(changed[:length], base[:length])


def test_more_frames_extend_the_same_list_in_round_robin_order():
    few, many = simulate_variant("friction-x2", 300), simulate_variant("friction-x2", 1300)
    assert sum(len(v) for _, v in few) >= 300 and sum(len(v) for _, v in many) >= 1300
    assert len(many) > len(few)
    assert [g for g, _ in few] == [g for g, _ in many][: len(few)]
    assert same([v for _, v in few], [v for _, v in many][: len(few)])
    groups = [g for g, _ in many]
    assert groups[:5] == [f"friction-x2-policy{p}-rollout{r:03d}" for r, p in ((0, 0), (0, 1), (0, 2), (0, 3), (1, 0))]
    assert sum(len(v) for _, v in many[:-1]) < 1300, "no rollout may be superfluous"


def test_a_variant_is_cached_by_name_and_frames(tmp_path, monkeypatch):
    ctx, warnings = context(tmp_path)
    first = source.SOURCE.load_variant("actions-random", 100, ctx)
    assert sum(len(r.values) for r in first) >= 100
    monkeypatch.setattr(source, "simulate_variant", None)
    assert same([r.values for r in source.SOURCE.load_variant("actions-random", 100, ctx)], [r.values for r in first])
    assert not warnings
    with pytest.raises(TypeError):
        source.SOURCE.load_variant("actions-random", 101, ctx)


def test_unknown_variants_and_no_frames_are_refused(tmp_path):
    ctx, _ = context(tmp_path)
    with pytest.raises(UsageError, match="unknown Walker2d variant 'friction-2x'") as caught:
        source.SOURCE.load_variant("friction-2x", 100, ctx)
    assert "Did you mean 'friction-x2'?" in caught.value.hint
    with pytest.raises(UsageError, match="positive number of frames, got 0"):
        source.SOURCE.load_variant("friction-x2", 0, ctx)


def test_importing_the_source_loads_nothing_heavy():
    code = (
        "import sys; import lnncmp.sources.walker2d_simulated, lnncmp.sources.walker2d_simulated.training\n"
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
