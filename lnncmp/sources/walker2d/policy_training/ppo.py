"""Proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347) of a walking policy, on the CPU.

Clipped surrogate, generalized advantages (Schulman et al. 2016, arXiv:1506.02438), running normalization of
observations and of the scale of returns, early stop of an update on the KL divergence. No entropy bonus, no value
clipping. Deterministic for a seed on one machine.

Shapes: T steps of a batch, N walkers, B = T * N.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.walker2d.policy_training.task import Walk
from lnncmp.sources.walker2d.simulated.policies import HIDDEN, MOTORS, OBSERVED, Policy

if TYPE_CHECKING:
    import torch

Floats32 = NDArray[np.float32]
Layers = list[tuple[Floats32, Floats32]]

_TRUST_OLD_STATISTICS = 3e5
"""Frames that the normalizer of a policy counts for when its training goes on."""


@dataclass(frozen=True)
class PPOSettings:
    """Settings of the algorithm. An update uses envs * horizon frames."""

    envs: int = 32
    horizon: int = 128
    epochs: int = 10
    minibatch: int = 512
    learning_rate: float = 5e-4
    discount: float = 0.99
    trace: float = 0.95
    clip: float = 0.2
    gradient_norm: float = 0.5
    kl_stop: float = 0.03
    log_std: float = -0.5

    @property
    def update_frames(self) -> int:
        """Frames that one update uses."""
        return self.envs * self.horizon


class RunningMoments:
    """Mean and variance of a stream of rows, by the parallel formula of Chan, Golub and LeVeque (1979)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count, self.mean, self.variance = 1e-4, np.zeros(shape), np.ones(shape)

    def add(self, rows: NDArray[np.float64]) -> None:
        """Take in `rows` (k, ...)."""
        k = len(rows)
        total = self.count + k
        step = rows.mean(axis=0) - self.mean
        spread = self.variance * self.count + rows.var(axis=0) * k + step**2 * self.count * k / total
        self.mean, self.variance, self.count = self.mean + step * k / total, spread / total, total

    def scale(self) -> NDArray[np.float64]:
        """Return the standard deviation."""
        return np.asarray(np.sqrt(self.variance + 1e-8))


@dataclass(frozen=True, eq=False)
class Batch:
    """Experience: observations (T, N, 17) normalized, actions (T, N, 6), and three arrays (T, N)."""

    observations: Floats32
    actions: Floats32
    log_probability: Floats32
    advantages: Floats32
    returns: Floats32


def advantages(rewards: Floats32, ended: Floats32, values: Floats32, discount: float, trace: float) -> Floats32:
    """Return generalized advantages (T, N).

    rewards, ended (T, N): ended is 1 where the episode ended in that step. values (T + 1, N): last row of the state
    after the batch.
    """
    result = np.zeros_like(rewards)
    running = np.zeros(rewards.shape[1], rewards.dtype)
    for t in reversed(range(len(rewards))):
        error = rewards[t] + discount * values[t + 1] * (1 - ended[t]) - values[t]
        running = error + discount * trace * (1 - ended[t]) * running
        result[t] = running
    return result


def _network(sizes: tuple[int, ...], last_gain: float, generator: "torch.Generator") -> Any:
    """Return a tanh network with orthogonal weights (gain sqrt 2, the last layer's `last_gain`) and zero biases."""
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        # skip_init: the usual random start would draw from torch's global stream
        layer: Any = nn.utils.skip_init(nn.Linear, inputs, outputs)
        gain = last_gain if index == len(sizes) - 2 else 2**0.5
        nn.init.orthogonal_(layer.weight, gain, generator=generator)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1]).to(torch.float32)


def _arrays(network: Any) -> Layers:
    """Return weight and bias of each linear layer, as numpy views of the live parameters."""
    values = [parameter.detach().numpy() for parameter in network.parameters()]
    return list(zip(values[::2], values[1::2], strict=True))


def _forward(layers: Layers, x: Floats32) -> Floats32:
    """Return the network's outputs (k, out) for `x` (k, in): numpy, without torch's overhead for small batches."""
    for index, (weight, bias) in enumerate(layers):
        x = x @ weight.T + bias
        if index < len(layers) - 1:
            x = np.tanh(x)
    return x


