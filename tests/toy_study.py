"""Toy models and toy data with known answers, for the tests of training and evaluation."""

import numpy as np
import torch
from torch import nn

from lnncmp.data import scaling
from lnncmp.data.windows import Futures, Splits, Windows
from lnncmp.layers.sequence_model import SequenceModel

torch.set_num_threads(1)
CPU = torch.device("cpu")


class Affine(SequenceModel):
    """y = W x + b at every step; counts how often it was constrained and which inputs it has seen."""

    def __init__(self, inputs=2, outputs=2):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.constrained = 0
        self.seen = []

    def initial_state(self, batch):
        return (torch.zeros(batch, 1),)

    def sequence(self, x, dt, valid, state):
        self.seen.append(x.detach().clone())
        return self.linear(x), state or self.initial_state(len(x))

    def constrain(self):
        self.constrained += 1


class Drift(SequenceModel):
    """Knows the answer: each target grows by its elapsed time times the steps read so far (a state is needed)."""

    def initial_state(self, batch):
        return (torch.zeros(batch, 1),)

    def sequence(self, x, dt, valid, state):
        (steps,) = state or self.initial_state(len(x))
        real = torch.ones_like(dt) if valid is None else valid.float()
        count = steps + real.cumsum(1)
        y = x[..., :1] + (dt * count)[..., None]
        return torch.where(real[..., None] > 0, y, 0.0), (count[:, -1:],)


class Noisy(SequenceModel):
    """A small GRU with dropout, so that training draws random numbers."""

    def __init__(self, inputs=2, outputs=2):
        super().__init__()
        self.gru = nn.GRU(inputs, 5, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.readout = nn.Linear(5, outputs)

    def initial_state(self, batch):
        return (torch.zeros(batch, 5),)

    def sequence(self, x, dt, valid, state):
        (h,) = state or self.initial_state(len(x))
        hidden, last = self.gru(x, h[None])
        return self.readout(self.dropout(hidden)), (last[0],)


def windows(x, y=None, dt=None, valid=None, target_mask=None, group="a"):
    x = np.asarray(x, np.float32)
    y = x.copy() if y is None else np.asarray(y, np.float32)
    return Windows(
        x=x,
        dt=np.ones(x.shape[:2], np.float32) if dt is None else np.asarray(dt, np.float32),
        valid=np.ones(x.shape[:2], bool) if valid is None else valid,
        observed=np.ones(x.shape, bool),
        y=y,
        target_mask=np.ones(y.shape, bool) if target_mask is None else target_mask,
        group=np.array([group] * len(x)),
    )


def random_windows(count, seed=0, steps=5, inputs=2, group="a"):
    """Targets are a fixed affine map of the inputs, so that a toy can learn them."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, steps, inputs)).astype(np.float32)
    return windows(x, 0.5 * x[..., ::-1] + 1.0, dt=rng.uniform(0.5, 2, (count, steps)), group=group)


def splits(train=None, validation=None, test=None, scaler=None, target_std=None):
    train = random_windows(20) if train is None else train
    targets = train.y.shape[2]
    scaler = scaling.identity(targets) if scaler is None else scaler
    return Splits(
        train,
        random_windows(7, 1, group="b") if validation is None else validation,
        random_windows(9, 2, group="c") if test is None else test,
        scaling.identity(train.x.shape[2]),
        scaler,
        np.ones(targets) if target_std is None else target_std,
    )


def futures(context, future, dt=None):
    future = np.asarray(future, np.float32)
    dt = np.ones(future.shape[:2]) if dt is None else dt
    return Futures(context, future, np.asarray(dt, np.float32))
