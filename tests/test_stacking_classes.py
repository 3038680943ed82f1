"""Networks of classes trained in one call get the numbers that each has alone, whatever weights and labels."""

import pytest
import torch
from test_stacking import make, rows, settings
from toy_classes import class_splits
from toy_study import CPU

from lnncmp.training.stack_trainer import StackTrainer
from lnncmp.training.trainer import Trainer

NAMES = ("no", "yes")  # as many outputs as other tests have, for which kernels are compiled
CHANGES = {"clip": "global", "clip_norm": 0.5, "l2": 1e-3}


@pytest.mark.parametrize("label", ["step", "window"])
@pytest.mark.parametrize("weights", [(), (0.2, 5.0)])
@pytest.mark.parametrize("name", ["ltc", "ncp", "cfc", "lstm", "gru"])
def test_equals_training_one_by_one(name, weights, label):
    data = class_splits(names=NAMES, label=label, weights=weights)
    models = [make(name, seed, outputs=2) for seed in (0, 1)]
    trainer = StackTrainer(models, data, settings(**CHANGES), [100, 101], CPU)
    for k, result in enumerate(trainer.fit()):
        model = make(name, k, outputs=2)
        alone = Trainer(model, data, settings(**CHANGES), 100 + k, CPU).fit()
        assert result.best_epoch == alone.best_epoch
        for ours, theirs in zip(rows(result.history), rows(alone.history), strict=True):
            assert ours == pytest.approx(theirs, rel=2e-4)
        for p, q in zip(trainer.stack.models[k].parameters(), model.parameters(), strict=True):
            assert torch.allclose(p, q, rtol=0, atol=2e-4)


def test_weights_and_labels_change_what_is_learnt():
    """So that the equality above is not one of losses that ignore them."""
    first = {}
    for label in ("step", "window"):
        for weights in ((), (0.2, 5.0)):
            data = class_splits(names=NAMES, label=label, weights=weights)
            (result,) = StackTrainer([make("gru", outputs=2)], data, settings(), [100], CPU).fit()
            first[label, weights] = result.history[0].train_loss
    assert len({round(loss, 4) for loss in first.values()}) == 4
