"""Rollouts of the policies: one random stream per rollout, so that any part of the set can be made alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.base import Progress, no_progress
from lnncmp.sources.walker2d.simulated.physics import build_model
from lnncmp.sources.walker2d.simulated.policies import MOTORS, OBSERVED, Controller, Policy, shipped_policy
from lnncmp.sources.walker2d.simulated.recipe import LONGEST, Recipe
from lnncmp.sources.walker2d.simulated.simulator import Simulator, make_simulator

START_NOISE = 5e-3
"""Half width of the uniform noise on the initial state (Walker2d-v5's reset_noise_scale)."""

DESCRIPTION = "Simulating Walker2d"
_REPORT_EVERY = 25

Floats = NDArray[np.float64]
MakeSimulator = Callable[[Any, int, int], Simulator]


@dataclass(frozen=True, eq=False)
class Noise:
    """All random numbers of one rollout.

    position, velocity: (9,) offsets of the initial state. random: (1000,) True where the action is replaced.
    action: (1000, 6) the replacement.
    """

    position: Floats
    velocity: Floats
    random: NDArray[np.bool_]
    action: Floats


def draw_noise(words: Sequence[int], share: float, hold: int) -> Noise:
    """Draw a rollout's random numbers from the stream PCG64(SeedSequence(words)).

    Always draws for the longest rollout, so that a shorter one is a prefix of it. A step begins a random action
    with chance `share`; it lasts `hold` steps, or until the next one begins.
    """
    stream = np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(words))))
    position = stream.uniform(-START_NOISE, START_NOISE, 9)
    velocity = stream.uniform(-START_NOISE, START_NOISE, 9)
    begins = stream.random(LONGEST) < share
    drawn = stream.uniform(-1.0, 1.0, (LONGEST, MOTORS))
    steps = np.arange(LONGEST)
    latest = np.maximum.accumulate(np.where(begins, steps, -hold))
    return Noise(position, velocity, steps - latest < hold, drawn[np.maximum(latest, 0)])


def roll_out(
    simulator: Simulator,
    start: Floats,
    controller: Controller,
    noises: Sequence[Noise],
    frames: int,
    on_frame: Callable[[int], None] = lambda frame: None,
) -> list[Floats]:
    """Walk once per entry of `noises`, at most `frames` frames, and return the observations (T, 17) of each.

    start: (9,) the model's initial positions. The frame in which a walker falls is not recorded.
    """
    everyone = np.arange(len(noises))
    random, replacement = np.stack([n.random for n in noises]), np.stack([n.action for n in noises])
    simulator.reset(everyone, start + np.stack([n.position for n in noises]), np.stack([n.velocity for n in noises]))
    seen = np.empty((frames, len(noises), OBSERVED))
    seen[0] = simulator.observe(everyone)
    lengths = np.ones(len(noises), int)
    live = everyone
    for frame in range(1, frames):
        actions = controller.act(seen[frame - 1, live])
        chance = random[live, frame - 1]
        actions[chance] = replacement[live, frame - 1][chance]
        simulator.step(live, actions)
        live = live[simulator.upright(live)]
        if len(live) == 0:
            break
        seen[frame, live] = simulator.observe(live)
        lengths[live] += 1
        on_frame(frame)
    return [seen[:length, index].copy() for index, length in enumerate(lengths)]


def simulate(
    recipe: Recipe,
    policies: Sequence[Policy] | None = None,
    *,
    first: int = 0,
    threads: int = 1,
    progress: Progress = no_progress,
    make: MakeSimulator = make_simulator,
) -> list[list[Floats]]:
    """Return, for each policy of `recipe`, its rollouts `first`, `first` + 1, ...: observations (T, 17) float64.

    `Recipe(policies=POLICIES[:2], rollouts=3, frames=50)` is a small part of the full data set, bit for bit.
    policies: replaces the shipped policies of the recipe's names. threads: used by MuJoCo's batch, if it has one.
    Raises DataError if a policy or the model cannot be read.
    """
    model = build_model(recipe.physics)
    start = np.array(model.qpos0)
    walkers = [shipped_policy(name) for name in recipe.policies] if policies is None else list(policies)
    total = len(walkers) * recipe.frames
    result = []
    for index, policy in enumerate(walkers):
        numbers = range(first, first + recipe.rollouts)
        noises = [draw_noise(recipe.words(index, n), recipe.random_share, recipe.hold) for n in numbers]
        before = index * recipe.frames

        def report(frame: int, before: int = before) -> None:
            if frame % _REPORT_EVERY == 0:
                progress(DESCRIPTION, before + frame, total)

        simulator = make(model, recipe.rollouts, threads)
        result.append(roll_out(simulator, start, Controller(policy), noises, recipe.frames, report))
        progress(DESCRIPTION, before + recipe.frames, total)
    return result
