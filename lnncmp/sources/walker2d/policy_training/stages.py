"""Train the six walking policies from nothing, in three stages of PPO.

1. `ppo0`: the plain reward of Walker2d. Policies after 140 and 220 updates walk smoothly: the "other policies".
2. `chatter`: goes on from update 160 with the last layer times 3, which drives the motors from stop to stop as in the
   original rollouts, and with a capped speed and a bonus for hopping. Its last policy times 1.25 is the first walker.
3. `chatter2`: goes on from there with a larger bonus; its updates 20, 50 and 110 are the other three walkers.

Numbers of updates hold at the default budget and shrink or grow with it. Other seeds give other gaits; nothing
guarantees that a chain ends in good walkers, so look at the lengths in `training.json`.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lnncmp.common.files import make_dir, write_bytes
from lnncmp.errors import UsageError
from lnncmp.sources.base import Progress, no_progress
from lnncmp.sources.walker2d.policy_training.ppo import Learner, PPOSettings
from lnncmp.sources.walker2d.policy_training.task import Reward, Walk
from lnncmp.sources.walker2d.simulated.manifest import versions
from lnncmp.sources.walker2d.simulated.policies import Policy, save_policy
from lnncmp.sources.walker2d.simulated.recipe import OTHER_POLICIES, POLICIES

LOG = "training.json"
_ROOT = "ppo0-it160"
_LEAST_LEARNING_RATE = 0.05
_RECENT_EPISODES = 50


@dataclass(frozen=True)
class Stage:
    """One stage of the chain.

    start, gain: the policy to go on from and the factor on its last layer. marks: (policy, update) kept.
    decay: updates over which the learning rate would fall to zero (it stops at 5 %).
    """

    name: str
    reward: Reward
    marks: tuple[tuple[str, int], ...]
    decay: int
    start: str = ""
    gain: float = 1.0


STAGES = (
    Stage("ppo0", Reward(), ((OTHER_POLICIES[0], 140), (_ROOT, 160), (OTHER_POLICIES[1], 220)), 430),
    Stage("chatter", Reward(hop=0.7), ((POLICIES[0], 80),), 100, _ROOT, 3.0),
    # the first walker is stored with its last layer times 1.25 already, see `_kept`
    Stage("chatter2", Reward(hop=1.0), ((POLICIES[1], 20), (POLICIES[2], 50), (POLICIES[3], 110)), 120, POLICIES[0]),
)
NAMES = (*POLICIES, *OTHER_POLICIES)
"""The six policies that the chain delivers."""

_FINAL_GAIN = {POLICIES[0]: 1.25}
_UPDATES = sum(stage.marks[-1][1] for stage in STAGES)

DEFAULT_STEPS = _UPDATES * PPOSettings().update_frames
"""Environment steps of the whole chain by default."""


def amplified(policy: Policy, gain: float, name: str) -> Policy:
    """Return `policy` under a new name with its last layer times `gain`."""
    scaled = {key: policy.arrays[key] * np.float32(gain) for key in ("w2", "b2")}
    return Policy(name, policy.arrays | scaled)


def scaled_marks(stage: Stage, factor: float) -> dict[int, str]:
    """Return {update: policy} of a stage whose length is multiplied by `factor`, each at least one update apart."""
    marks: dict[int, str] = {}
    last = 0
    for name, update in stage.marks:
        last = max(round(update * factor), last + 1)
        marks[last] = name
    return marks


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread inside the block: the networks are too small for more, and sums keep their order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_policies(
    out: Path,
    *,
    seed: int = 0,
    scale: float = 1.0,
    settings: PPOSettings | None = None,
    threads: int = 1,
    progress: Progress = no_progress,
) -> list[Path]:
    """Train the chain and return the six policy files written to the folder `out`, next to `training.json`.

    scale: length of the chain, 1 for DEFAULT_STEPS environment steps; each policy gets one update at least.
    threads: of MuJoCo's batch; changes no number.
    Deterministic for a seed, a budget and a machine. Raises UsageError if `scale` is not positive or `out`
    has policies already, DataError if a file cannot be written or training diverged.
    """
    chosen = settings or PPOSettings()
    _check(out, scale)
    make_dir(out)
    total = sum(max(scaled_marks(stage, scale)) for stage in STAGES) * chosen.update_frames
    kept: dict[str, Policy] = {}
    log: dict[str, dict[str, float | int | None]] = {}
    done = 0
    with one_thread():
        for number, stage in enumerate(STAGES):
            start = amplified(kept[stage.start], stage.gain, stage.name) if stage.start else None
            # one seed per stage: walkers and learner draw from different streams of it
            learner = Learner(chosen, seed * len(STAGES) + number, start)
            stream = np.random.default_rng(np.random.SeedSequence([seed, number, 2]))
            walk = Walk(chosen.envs, stage.reward, stream, threads)
            for policy in _run_stage(stage, scale, learner, walk):
                done += chosen.update_frames
                if policy is not None:
                    kept[policy.name] = policy
                    log[policy.name] = {"steps": done} | _recent(walk)
                    if policy.name in NAMES:
                        save_policy(out / f"{policy.name}.npz", policy)
                progress(f"Training Walker2d policies ({stage.name})", done, total)
    used = versions(("mujoco", "gymnasium", "numpy", "torch"))
    log_entry = {"seed": seed, "scale": scale, "steps": done, "made_with": used, "policies": log}
    write_bytes(out / LOG, (json.dumps(log_entry, indent=1) + "\n").encode())
    return [out / f"{name}.npz" for name in NAMES]


def _check(out: Path, scale: float) -> None:
    """Refuse what cannot be trained; see `train_policies` for the errors."""
    if not (scale > 0 and math.isfinite(scale)):
        raise UsageError(f"the share of the training budget must be positive, got {scale}", "1 is the full budget.")
    if present := [name for name in NAMES if (out / f"{name}.npz").exists()]:
        raise UsageError(f"the folder {out} already has policies: {', '.join(present)}", "Choose another --out.")


def _run_stage(stage: Stage, scale: float, learner: Learner, walk: Walk) -> Iterator[Policy | None]:
    """Train one stage; yield after each update, the policy where one is to be kept, else None."""
    marks = scaled_marks(stage, scale)
    for update in range(1, max(marks) + 1):
        share = max(1 - (update - 1) / (stage.decay * scale), _LEAST_LEARNING_RATE)
        learner.update(learner.collect(walk), learner.settings.learning_rate * share)
        name = marks.get(update)
        yield amplified(learner.policy(name), _FINAL_GAIN.get(name, 1.0), name) if name else None


def _recent(walk: Walk) -> dict[str, float | None]:
    """Return mean return and length of the latest episodes (exploring, Euler), None if none has ended."""
    latest = walk.finished[-_RECENT_EPISODES:]
    if not latest:
        return {"return": None, "frames": None}
    mean = np.mean(latest, axis=0)
    return {"return": float(mean[0]), "frames": float(mean[1])}
