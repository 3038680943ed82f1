"""The chemical synapses of an LTC: how much conductance each neuron receives from its sources.

For source i and target j with mask m (Hasani et al. 2021, arXiv 2006.04439, as in ncps.torch.LTCCell):
    s_ij = sigmoid(sigma_ij (v_i - mu_ij)),   den_j = sum_i m_ij w_ij s_ij,   num_j = sum_i m_ij w_ij s_ij erev_ij
Parameters have the shape (sources, targets) of ncps. The mask acts on the weights, so that an absent synapse
neither acts nor gets a gradient.

The elementwise work is laid out as (targets, sources, batch): both sums are then one batched matrix product and only
one tensor of that size is kept for the backward pass. Wirings with few synapses are evaluated over a table of the
sources of each target instead of over all pairs.

Legend of shape suffixes: B batch, P sources, J targets, K sources of a target (padded), R targets with a synapse.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lnncmp.layers.recurrent_layer import guard_mask

GATHER_BELOW = 1 / 3
"""Share of all pairs under which the table of sources is faster than all pairs (2.1 times at 11 %, 64 neurons)."""

Currents = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(v (P, B), num (J, B), den (J, B)) -> num and den with the synapses' part added."""


class RawSynapses(NamedTuple):
    """The parameters of the synapses from P sources to J targets, each (P, J); the mask is bool."""

    mask: Tensor
    sigma: Tensor
    mu: Tensor
    w: Tensor
    erev: Tensor


def _uniform(shape: tuple[int, ...], low: float, high: float) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape).uniform_(low, high))


class SourceTable(NamedTuple):
    """The targets with a synapse (R), their sources and places in (P, J) (R K each), and which entries exist (R, K)."""

    targets: Tensor
    sources: Tensor
    pairs: Tensor
    present: Tensor


def _table(mask: Tensor) -> SourceTable:
    targets = mask.any(0).nonzero()[:, 0]
    width = int(mask.sum(0).max())
    # A stable sort puts the existing sources first, in order; what follows fills the table and is masked.
    order = (~mask[:, targets]).to(torch.uint8).argsort(dim=0, stable=True)[:width].t().contiguous()
    pairs = (order * mask.shape[1] + targets[:, None]).flatten()
    return SourceTable(targets, order.flatten(), pairs, mask.t()[targets].gather(1, order))


def _lay_out(p: Tensor, table: SourceTable | None) -> Tensor:
    """Return a parameter (P, J) as (J, P), or as (R, K) of the table, in the order in which it is read."""
    if table is None:
        # With transposed views every unfold takes about twice the time.
        return p.t().contiguous()
    return p.flatten().index_select(0, table.pairs).view(table.present.shape)


class OpenedSynapses(nn.Module):
    """How far the synapses from P sources to J targets open, and how much they then conduct: mask, sigma, mu, w.

    They exist where a wiring's `polarity` (P, J) is not 0. `layout`: "dense" evaluates all pairs (needed to stack
    models of different wirings), "gathered" only those of the table, "auto" the faster. Weights are U(0.001, 1), sigma
    U(3, 8), mu U(0.3, 0.8), as in ncps. In the gathered layout the backward pass on CUDA is deterministic only under
    torch.use_deterministic_algorithms.
    """

    mask: Tensor

    def __init__(self, polarity: np.ndarray, layout: str = "auto") -> None:
        super().__init__()
        shape = polarity.shape
        self.sigma = _uniform(shape, 3.0, 8.0)
        self.mu = _uniform(shape, 0.3, 0.8)
        self.w = _uniform(shape, 0.001, 1.0)
        mask = torch.as_tensor(polarity != 0)
        self.register_buffer("mask", mask)
        guard_mask(self, "mask")
        fan_in = mask.sum(0)
        table = int((fan_in > 0).sum()) * int(fan_in.max())
        sparse = layout == "gathered" or (layout == "auto" and table < GATHER_BELOW * mask.numel())
        self.gathered = sparse and table > 0
        # No buffer: its size differs from wiring to wiring, and only the plain path reads it.
        self._table = _table(mask) if self.gathered else None

    @property
    def count(self) -> int:
        """The number of synapses that exist."""
        return int(self.mask.sum())

    def table(self) -> SourceTable | None:
        """Return the table of sources where the weights are now, None in the dense layout."""
        table = self._table
        if table is not None and table.present.device != self.w.device:
            table = self._table = SourceTable(*(part.to(self.w.device) for part in table))
        return table


class Synapses(OpenedSynapses):
    """Synapses with a reversal potential erev each, which starts as the polarity in {-1, 0, 1}."""

    def __init__(self, polarity: np.ndarray, layout: str = "auto") -> None:
        super().__init__(polarity, layout)
        self.erev = nn.Parameter(torch.as_tensor(polarity, dtype=torch.get_default_dtype()))

    def raw(self) -> RawSynapses:
        """Return mask, sigma, mu, w, erev, each (P, J), as the kernels take them."""
        return RawSynapses(self.mask, self.sigma, self.mu, self.w, self.erev)


def currents_of(raw: RawSynapses, table: SourceTable | None, positive: Callable[[Tensor], Tensor]) -> Currents:
    """Return the currents as a function of the sources' potential; `positive` maps w to conductances >= 0."""
    w = positive(raw.w)
    return sums_of((raw.mask, raw.sigma, raw.mu), w * raw.erev, w, table)


def sums_of(
    opened: tuple[Tensor, Tensor, Tensor], first: Tensor, second: Tensor, table: SourceTable | None
) -> Currents:
    """Return a function that adds sum_i m_ij first_ij s_ij to num and sum_i m_ij second_ij s_ij to den.

    opened: mask, sigma, mu, each (P, J) like `first` and `second`.
    """
    mask, sigma, mu = opened[0], *(_lay_out(p, table) for p in opened[1:])
    present = mask.t() if table is None else table.present
    weights = torch.stack([_lay_out(first, table) * present, _lay_out(second, table) * present], 1)
    slope, offset = sigma[..., None], -(sigma * mu)[..., None]
    return _dense(weights, slope, offset) if table is None else _gathered(table, weights, slope, offset)


def _dense(weights: Tensor, slope: Tensor, offset: Tensor) -> Currents:
    def currents(v: Tensor, num: Tensor, den: Tensor) -> tuple[Tensor, Tensor]:
        s = torch.sigmoid(torch.addcmul(offset, v[None], slope))
        added_num, added_den = torch.bmm(weights, s).unbind(1)
        return num + added_num, den + added_den

    return currents


def _gathered(table: SourceTable, weights: Tensor, slope: Tensor, offset: Tensor) -> Currents:
    rows, width = table.present.shape

    def currents(v: Tensor, num: Tensor, den: Tensor) -> tuple[Tensor, Tensor]:
        v_pre = v.index_select(0, table.sources).view(rows, width, -1)
        s = torch.sigmoid(torch.addcmul(offset, v_pre, slope))
        added_num, added_den = torch.bmm(weights, s).unbind(1)
        return num.index_add(0, table.targets, added_num), den.index_add(0, table.targets, added_den)

    return currents
