"""Whether a model or a case keeps its contract, as far as a small example shows: for those of other packages."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from lnncmp.cases.base import load_case
from lnncmp.evaluation.evaluate import score
from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.models.base import load_model
from lnncmp.training.build import build_model

_INPUTS, _OUTPUTS, _ROWS, _STEPS, _HIDDEN = 3, 2, 4, 5, 16
_CLOSE = 1e-4


def model_faults(name: str) -> list[str]:
    """Return in which way the model `name` breaks the contract of models, in its default arguments and 16 units.

    In plain PyTorch: `lnncmp doctor` compares kernels with it elsewhere. Raises what building and running it raises.
    """
    first, again = _built(name, 0), _built(name, 0)
    x, dt = torch.randn(_ROWS, _STEPS, _INPUTS), 0.5 + torch.rand(_ROWS, _STEPS)
    y = first(x, dt)
    if y.shape != (_ROWS, _STEPS, _OUTPUTS):
        return [
            f"its outputs have shape {tuple(y.shape)}, they should have (rows, steps, targets) = "
            f"{(_ROWS, _STEPS, _OUTPUTS)}"
        ]
    return [*_faults_of_outputs(first, again, x, dt, y), *_faults_of_time(name, first, x, dt, y)]


def _built(name: str, seed: int) -> SequenceModel:
    spec = load_model(name)
    arguments = spec.arguments.model_validate({"hidden": _HIDDEN})
    model = build_model(spec, arguments, _INPUTS, _OUTPUTS, dt_as_input=False, model_seed=seed, wiring_seed=seed)
    return use_plain(model).eval()


def _faults_of_outputs(model: SequenceModel, again: SequenceModel, x: Tensor, dt: Tensor, y: Tensor) -> Iterator[str]:
    if not y.isfinite().all():
        yield "its outputs are not finite"
    if not torch.equal(again(x, dt), y):
        yield "built twice from one seed, it gives different outputs"
    y.sum().backward()
    if not any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters()):
        yield "no gradient reaches its parameters"
    with torch.no_grad():
        valid = torch.ones(_ROWS, _STEPS, dtype=torch.bool)
        valid[1, 2:] = False
        padded = model(x.masked_fill(~valid[..., None], math.nan), dt, valid)
        if not _same(padded[valid], y[valid]):
            yield "what is in padding reaches its outputs"
        state, steps = model.initial_state(_ROWS), []
        for t in range(_STEPS):
            out, state = model.step(x[:, t], dt[:, t], state)
            steps.append(out)
        if not _same(torch.stack(steps, 1), y):
            yield "step by step it gives other outputs than for the whole sequence"


def _faults_of_time(name: str, model: SequenceModel, x: Tensor, dt: Tensor, y: Tensor) -> Iterator[str]:
    uses = load_model(name).uses_dt
    with torch.no_grad():
        changes = not torch.equal(model(x, 2 * dt), y)
    if uses != changes:
        yield f"uses_dt is {uses}, but elapsed times {'change' if changes else 'do not change'} its outputs"


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=_CLOSE, atol=_CLOSE)


def case_faults(name: str) -> list[str]:
    """Return in which way the sample of the case `name` breaks the contract of cases. Raises what making it raises."""
    case = load_case(name)
    prepared = case.sample()
    faults = []
    inputs, outputs = prepared.splits.train.x.shape[2], prepared.splits.train.y.shape[2]
    if outputs != len(case.targets):
        faults.append(f"its windows have {outputs} targets, CASE names {len(case.targets)}")
    features = case.encoding_of(case.settings()).features
    if len(features) != inputs:
        faults.append(f"its windows have {inputs} features, its encoding {len(features)}")
    baselines = prepared.baselines()
    if not baselines:
        faults.append("it has no untrained baseline")
    for baseline, predictor in baselines.items():
        errors = score(predictor, prepared, case).metrics["test"]
        faults += [
            f"{key} of its baseline {baseline} is {one}" for key, one in errors.items() if not math.isfinite(one)
        ]
    return faults
