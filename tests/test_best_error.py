"""The best epoch by mistakes in validation (`restore = best_error`), alone and stacked, and of values by their loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_study import CPU, random_windows, splits

from lnncmp.data.task import classes
from lnncmp.models.base import load_model
from lnncmp.records.settings import TrainSettings
from lnncmp.training.build import build_model
from lnncmp.training.losses import mistakes
from lnncmp.training.predict import NetworkPredictor
from lnncmp.training.stack_trainer import StackTrainer
from lnncmp.training.trainer import Trainer


def labelled(count, seed, group):
    """Windows whose class is the sign of a running sum, with a tenth of the labels wrong."""
    made = random_windows(count, seed, steps=6, group=group)
    rng = np.random.default_rng(seed)
    label = (made.x.cumsum(axis=1)[..., :1] > 0) ^ (rng.random((count, 6, 1)) < 0.1)
    return replace(made, y=np.concatenate([~label, label], axis=2).astype(np.float32))


def study():
    parts = [labelled(40, 0, "a"), labelled(30, 1, "b"), labelled(9, 2, "c")]
    return replace(splits(*parts, target_std=np.ones(2)), task=classes(("low", "high")))


def model(seed):
    spec = load_model("gru")
    return build_model(spec, spec.arguments(hidden=8), 2, 2, dt_as_input=True, model_seed=seed, wiring_seed=seed)


def settings(restore):
    return TrainSettings(epochs=25, batch_size=8, learning_rate=0.05, restore=restore)


def mistakes_of(network, part):
    predicted = NetworkPredictor(network, CPU).predict(part)
    return float((predicted.argmax(-1) != part.y.argmax(-1)).mean())


def trained(restore, seed=0):
    """The trained model, its result, and the mistakes in validation after each epoch."""
    torch.set_num_threads(1)
    data, network, seen = study(), model(seed), []
    trainer = Trainer(network, data, settings(restore), seed, CPU)
    fitted = trainer.fit(lambda it: seen.append(mistakes_of(network, data.validation)))
    return network, fitted, seen


def test_the_weights_are_those_of_the_first_epoch_with_the_fewest_mistakes():
    network, fitted, seen = trained("best_error")
    assert fitted.best_epoch == 1 + int(np.argmin(seen))
    assert mistakes_of(network, study().validation) == min(seen)
    losses = [epoch.validation_loss for epoch in fitted.history]
    assert fitted.best_epoch != 1 + int(np.argmin(losses))  # else this test would show nothing
    assert trained("best")[1].best_epoch == 1 + int(np.argmin(losses))


def test_stacked_copies_choose_the_epoch_that_each_has_alone():
    data = study()
    models = [model(seed) for seed in range(3)]
    found = StackTrainer(models, data, settings("best_error"), [0, 1, 2], CPU).fit()
    assert [one.best_epoch for one in found] == [trained("best_error", seed)[1].best_epoch for seed in range(3)]


@pytest.mark.parametrize("restore", ["best", "best_error"])
def test_of_values_the_loss_chooses(restore):
    spec = load_model("gru")
    network = build_model(spec, spec.arguments(hidden=4), 2, 2, dt_as_input=True, model_seed=0, wiring_seed=0)
    fitted = Trainer(network, splits(), settings(restore), 0, CPU).fit()
    assert fitted.best_epoch == 1 + int(np.argmin([epoch.validation_loss for epoch in fitted.history]))


def test_a_tie_counts_for_the_first_class():
    outputs, targets = torch.zeros(1, 2, 2), torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    assert mistakes(outputs, targets)[0, :, 0].tolist() == [0, 1]
