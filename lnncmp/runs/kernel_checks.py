"""Kernels are compared with plain PyTorch before a model is trained; where they differ, they are not used."""

from collections.abc import Callable
from typing import Any

from lnncmp.data.windows import Windows
from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.schema import KernelCheckRecord
from lnncmp.runs.plan import RunSpec
from lnncmp.training.kernel_check import KernelCheck, check_kernels

_done: dict[tuple[object, ...], KernelCheck | None] = {}
"""Checks of this process, by model and size of the batch."""


def require_sound_kernels(
    model: SequenceModel, spec: RunSpec, windows: Windows, warn: Callable[[str], None]
) -> dict[str, Any]:
    """Return what is to be recorded of the check of a model's kernels; a model that fails it is set to plain PyTorch.

    Checked once in a process for each model. `warn` is told of a failure.
    """
    batch = min(spec.recipe.train.batch_size, len(windows))
    padded = not bool(windows.valid.all())
    inputs = windows.x.shape[2]
    chosen = spec.recipe.model.model_dump_json(), spec.recipe.dt_as_input, spec.recipe.device
    key = (*chosen, inputs, batch, padded)
    if key not in _done:
        _done[key] = check_kernels(model, inputs, batch, padded)
    check = _done[key]
    if check is None:
        return {}
    found = KernelCheckRecord(
        agrees=check.agrees,
        output_difference=check.forward,
        gradient_difference=check.gradient,
        error=check.error,
        seconds=check.seconds,
    )
    if check.agrees:
        return {"kernel_check": found}
    use_plain(model)
    warning = f"the fused kernels of {spec.label} cannot be trusted here ({check.told}): plain PyTorch is used instead"
    warn(f"{warning}. `lnncmp doctor` checks them all.")
    return {"kernel_check": found, "warnings": [warning]}
