"""Searches whose trials are not trained: their losses are a known function of what was tuned."""

import math
from pathlib import Path

from lnncmp.recipe.load import load_recipe
from lnncmp.records.schema import Epoch, Parameters, RunRecord, Seeds
from lnncmp.records.store import Store
from lnncmp.runs.ready import Request
from lnncmp.tuning.search import Budget, tune

SMALL = ["data.waves=30", "data.validation_waves=10", "data.test_waves=10", "train.epochs=4"]
BEST_RATE = 0.02


class Silent:
    """A listener that keeps the warnings."""

    def __init__(self):
        self.total, self.warnings = 0, []

    def warn(self, message):
        self.warnings.append(message)

    def __getattr__(self, name):
        return lambda *given: None


def valley(spec):
    """The loss of a run: lowest at a learning rate of BEST_RATE and without decay; infinite above 0.5."""
    rate = spec.recipe.train.learning_rate
    if rate > 0.5:
        return math.inf
    return math.exp(math.log(rate / BEST_RATE) ** 2 / 4 + (1 - spec.recipe.train.decay) + spec.seed / 1e5)


class Toy:
    """An executor that writes records without training; `dies_at`: the batch before which it is interrupted."""

    def __init__(self, loss=valley, dies_at=None):
        self.loss, self.dies_at, self.trained = loss, dies_at, []

    def jobs(self, config):
        return config.jobs

    def work(self, batches, config, listener):
        assert config.evaluate is False
        for batch in batches:
            if len(self.trained) == self.dies_at:
                raise KeyboardInterrupt
            for spec in batch.runs:
                Store(config.out).write_run(record(spec, self.loss(spec)))
            self.trained.append(batch)


def record(spec, loss):
    row = {"epoch": 1, "train_loss": 1.0, "seconds": 0.1, "grad_norm": 1.0, "learning_rate": 0.1}
    ok = math.isfinite(loss)
    return RunRecord(
        **spec.model_dump(exclude={"label", "seed"}),
        model=spec.label,
        seeds=Seeds(root=spec.seed, model=0, wiring=0, batches=0, data=0),
        status="ok" if ok else "diverged",
        implementation="fused",
        parameters=Parameters(trainable=1, active=1, total=1),
        history=[Epoch(validation_loss=loss, **row)] if ok else [],
    )


def recipes(*changes, only=("lstm", "gru"), preset="quick"):
    given = [*SMALL, *changes]
    return [load_recipe("sine", preset, given, {"tuned": False}, only, variant) for variant in (None, "noise")]


def tuned(out, toy=None, budget=None, fresh=False, listener=None, **chosen):
    request = Request(Path(out), Path(out), fresh=fresh, executor=toy or Toy())
    return tune(recipes(**chosen), request, budget or Budget(), listener or Silent())
