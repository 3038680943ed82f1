"""The plain path on CUDA gives what it gives on the processor; skipped where no CUDA device exists."""

from dataclasses import replace

import pytest
import torch
from model_variants import build, each_case, real_steps, sample, tolerance

from lnncmp.cases.base import load_case
from lnncmp.evaluation.cost import BatchShape, TrainingStep, peak_memory
from lnncmp.models.base import load_model, model_names
from lnncmp.records.settings import TrainSettings
from lnncmp.training.build import build_model
from lnncmp.training.predict import NetworkPredictor
from lnncmp.training.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, torch finds none"),
]
CUDA = torch.device("cuda")


@each_case
@pytest.mark.parametrize("padded", [False, True])
def test_outputs_and_gradients_equal_those_of_the_processor(name, variant, padded):
    model = build(name, variant).eval()
    x, dt = sample()
    step = real_steps() if padded else None
    expected = model(x, dt, step)
    expected.square().sum().backward()
    gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model.to(CUDA)
    got = model(x.to(CUDA), dt.to(CUDA), None if step is None else step.to(CUDA))
    got.square().sum().backward()
    bound = 10 * tolerance(variant)
    torch.testing.assert_close(got.cpu(), expected, atol=bound, rtol=bound)
    for p, gradient in zip(model.parameters(), gradients, strict=True):
        if gradient is not None:
            torch.testing.assert_close(p.grad.cpu(), gradient, atol=10 * bound, rtol=10 * bound)


@pytest.mark.parametrize("name", model_names())
def test_training_predicting_and_measuring_run_on_the_device(name):
    splits = load_case("walker2d").sample().splits
    few = replace(
        splits, train=splits.train.take(slice(0, 32)), input_scaler=replace(splits.input_scaler, fitted=False)
    )
    spec = load_model(name)
    model = build_model(spec, spec.arguments(hidden=24), 17, 17, dt_as_input=True, model_seed=0, wiring_seed=0).to(CUDA)
    trainer = Trainer(model, few, TrainSettings(epochs=2, batch_size=16), 0, CUDA)
    assert trainer.fit().status == "ok" and len(trainer.fitted.history) == 2
    assert NetworkPredictor(model, CUDA).predict(few.test).shape == few.test.y.shape
    used, method = peak_memory(TrainingStep(model, BatchShape(8, 10, 17, 17), CUDA))
    assert used > 0 and method == "CUDA allocator peak"
