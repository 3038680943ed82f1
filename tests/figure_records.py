"""Synthetic records for the tests of pictures: two damped waves, four seeds of three models, one of them lost."""

import math

from synthetic_records import recipe

from lnncmp.records.drawn import Example, Zoom
from lnncmp.records.schema import (
    BaselineRecord,
    Epoch,
    HorizonPoint,
    Parameters,
    PerturbationPoint,
    RunRecord,
    Scores,
    Seeds,
)
from lnncmp.records.store import Store

HASH, COMPARISON = "d" * 16, "abcdef0123456789"
TIMES = [0.1 * n for n in range(41)]
WAVE = [math.exp(-0.2 * t) * math.sin(3 * t + 0.4) for t in TIMES]
OFF = {"gru": 0.02, "ltc": 0.05, "cfc": -0.03}
LEVELS = {"gaussian": (0.1, 0.2, 0.4), "impulsive": (0.01, 0.1, 0.3), "physics": (None,), "single": (1.0,)}


def example(shift, **changes):
    fields = {
        "name": "slow wave",
        "time_unit": "s",
        "input_times": TIMES[:-1],
        "inputs": [value + 0.01 for value in WAVE[:-1]],
        "target_times": TIMES[1:],
        "truth": WAVE[1:],
        "predicted": [value + shift * math.cos(t) for value, t in zip(WAVE[1:], TIMES[1:], strict=True)],
        "zooms": [Zoom(name="near a peak", start=0.2, end=0.7), Zoom(name="near a zero crossing", start=0.8, end=1.2)],
    }
    return Example(**{**fields, **changes})


def scores(shift, **changes):
    points = [
        PerturbationPoint(group=g, name=f"{g} {v:g} sd" if v else g, level=v, windows=9, error=e, scaled=e)
        for g, levels in LEVELS.items()
        for v in levels
        for e in [shift**2 + 0.1 * (v or 1) ** 2]
    ]
    fields = {
        "metrics": {"test": {"mse": shift**2, "nmse": shift**2}},
        "horizons": [HorizonPoint(step=k, error=k * shift**2, scaled=k * shift**2) for k in range(1, 21)],
        "perturbations": points,
        "examples": [example(shift), example(shift / 2, name="Fast/../wave")],
    }
    return Scores(**{**fields, **changes})


def run(model, seed, diverged=False, **changes):
    shift = OFF[model] * (1 + 0.1 * seed)
    fields = {
        "run_id": f"{model}-{seed}",
        "protocol_id": COMPARISON,
        "case": "walker2d",
        "source": "simulated",
        "conditions": "noise 0.1",
        "preset": "quick",
        "model": model,
        "recipe": recipe(model, seed=seed),
        "data_hash": HASH,
        "seeds": Seeds(root=seed, model=1, wiring=2, batches=3, data=4),
        "status": "diverged" if diverged else "ok",
        "implementation": "loop",
        "parameters": Parameters(trainable=1, active=1, total=1),
        "history": [
            Epoch(epoch=e, train_loss=1, validation_loss=(1 + seed) / e, seconds=1, grad_norm=1, learning_rate=1)
            for e in range(1, 4 if diverged else 9)
        ],
        "best_epoch": 3 if diverged else 8,
        "scores": None if diverged else scores(shift),
    }
    return RunRecord.model_validate({**fields, **changes})


def records():
    return [run(model, seed, diverged=(model, seed) == ("ltc", 1)) for model in OFF for seed in range(4)]


def write(out, runs, baselines=("filter", "persistence")):
    store = Store(out)
    for record in runs:
        store.write_run(record)
    for name in baselines:
        store.write_baseline(BaselineRecord(baseline_id=f"b-{name}", name=name, data_hash=HASH, scores=scores(0.3)))
    return out
