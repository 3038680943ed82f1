"""Out-of-distribution variants: the same walkers under other physics, other actions, or other policies.

Rollouts come from random streams that the data set never uses, in a fixed order: rollout 0 of each policy, rollout 1
of each policy, and so on until enough frames exist. Asking for more frames extends the same list. All variants share
their streams, so that two of them differ by the change alone.
"""

import dataclasses
import math

from lnncmp.errors import UsageError
from lnncmp.sources.base import Progress, Variant, no_progress
from lnncmp.sources.walker2d.simulated.manifest import NamedRollout
from lnncmp.sources.walker2d.simulated.recipe import LONGEST, OTHER_POLICIES, Physics, Recipe
from lnncmp.sources.walker2d.simulated.rollouts import DESCRIPTION, simulate

STREAM = 0x766172
"""Last seed word of the variants' streams. Not zero: numpy fills short seeds up with zeros."""

_MOST_ROUNDS = 50


def _base(**changes: object) -> Recipe:
    """Return the data set's recipe with `changes`, one rollout per policy, on the variants' own streams."""
    return dataclasses.replace(Recipe(rollouts=1, stream=(STREAM,)), **changes)  # type: ignore[arg-type]


_DEFINED: tuple[tuple[str, str, str, Recipe], ...] = (
    ("friction-x0.5", "friction", "half the sliding friction", _base(physics=Physics(friction=0.5))),
    ("friction-x2", "friction", "twice the sliding friction", _base(physics=Physics(friction=2.0))),
    ("gravity-x0.8", "gravity", "gravity 7.85 m/s2 instead of 9.81", _base(physics=Physics(gravity=0.8))),
    ("gravity-x1.2", "gravity", "gravity 11.77 m/s2 instead of 9.81", _base(physics=Physics(gravity=1.2))),
    ("mass-x0.8", "mass", "every body's mass and inertia times 0.8", _base(physics=Physics(mass=0.8))),
    ("mass-x1.2", "mass", "every body's mass and inertia times 1.2", _base(physics=Physics(mass=1.2))),
    ("damping-x3", "damping", "three times the damping of the joints", _base(physics=Physics(damping=3.0))),
    ("motors-x0.8", "motors", "motors with 0.8 times the torque", _base(physics=Physics(motors=0.8))),
    ("motors-x1.2", "motors", "motors with 1.2 times the torque", _base(physics=Physics(motors=1.2))),
    ("actions-random", "action", "10 % of the actions are random instead of 1 %", _base(random_share=0.1)),
    (
        "actions-held",
        "action",
        "each random action (begun with chance 1 %) is held for 5 frames",
        _base(hold=5),
    ),
    *(
        (f"policy-{name}", "policy", f"another policy walks: {name}, smooth gait", _base(policies=(name,)))
        for name in OTHER_POLICIES
    ),
)

VARIANTS: dict[str, Variant] = {name: Variant(name, kind, text) for name, kind, text, _ in _DEFINED}
"""All variants by name."""

RECIPES: dict[str, Recipe] = {name: recipe for name, _, _, recipe in _DEFINED}
"""The recipe of each variant's rounds (one rollout of each policy)."""


def simulate_variant(
    name: str, frames: int, *, threads: int = 1, progress: Progress = no_progress
) -> list[NamedRollout]:
    """Return rollouts of the variant `name` with at least `frames` frames in all, none of them superfluous.

    Raises UsageError if `frames` is not positive, DataError as `simulate`.
    """
    if frames < 1:
        raise UsageError(f"a variant needs a positive number of frames, got {frames}")
    recipe = RECIPES[name]
    named: list[NamedRollout] = []
    done, rounds = 0, 0
    while done < frames:
        mean = done / len(named) if named else LONGEST
        wanted = math.ceil((frames - done) / (mean * len(recipe.policies)))
        block = dataclasses.replace(recipe, rollouts=min(wanted, _MOST_ROUNDS))
        by_policy = simulate(block, first=rounds, threads=threads)
        for turn in range(block.rollouts):
            for policy, rollouts in enumerate(by_policy):
                if done < frames:
                    named.append((f"{name}-policy{policy}-rollout{rounds + turn:03d}", rollouts[turn]))
                    done += len(rollouts[turn])
        rounds += block.rollouts
        progress(f"{DESCRIPTION} ({name})", min(done, frames), frames)
    return named
