"""Many Walker2d walkers as a task to learn: observations, rewards and ends of episodes.

Steps use Euler integration, which is three times as fast as the RK4 of the recordings; what is learned carries over.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.walker2d.observation import FRAME_SECONDS
from lnncmp.sources.walker2d.simulated.physics import build_model
from lnncmp.sources.walker2d.simulated.recipe import LONGEST
from lnncmp.sources.walker2d.simulated.rollouts import START_NOISE
from lnncmp.sources.walker2d.simulated.simulator import make_simulator

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Reward:
    """What a frame is worth.

    Plain (hop 0, the reward of Walker2d-v5): speed (m/s) + 1 while upright - 0.001 |action|^2.
    With hop > 0: min(speed, 3 m/s) + 1 while upright + hop * |vertical velocity|, which favors a bouncing gait.
    """

    hop: float = 0.0

    def of(self, speed: Floats, upright: Flags, actions: Floats, rise: Floats) -> Floats:
        """Return the rewards (n,) of speeds (n,), uprightness (n,), actions (n, 6), vertical velocities (n,)."""
        if self.hop > 0:
            return np.minimum(speed, 3.0) + upright + self.hop * np.abs(rise)
        return np.asarray(speed + upright - 1e-3 * np.sum(actions**2, axis=1))


@dataclass(frozen=True, eq=False)
class Frame:
    """What happened to n walkers in one frame.

    reward (n,). fell, timed_out (n,): the episode ended by a fall, or upright after 1000 frames.
    last: (n, 17) observations before ended walkers were put back to the start.
    """

    reward: Floats
    fell: Flags
    timed_out: Flags
    last: Floats


class Walk:
    """`count` walkers that start anew when their episode ends.

    `finished` holds (return, frames) of each ended episode.
    """

    def __init__(self, count: int, reward: Reward, stream: np.random.Generator, threads: int = 1) -> None:
        import mujoco

        model = build_model()
        model.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
        self._start = np.array(model.qpos0)
        self._simulator = make_simulator(model, count, threads)
        self._everyone = np.arange(count)
        self._reward, self._stream = reward, stream
        self._age, self._return = np.zeros(count, int), np.zeros(count)
        self.finished: list[tuple[float, int]] = []
        self._restart(self._everyone)

    def _restart(self, ids: NDArray[np.intp]) -> None:
        noise = self._stream.uniform(-START_NOISE, START_NOISE, (2, len(ids), len(self._start)))
        self._simulator.reset(ids, self._start + noise[0], noise[1])
        self._age[ids], self._return[ids] = 0, 0.0

    def observe(self) -> Floats:
        """Return the observations (n, 17)."""
        return self._simulator.observe(self._everyone)

    def step(self, actions: Floats) -> Frame:
        """Advance by one frame under `actions` (n, 6), clipped to [-1, 1]; walkers whose episode ended start anew."""
        clipped = np.clip(actions, -1.0, 1.0)
        before = self._simulator.positions[:, 0].copy()
        self._simulator.step(self._everyone, clipped)
        speed = (self._simulator.positions[:, 0] - before) / FRAME_SECONDS
        upright = self._simulator.upright(self._everyone)
        reward = self._reward.of(speed, upright, clipped, self._simulator.velocities[:, 1])
        self._age += 1
        self._return += reward
        timed_out = upright & (self._age >= LONGEST)
        last = self.observe()
        ended = np.flatnonzero(~upright | timed_out)
        if len(ended):
            self.finished += zip(self._return[ended].tolist(), self._age[ended].tolist(), strict=True)
            self._restart(ended)
        return Frame(reward, ~upright, timed_out, last)
