"""Masks of a wiring travel with the weights; weights of another wiring are refused."""

import torch
from torch import Tensor, nn

from lnncmp.errors import UsageError


def guard_mask(module: nn.Module, buffer: str) -> None:
    """Make `module.load_state_dict` raise UsageError if the loaded mask `buffer` differs from the module's own.

    Weights of another wiring would act through the wrong synapses without any other sign of it.
    """

    def check(owner: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
        ours, theirs = owner.get_buffer(buffer), state.get(prefix + buffer)
        if theirs is None or (theirs.shape == ours.shape and torch.equal(theirs.to(ours), ours)):
            return
        raise UsageError(
            f"the weights to load belong to another wiring: {prefix + buffer} has {int(theirs.sum())} entries of "
            f"{tuple(theirs.shape)}, this model's has {int(ours.sum())} of {tuple(ours.shape)}",
            "build the model with the wiring and wiring seed that the weights were trained with",
        )

    module.register_load_state_dict_pre_hook(check)
