"""A toy case of classes with known answers: which of three signs a sum of inputs has, per step or per window."""

from dataclasses import replace

import numpy as np
from toy_study import splits, windows

from lnncmp.baselines import trivial_predictors
from lnncmp.cases.base import Case, Prepared, Settings, Target, TestSet
from lnncmp.data.resampling import resampling_of
from lnncmp.data.task import classes
from lnncmp.records.class_metrics import class_metrics

NAMES = ("low", "middle", "high")


def labelled(count, seed=0, steps=8, inputs=2, names=NAMES, label="step", groups=5, prefix="a"):
    """Return windows whose class is the range of the running mean of the first input; `label`: of which steps."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, steps, inputs)).astype(np.float32)
    mean = x[..., 0].cumsum(axis=1) / np.sqrt(np.arange(1, steps + 1))
    labels = np.digitize(mean, np.linspace(-0.5, 0.5, len(names) - 1) if len(names) > 2 else [0.6])
    counted = np.full((count, steps), label == "step")
    valid = np.arange(steps)[None] < rng.integers(steps // 2, steps + 1, count)[:, None]
    counted[np.arange(count), valid.sum(axis=1) - 1] = True
    made = windows(x, np.eye(len(names))[labels], rng.uniform(0.5, 2, (count, steps)), valid)
    mask = np.repeat(counted[..., None], len(names), axis=2)
    group = np.array([f"{prefix}{n % groups}" for n in range(count)])
    return replace(made, target_mask=mask, group=group)


def class_splits(names=NAMES, label="step", main="error_rate", weights=(), sizes=(60, 20, 40)):
    parts = [labelled(n, seed, names=names, label=label, prefix="abc"[seed]) for seed, n in enumerate(sizes)]
    return replace(splits(*parts), task=classes(names, main, weights))


def prepared(**options):
    made = class_splits(**options)
    noisy = made.test.with_inputs(made.test.x + 0.3 * np.random.default_rng(9).standard_normal(made.test.x.shape))
    shifted = [TestSet("noise", "noise 0.3 sd", 0.3, lambda: replace(noisy, x=noisy.x.astype(np.float32)))]
    return Prepared(
        made,
        None,
        shifted,
        "hash",
        lambda: trivial_predictors(made),
        resampling=resampling_of(made.test.group, 0, samples=40),
    )


def case(names=NAMES, main="error_rate"):
    return Case(
        title="Signs",
        summary="Which sign a running mean has.",
        version=1,
        sources={},
        settings=Settings,
        step_unit="step",
        targets=tuple(Target(name, "logit") for name in names),
        horizons=(),
        prepare=lambda *given: prepared(names=names, main=main),
        sample=lambda: prepared(names=names, main=main),
        metrics=class_metrics(main, names),
    )
