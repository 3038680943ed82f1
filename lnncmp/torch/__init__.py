"""Layers for everybody's training script: the signatures of ncps.torch and torch.nn, computed by fused kernels.

    from lnncmp.torch import LTC, CfC          # instead of: from ncps.torch import LTC, CfC

Parameters have the names, shapes, order and initial values of ncps.torch, so state dicts load both ways. Wirings are
those of ncps.wirings. What differs is a table in docs/torch.md.
"""

from lnncmp.torch.accelerate import Accelerated, accelerate
from lnncmp.torch.cfc import CfC, WiredCfC
from lnncmp.torch.cfc_cell import CfCCell
from lnncmp.torch.lstm_gru import GRU, LSTM
from lnncmp.torch.ltc import LTC
from lnncmp.torch.ltc_cell import LTCCell
from lnncmp.torch.wired_cfc_cell import WiredCfCCell

__all__ = ["GRU", "LSTM", "LTC", "Accelerated", "CfC", "CfCCell", "LTCCell", "WiredCfC", "WiredCfCCell", "accelerate"]
