"""Synthetic records of a study of classes, and of values with several targets: every number is chosen."""

from synthetic_records import baseline, measurement, run, scores

from lnncmp.records.class_metrics import class_metrics
from lnncmp.records.schema import PerturbationPoint, Scores

NAMES = ("rest", "walk", "run")


def class_scores(error, main="error_rate", names=NAMES, **others):
    """Scores with this error rate; recall falls from class to class, and so does the share of the labels."""
    test = {
        "error_rate": error,
        "balanced_error_rate": 1.5 * error,
        "log_loss": 3 * error,
        "accuracy": 1 - error,
        "balanced_accuracy": 1 - 1.5 * error,
        "f1": 0.9 - error,
        "auroc": 0.99 - error / 2,
        "auprc": 0.95 - error,
        "calibration_error": error / 4,
        **others,
    }
    each = {
        "share": dict(zip(names, (0.6, 0.395, 0.005), strict=True)),
        "recall": dict(zip(names, (1 - error, 1 - 2 * error, 0.25), strict=True)),
        "f1": dict(zip(names, (1 - error, 1 - 1.5 * error, 0.2), strict=True)),
    }
    noise = [
        PerturbationPoint(
            group="noise",
            name=f"noise {level:g} sd",
            level=level,
            windows=50,
            error=error + level**2,
            scaled=3 * error + 2 * level**2,
            ratio=(error + level**2) / 0.5,
        )
        for level in (0.1, 0.3)
    ]
    return Scores(main=main, metrics={"test": test}, per_target=each, perturbations=noise)


WAVE = [0.01 * ((seed * 7) % 5 - 2) for seed in range(8)]


def class_run(model, seed, error, **changes):
    return run(model, seed, 1.0, scores=class_scores(error, **changes))


def class_study(main="error_rate"):
    """Arguments of `compare` for eight seeds of three models: cfc better than lstm, ltc worse."""
    records = [
        class_run(model, seed, middle + wave, main=main)
        for model, middle in (("lstm", 0.2), ("cfc", 0.12), ("ltc", 0.31))
        for seed, wave in enumerate(WAVE)
    ]
    return {
        "runs": records,
        "measurements": [measurement(model) for model in ("lstm", "cfc", "ltc")],
        "baselines": [
            baseline("majority", 1.0, scores=class_scores(0.4, main=main)),
            baseline("logistic4", 1.0, scores=class_scores(0.25, main=main)),
        ],
        "reference": "lstm",
        "title": "Gestures",
        "horizons": (),
        "metrics": class_metrics(main, NAMES),
    }


def target_scores(mse, shares=(0.9, 0.06, 0.04)):
    """Scores whose MSE is of three targets in these shares."""
    names = ("foot", "knee", "hip")
    own = scores(mse)
    each = {name: 3 * mse * share for name, share in zip(names, shares, strict=True)}
    return own.model_copy(
        update={"per_target": {"mse": each, "nmse": {name: mse / (n + 1) for n, name in enumerate(names)}}}
    )


def target_study(shares=(0.9, 0.06, 0.04)):
    """Arguments of `compare` for six seeds of two models with three targets."""
    records = [
        run(model, seed, 1.0, scores=target_scores(middle + wave, shares))
        for model, middle in (("lstm", 1.0), ("cfc", 0.8))
        for seed, wave in enumerate(WAVE[:6])
    ]
    return {
        "runs": records,
        "measurements": [measurement(model) for model in ("lstm", "cfc")],
        "baselines": [baseline("persistence", 2.0, scores=target_scores(2.0, (0.5, 0.3, 0.2)))],
        "reference": "lstm",
        "title": "Walker",
    }
