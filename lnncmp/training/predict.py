"""A trained network as a predictor: batches in, numpy arrays out, in evaluation mode, for every window.

Legend of shapes: N windows, T steps, O targets, K steps of a future.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnncmp.data.windows import Futures, Windows
from lnncmp.layers.sequence_model import SequenceModel

Floats = NDArray[np.float32]


def tensors(windows: Windows, device: torch.device) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return x, dt and valid of `windows` on `device`; valid is None if no window is padded, which is faster."""
    valid = None if windows.valid.all() else torch.from_numpy(np.ascontiguousarray(windows.valid)).to(device)
    return torch.from_numpy(windows.x).to(device), torch.from_numpy(windows.dt).to(device), valid


class NetworkPredictor:
    """Wraps a SequenceModel as a `Predictor`. `batch` only limits memory: results do not depend on it."""

    def __init__(self, model: SequenceModel, device: torch.device, batch: int = 1024) -> None:
        self.model = model
        self.device = device
        self.batch = batch

    @torch.no_grad()
    def predict(self, windows: Windows) -> Floats:
        """Return one-step predictions (N, T, O)."""
        self.model.eval()
        out = np.empty(windows.y.shape, np.float32)
        for start in range(0, len(windows), self.batch):
            rows = slice(start, start + self.batch)
            x, dt, valid = tensors(windows.take(rows), self.device)
            out[rows] = self.model(x, dt, valid).cpu().numpy()
        return out

    @torch.no_grad()
    def spread(self, windows: Windows) -> tuple[Floats, Floats] | None:
        """Return mean and standard deviation (N, T, O) of one-step predictions, None if the model has no spread."""
        self.model.eval()
        mean, std = np.empty(windows.y.shape, np.float32), np.empty(windows.y.shape, np.float32)
        for start in range(0, len(windows), self.batch):
            rows = slice(start, start + self.batch)
            found = self.model.spread(*tensors(windows.take(rows), self.device))
            if found is None:
                return None
            mean[rows], std[rows] = (part.cpu().numpy() for part in found)
        return mean, std

    def samples(self) -> list["NetworkPredictor"]:
        """Return a predictor for each sample of the model, whose mean it is; empty if it gives one answer."""
        return [NetworkPredictor(one, self.device, self.batch) for one in self.model.samples()]

    @torch.no_grad()
    def roll_out(self, futures: Futures) -> Floats:
        """Return free-running predictions (N, K, O): after the context, each prediction is fed back as input."""
        self.model.eval()
        out = np.empty(futures.future.shape, np.float32)
        for start in range(0, len(futures.context), self.batch):
            rows = slice(start, start + self.batch)
            out[rows] = self._roll_out(futures, rows)
        return out

    def _roll_out(self, futures: Futures, rows: slice) -> Floats:
        context = futures.context.take(rows)
        targets = futures.future.shape[2]
        x, context_dt, valid = tensors(context, self.device)
        times = torch.from_numpy(futures.dt[rows]).to(self.device)
        others = None if futures.others is None else torch.from_numpy(futures.others[rows]).to(self.device)
        fed_back = None if futures.fed_back is None else torch.from_numpy(futures.fed_back).to(self.device)
        y, state = self.model.sequence(x, context_dt, valid, None)
        last = np.maximum(context.valid.sum(axis=1) - 1, 0)
        every = torch.arange(len(x), device=self.device)
        ends = torch.from_numpy(last).to(self.device)
        predicted, inputs = y[every, ends], x[every, ends]
        out = [predicted]
        for k in range(1, times.shape[1]):
            # The prediction that is fed back, its elapsed time and the covariates all belong to future step k - 1.
            covariates = inputs[:, targets:] if others is None else others[:, k - 1]
            fed = predicted if fed_back is None else torch.where(fed_back, predicted, inputs[:, :targets])
            inputs = torch.cat([fed, covariates], dim=1)
            predicted, state = self.model.step(inputs, times[:, k - 1], state)
            out.append(predicted)
        return torch.stack(out, dim=1).cpu().numpy()
