import math

import numpy as np
import pytest
import torch
from toy_classes import class_splits
from toy_study import CPU

from lnncmp.data.task import Task, classes
from lnncmp.data.windows import Windows
from lnncmp.models.base import load_model
from lnncmp.records.settings import TrainSettings
from lnncmp.training.batches import Batches
from lnncmp.training.build import build_model
from lnncmp.training.losses import cells_of, counted_mean, trained_task
from lnncmp.training.stack_trainer import StackTrainer
from lnncmp.training.trainer import Trainer

GRU = load_model("gru").arguments(hidden=4)


class TestClasses:
    """The loss of classes: cross-entropy over counted steps, weighted by class."""

    def test_cross_entropy_is_that_of_torch(self):
        torch.manual_seed(0)
        logits, labels = torch.randn(4, 6, 3), torch.randint(3, (4, 6))
        one_hot, counted = torch.nn.functional.one_hot(labels, 3).float(), torch.rand(4, 6, 1) > 0.4
        cells = cells_of(classes(("a", "b", "c")), CPU)(logits, one_hot)
        assert cells.shape == (4, 6, 1)
        wanted = torch.nn.functional.cross_entropy(logits[counted[..., 0]], labels[counted[..., 0]])
        torch.testing.assert_close(counted_mean(cells, counted), wanted)

    def test_weights_multiply_the_steps_of_their_class(self):
        logits = torch.zeros(1, 2, 2)
        one_hot = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
        cells = cells_of(classes(("a", "b"), weights=(0.5, 3.0)), CPU)(logits, one_hot)
        torch.testing.assert_close(cells[0, :, 0], math.log(2) * torch.tensor([0.5, 3.0]))

    def test_a_model_may_have_class_weights_of_its_own(self):
        task, own = classes(("a", "b"), weights=(1.0, 2.0)), TrainSettings(class_weights=(1.0, 11.69))
        assert trained_task(task, own).weights == (1.0, 11.69) and trained_task(task, TrainSettings()) is task
        with pytest.raises(ValueError, match="2 classes need as many weights"):
            trained_task(task, TrainSettings(class_weights=(1.0,)))
        # Settings without such weights are written as before: the identity of runs stays.
        assert "class_weights" not in TrainSettings().model_dump() and "class_weights" in own.model_dump()

    @pytest.mark.parametrize("kind", [Trainer, StackTrainer])
    def test_both_trainers_use_them(self, kind):
        made = class_splits(names=("low", "high"))
        losses = []
        for weights in (None, (1.0, 1.0), (1.0, 9.0)):
            torch.manual_seed(0)
            settings = TrainSettings(epochs=1, learning_rate=1e-9, class_weights=weights)
            model = build_model(load_model("gru"), GRU, 2, 2, dt_as_input=False, model_seed=1, wiring_seed=1)
            given = (model, 0) if kind is Trainer else ([model], [0])
            fitted = kind(given[0], made, settings, given[1], CPU).fit()
            losses.append((fitted if kind is Trainer else fitted[0]).history[0].validation_loss)
        assert losses[0] == pytest.approx(losses[1]) and losses[2] > 1.5 * losses[0]

    def test_a_label_of_a_window_counts_once(self):
        x, y = np.zeros((3, 4, 2), np.float32), np.zeros((3, 4, 2), np.float32)
        y[..., 0] = 1
        mask = np.zeros(y.shape, bool)
        mask[:, -1] = True
        windows = Windows(x, np.ones((3, 4), np.float32), np.ones((3, 4), bool), x == 0, y, mask, np.array(["g"] * 3))
        assert Batches(windows, classes(("a", "b")), CPU).count(torch.arange(3)) == 3

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"main": "accuracy"}, "main error"),
            ({"kind": "classes", "main": "error_rate", "classes": ("a",), "in_inputs": False}, "1 classes"),
            (
                {
                    "kind": "classes",
                    "main": "error_rate",
                    "classes": ("a", "b"),
                    "weights": (1.0,),
                    "in_inputs": False,
                },
                "weights",
            ),
        ],
    )
    def test_a_task_that_makes_no_sense_is_refused(self, given, words):
        with pytest.raises(ValueError, match=words):
            Task(**given)