class Learner:
    """A policy and a value network with their optimizer.

    start: policy to go on from, None for a random one. seed: of all random streams.
    """

    def __init__(self, settings: PPOSettings, seed: int, start: Policy | None = None) -> None:
        import torch

        self.settings = settings
        self._torch = torch
        self._stream = np.random.default_rng(np.random.SeedSequence([seed, 1]))
        self._generator = torch.Generator().manual_seed(seed)
        self._actor = _network((OBSERVED, HIDDEN, HIDDEN, MOTORS), 0.01, self._generator)
        self._critic = _network((OBSERVED, 64, 64, 1), 1.0, self._generator)
        self._log_std = torch.nn.Parameter(torch.full((MOTORS,), settings.log_std))
        self._parameters = [*self._actor.parameters(), *self._critic.parameters(), self._log_std]
        self._optimizer = torch.optim.Adam(self._parameters, lr=settings.learning_rate, eps=1e-5)
        self._seen, self._scale = RunningMoments((OBSERVED,)), RunningMoments(())
        self._discounted = np.zeros(settings.envs)
        if start is not None:
            self._take_over(start)

    def _take_over(self, start: Policy) -> None:
        for index, (weight, bias) in enumerate(_arrays(self._actor)):
            weight[:], bias[:] = start.arrays[f"w{index}"], start.arrays[f"b{index}"]
        self._seen.mean = start.arrays["mu"].astype(np.float64)
        self._seen.variance = start.arrays["sd"].astype(np.float64) ** 2
        self._seen.count = _TRUST_OLD_STATISTICS

    def policy(self, name: str) -> Policy:
        """Return a copy of the present policy. Raises DataError if training diverged (values not finite)."""
        arrays: dict[str, Floats32] = {}
        for index, (weight, bias) in enumerate(_arrays(self._actor)):
            arrays |= {f"w{index}": weight.copy(), f"b{index}": bias.copy()}
        arrays["mu"] = self._seen.mean.astype(np.float32)
        arrays["sd"] = self._seen.scale().astype(np.float32)
        arrays["std"] = np.exp(self._log_std.detach().numpy())
        return Policy(name, arrays)

    def _normalized(self, observations: NDArray[np.float64]) -> Floats32:
        return np.clip((observations - self._seen.mean) / self._seen.scale(), -10, 10).astype(np.float32)

    def collect(self, walk: Walk) -> Batch:
        """Let the walkers act for `horizon` frames and return what they experienced."""
        steps, count = self.settings.horizon, self.settings.envs
        actor, critic = _arrays(self._actor), _arrays(self._critic)
        log_std = self._log_std.detach().numpy()
        seen = np.zeros((steps + 1, count, OBSERVED), np.float32)
        actions, chosen = np.zeros((steps, count, MOTORS), np.float32), np.zeros((steps, count), np.float32)
        rewards, ended = np.zeros((steps, count), np.float32), np.zeros((steps, count), np.float32)
        for t in range(steps):
            observed = walk.observe()
            self._seen.add(observed)
            seen[t] = self._normalized(observed)
            noise = self._stream.standard_normal((count, MOTORS)).astype(np.float32)
            actions[t] = _forward(actor, seen[t]) + np.exp(log_std) * noise
            chosen[t] = -0.5 * np.sum(noise**2, axis=1) - log_std.sum() - MOTORS / 2 * np.log(2 * np.pi)
            frame = walk.step(actions[t].astype(np.float64))
            over = frame.fell | frame.timed_out
            rewards[t] = self._scaled(frame.reward, over)
            # an episode cut off by the clock would have gone on: add what the critic expects of the rest
            rest = _forward(critic, self._normalized(frame.last))[:, 0]
            rewards[t] += self.settings.discount * frame.timed_out * rest
            ended[t] = over
        seen[steps] = self._normalized(walk.observe())
        values = _forward(critic, seen.reshape(-1, OBSERVED)).reshape(steps + 1, count)
        gained = advantages(rewards, ended, values, self.settings.discount, self.settings.trace)
        return Batch(seen[:steps], actions, chosen, gained, gained + values[:steps])

    def _scaled(self, reward: NDArray[np.float64], over: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return rewards (N,) divided by the running standard deviation of discounted returns."""
        self._discounted = self._discounted * self.settings.discount + reward
        self._scale.add(self._discounted)
        self._discounted[over] = 0.0
        return reward / self._scale.scale()

    def update(self, batch: Batch, learning_rate: float) -> None:
        """Improve both networks on `batch`."""
        torch = self._torch
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        fields = (batch.observations, batch.actions, batch.log_probability, batch.advantages, batch.returns)
        tensors = [torch.from_numpy(f.reshape(self.settings.update_frames, *f.shape[2:])) for f in fields]
        for _ in range(self.settings.epochs):
            order = torch.randperm(self.settings.update_frames, generator=self._generator)
            for chosen in order.split(self.settings.minibatch):
                divergence = self._minibatch(*(tensor[chosen] for tensor in tensors))
            if divergence > self.settings.kl_stop:
                break

    def _minibatch(self, seen_BF: Any, action_BM: Any, old_B: Any, gain_B: Any, return_B: Any) -> float:
        """Take one gradient step and return the estimated KL divergence from the acting policy."""
        torch = self._torch
        deviation = (action_BM - self._actor(seen_BF)) / self._log_std.exp()
        new_B = (-0.5 * deviation**2 - self._log_std).sum(1) - MOTORS / 2 * np.log(2 * np.pi)
        ratio_B = (new_B - old_B).exp()
        gain_B = (gain_B - gain_B.mean()) / (gain_B.std() + 1e-8)
        clipped_B = ratio_B.clamp(1 - self.settings.clip, 1 + self.settings.clip)
        surrogate = torch.min(ratio_B * gain_B, clipped_B * gain_B).mean()
        value_error = (self._critic(seen_BF)[:, 0] - return_B).pow(2).mean()
        self._optimizer.zero_grad()
        (0.5 * value_error - surrogate).backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, self.settings.gradient_norm)
        self._optimizer.step()
        return float((old_B - new_B.detach()).mean())
