"""The simulated Walker2d source: out-of-distribution variants."""

import dataclasses

import numpy as np
import pytest
from tiny_walkers import context, same

from lnncmp.errors import UsageError
from lnncmp.sources.walker2d import simulated as source
from lnncmp.sources.walker2d.simulated.physics import build_model
from lnncmp.sources.walker2d.simulated.recipe import POLICIES, Physics, Recipe
from lnncmp.sources.walker2d.simulated.rollouts import simulate
from lnncmp.sources.walker2d.simulated.variants import RECIPES, STREAM, VARIANTS, simulate_variant


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
