"""Several walkers stepped together, with a state that is the same on every CPU.

After every frame the state is rounded to a grid of 2^-20 and the solver's warm start is dropped. Contacts amplify a
difference in the last bit of one sine into another walk within a few hundred frames; rounding removes such
differences before they grow. Both simulators below give the same bits.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.walker2d.observation import VELOCITY_LIMIT

FRAME_SKIP = 4
ACTION_GRID = 2.0**12
STATE_GRID = 2.0**20

Floats = NDArray[np.float64]
Ids = NDArray[np.intp]


def snap(values: Floats, grid: float) -> Floats:
    """Return `values` rounded to multiples of 1 / `grid` (a power of two, so that the result is exact)."""
    return np.asarray(np.rint(values * grid) / grid)


class Simulator(ABC):
    """n walkers. `positions` (n, 9) and `velocities` (n, 9) are MuJoCo's qpos and qvel (m, rad, m/s, rad/s)."""

    positions: Floats
    velocities: Floats

    @abstractmethod
    def reset(self, ids: Ids, positions: Floats, velocities: Floats) -> None:
        """Put the walkers `ids` (k,) into a state, `positions` and `velocities` (k, 9)."""

    @abstractmethod
    def _advance(self, ids: Ids, actions: Floats) -> None:
        """Advance the walkers `ids` by FRAME_SKIP simulation steps under `actions` (k, 6)."""

    @abstractmethod
    def _settle(self, ids: Ids) -> None:
        """Hand the rounded state of the walkers `ids` back to MuJoCo and drop the solver's warm start."""

    def step(self, ids: Ids, actions: Floats) -> None:
        """Advance the walkers `ids` (k,) by one frame under `actions` (k, 6) in [-1, 1], then round the state."""
        self._advance(ids, snap(actions, ACTION_GRID))
        self.positions[ids] = snap(self.positions[ids], STATE_GRID)
        self.velocities[ids] = snap(self.velocities[ids], STATE_GRID)
        self._settle(ids)

    def observe(self, ids: Ids) -> Floats:
        """Return the observations (k, 17) of the walkers `ids`: positions but the forward one, clipped velocities."""
        clipped = np.clip(self.velocities[ids], -VELOCITY_LIMIT, VELOCITY_LIMIT)
        return np.concatenate([self.positions[ids, 1:], clipped], axis=1)

    def upright(self, ids: Ids) -> NDArray[np.bool_]:
        """Return which walkers `ids` still walk, (k,): height between 0.8 and 2 m, pitch under 1 rad (Walker2d-v5)."""
        height, pitch = self.positions[ids, 1], self.positions[ids, 2]
        return np.asarray((height > 0.8) & (height < 2.0) & (np.abs(pitch) < 1.0))


class BatchSimulator(Simulator):
    """All walkers in one `mujoco.batch.Batch` (MuJoCo 3.17 and later), on `threads` threads."""

    def __init__(self, model: Any, count: int, threads: int = 1) -> None:
        from mujoco.batch import Batch

        self._batch = Batch(model, nsim=count, nthread=max(1, threads))
        self.positions, self.velocities = self._batch.bind("qpos"), self._batch.bind("qvel")
        self._controls, self._warm_start = self._batch.bind("ctrl"), self._batch.bind("qacc_warmstart")

    def reset(self, ids: Ids, positions: Floats, velocities: Floats) -> None:
        """See Simulator."""
        self._batch.reset(ids)
        self.positions[ids], self.velocities[ids] = positions, velocities
        self._batch.forward(ids)

    def _advance(self, ids: Ids, actions: Floats) -> None:
        self._controls[ids] = actions
        self._batch.step(ids, nstep=FRAME_SKIP)

    def _settle(self, ids: Ids) -> None:
        self._warm_start[ids] = 0.0


class LoopSimulator(Simulator):
    """One `mujoco.MjData` per walker, stepped one after the other: for every MuJoCo since 3.3."""

    def __init__(self, model: Any, count: int) -> None:
        import mujoco

        self._mujoco, self._model = mujoco, model
        self._walkers = [mujoco.MjData(model) for _ in range(count)]
        self.positions = np.zeros((count, model.nq))
        self.velocities = np.zeros((count, model.nv))

    def reset(self, ids: Ids, positions: Floats, velocities: Floats) -> None:
        """See Simulator."""
        self.positions[ids], self.velocities[ids] = positions, velocities
        for index in ids:
            walker = self._walkers[index]
            self._mujoco.mj_resetData(self._model, walker)
            walker.qpos[:], walker.qvel[:] = self.positions[index], self.velocities[index]
            self._mujoco.mj_forward(self._model, walker)

    def _advance(self, ids: Ids, actions: Floats) -> None:
        for index, action in zip(ids, actions, strict=True):
            walker = self._walkers[index]
            walker.ctrl[:] = action
            self._mujoco.mj_step(self._model, walker, nstep=FRAME_SKIP)
            self.positions[index], self.velocities[index] = walker.qpos, walker.qvel

    def _settle(self, ids: Ids) -> None:
        for index in ids:
            walker = self._walkers[index]
            walker.qpos[:], walker.qvel[:] = self.positions[index], self.velocities[index]
            walker.qacc_warmstart[:] = 0.0


def make_simulator(model: Any, count: int, threads: int = 1) -> Simulator:
    """Return the faster simulator that the installed MuJoCo offers, for `count` walkers of `model`."""
    try:
        return BatchSimulator(model, count, threads)
    except ImportError:
        return LoopSimulator(model, count)
