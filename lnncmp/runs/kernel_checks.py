"""Compares kernels with plain PyTorch before a model is trained; kernels that differ are not used."""

from collections.abc import Callable
from typing import Any

from lnncmp.data.windows import Windows
from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.schema import KernelCheckRecord
from lnncmp.runs.plan import RunSpec
from lnncmp.training.kernel_check import KernelCheck, check_kernels

_done: dict[tuple[object, ...], KernelCheck | None] = {}
"""Checks of this process, by model and batch size."""


def require_sound_kernels(
    model: SequenceModel, spec: RunSpec, windows: Windows, warn: Callable[[str], None]
) -> dict[str, Any]:
    """Return the fields of a record about the kernel check; a model that fails it is switched to plain PyTorch.

    Each model is checked once per process. `warn` is called on a failure.
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
    warning = (
        f"the fused kernels of {spec.label} cannot be trusted here ({check.summary}): plain PyTorch is used instead"
    )
    warn(f"{warning}. `lnncmp doctor` checks them all.")
    return {"kernel_check": found, "warnings": [warning]}
