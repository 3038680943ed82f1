"""Synthetic records for the tests of comparing and reporting: every number below is chosen, none was measured."""

from collections.abc import Sequence
from typing import Any

from lnncmp.comparison.compare import compare
from lnncmp.records.metric import Metric, Published
from lnncmp.records.schema import (
    BaselineRecord,
    Epoch,
    HorizonPoint,
    MeasurementRecord,
    Parameters,
    PerturbationPoint,
    RunRecord,
    Scores,
    Seeds,
)

DATA_HASH = "d" * 16


def recipe(label: str = "lstm", **changes: Any) -> dict[str, Any]:
    """A complete recipe of a run; tables are laid over the usual ones."""
    usual = {
        "case": "walker2d",
        "case_version": 1,
        "source": "simulated",
        "match": "hidden",
        "dt_as_input": True,
        "device": "cpu",
        "threads": 1,
        "deterministic": False,
        "data": {"window": 10, "timespans": "elapsed"},
        "train": {"epochs": 3, "restore": "best"},
        "evaluate": {"horizon": 50},
        "model": {"label": label, "name": label, "version": 1, "arguments": {"hidden": 64}},
        "seed": 0,
    }
    tables = {key: {**usual[key], **value} if isinstance(value, dict) else value for key, value in changes.items()}
    return {**usual, **tables}


def scores(mse: float, *, slope: float = 0.5, ones: float = 1.01, far: float | None = None) -> Scores:
    """One-step MSE `mse`, NMSE a tenth of it, noise slope `slope`, free-running error 2, 3 and `far` (or 5) times."""
    nmse = mse / 10
    noise = [
        PerturbationPoint(
            group="noise",
            name=f"sensor noise {level} sd",
            level=level,
            windows=100,
            error=10 * (nmse + slope * level**2),
            scaled=nmse + slope * level**2,
            ratio=mse / 2,
        )
        for level in (0.1, 0.3, 1.0)
    ]
    others = [
        PerturbationPoint(
            group="physics", name="gravity_x2", level=None, windows=50, error=2 * mse, scaled=2 * nmse, ratio=mse
        ),
        PerturbationPoint(
            group="timespans", name="ones", level=None, windows=100, error=ones * mse, scaled=ones * nmse
        ),
    ]
    ahead = {1: 2 * mse, 10: 3 * mse, 50: 5 * mse if far is None else far}
    return Scores(
        metrics={"test": {"mse": mse, "nmse": nmse}},
        horizons=[HorizonPoint(step=step, error=error, scaled=error / 10) for step, error in ahead.items()],
        perturbations=noise + others,
    )


def run(model: str, seed: int, mse: float | None, **changes: Any) -> RunRecord:
    """A run that is ok with test error `mse`, or diverged in epoch 2 if that is None."""
    ok = mse is not None
    fields = {
        "run_id": f"{model}-{seed}",
        "protocol_id": "c" * 8,
        "case": "walker2d",
        "source": "simulated",
        "preset": "quick",
        "model": model,
        "recipe": recipe(model),
        "data_hash": DATA_HASH,
        "seeds": Seeds(root=seed, model=1, wiring=2, batches=3, data=4),
        "status": "ok" if ok else "diverged",
        "reason": None if ok else "loss is not finite",
        "stopped_epoch": None if ok else 2,
        "implementation": "loop",
        "parameters": Parameters(trainable=12345, active=12000, total=13000),
        "structure": {"neurons": 64},
        "history": [
            Epoch(epoch=n, train_loss=1, validation_loss=1, seconds=1 + n + seed, grad_norm=1, learning_rate=0.01)
            for n in (0, 1, 2)
        ],
        "best_epoch": 2 if ok else None,
        "scores": scores(mse) if mse is not None else None,
    }
    return RunRecord.model_validate({**fields, **changes})


def runs(model: str, errors: Sequence[float | None], **changes: Any) -> list[RunRecord]:
    return [run(model, seed, error, **changes) for seed, error in enumerate(errors)]


def measurement(model: str, **changes: Any) -> MeasurementRecord:
    """A measurement in three repeats of the model of `recipe`, one thread; wall-clock time is twice the processor's."""
    fields = {
        "measurement_id": f"m-{model}",
        "session": "s",
        "case": "walker2d",
        "model": model,
        "name": model,
        "arguments": {"hidden": 64},
        "dt_as_input": True,
        "inputs": 17,
        "outputs": 17,
        "windows": 640,
        "provenance": {"cpu": "a processor", "device": "cpu", "threads": 1},
        "implementation": "loop",
        "batch": 64,
        "steps": 10,
        "step_seconds": [0.04, 0.08, 0.06],
        "step_cpu_seconds": [0.02, 0.04, 0.03],
        "latency_seconds": [0.0002, 0.0003, 0.0004],
        "saved_bytes": 84_500,
        "peak_memory_bytes": 12_300_000,
        "peak_memory_samples": [12_300_000, 11_900_000, 12_500_000],
        "memory_spread_samples": [4096, 0, 8192],
        "method": "fresh process",
    }
    return MeasurementRecord.model_validate({**fields, **changes})


def baseline(name: str, mse: float, **changes: Any) -> BaselineRecord:
    made = changes.pop("scores", scores(mse, slope=1.0))
    if name == "persistence":  # persistence: its ratio to itself is 1
        points = [p if p.ratio is None else p.model_copy(update={"ratio": 1.0}) for p in made.perturbations]
        made = made.model_copy(update={"perturbations": points})
    fields = {"baseline_id": f"b-{name}", "name": name, "data_hash": DATA_HASH, "scores": made}
    return BaselineRecord.model_validate({**fields, **changes})


def study() -> dict[str, Any]:
    """Arguments of `compare` for ten seeds of four models: one better, one alike, one that loses runs."""
    wave = [0.03, -0.02, 0.01, -0.04, 0.02, 0.0, -0.01, 0.04, -0.03, 0.05]
    lstm = runs("lstm", [0.9 + w for w in wave], implementation="fused")
    cfc = runs("cfc", [0.8 + w / 2 for w in wave])
    gru = runs("gru_1", [0.9 - w for w in wave], implementation="fused")
    ltc = runs("ltc", [1.1 + w for w in wave[:8]] + [None, None])
    ltc[3] = run("ltc", 3, 1.06, scores=scores(1.06, far=float("inf")))
    without_time = [
        run("cfc", s, 0.88 + w, recipe=recipe("cfc", data={"timespans": "ones"})) for s, w in enumerate(wave)
    ]
    return {
        "runs": [*lstm, *cfc, *gru, *ltc],
        "measurements": [
            measurement("lstm", implementation="fused", saved_bytes=512, peak_memory_bytes=1_200_000_000),
            measurement("cfc"),
            measurement("gru_1"),
        ],
        "baselines": [baseline("persistence", 6.5), baseline("train_mean", 7.369)],
        "reference": "lstm",
        "title": "Walker2d",
        "published": {
            "cfc": Published(mean=0.64305, std=0.00574, source="Table 5", differences=["50 epochs & last weights"])
        },
        "ablations": {"timespans=ones": without_time},
    }


MEASURES = (
    Metric(
        name="mse_peak",
        heading="MSE near\npeaks",
        unit="y^2",
        better="lower",
        formula="mean squared error over the targets within a tenth of a period of a peak",
    ),
    Metric(name="lag", heading="lag", unit="s", better="ideal", ideal=0, formula="Shift of the best fit to the truth."),
    Metric(name="agreement", heading="sign\nagreement", unit="", better="higher", formula="share of equal signs"),
    Metric(
        name="noise_gain",
        heading="noise\ngain",
        unit="",
        better="lower",
        formula="standard deviation passed on over that put in, at noise of 0.1",
        compared=False,
    ),
)


def measured(mse: float, **measures: float) -> Scores:
    """Scores with these measures of the case, free-running errors, and perturbations without a noise slope."""
    levels = [("gaussian", f"gaussian noise {level:g}", level, mse / 2 + level) for level in (0.0, 0.1)]
    points = [
        PerturbationPoint(group=group, name=name, level=level, windows=9, error=mse, scaled=mse / 10, ratio=ratio)
        for group, name, level, ratio in [*levels, ("shift", "twice the frequency", None, mse)]
    ]
    metrics = {"test": {"mse": mse, "nmse": mse / 10, **measures}}
    return scores(mse).model_copy(update={"metrics": metrics, "perturbations": points})


def measured_study() -> dict[str, Any]:
    """Arguments of `compare` for a case with measures: cfc better, lstm alike and once unknown, ltc once not finite."""

    def of(model: str, seed: int, scale: float, **changes: float) -> RunRecord:
        wave = 0.01 * ((seed * 7) % 5 - 2)
        values = {
            "mse_peak": scale * (0.02 + wave / 10),
            "lag": 0.05 * scale - 0.045 + wave,
            "agreement": 0.99 - 0.02 * scale + wave / 10,
            "noise_gain": 0.3 * scale + wave,
            **changes,
        }
        own = measured(scale + wave, **values)
        if seed == 9 and model == "lstm":
            del own.metrics["test"]["lag"]
        return run(model, seed, 1.0, scores=own, case="sine", source="generated", conditions="noise 0.1")

    wild = {"lag": float("inf")}
    records = [of("gru", seed, 1.0) for seed in range(10)]
    alike = [1.011, 0.993, 1.013, 0.998, 1.005, 0.983, 1.003, 1.019, 0.989, 1.007]
    records += [of("lstm", seed, scale) for seed, scale in enumerate(alike)]
    records += [of("cfc", seed, 0.5) for seed in range(10)]
    records += [of("ltc", seed, 1.5, **(wild if seed == 3 else {})) for seed in range(10)]
    known = {"mse_peak": 0.31, "lag": 0.1, "agreement": 0.8, "noise_gain": 1.0}
    return {
        "runs": records,
        "measurements": [measurement(model, case="sine") for model in ("gru", "lstm", "cfc", "ltc")],
        "baselines": [
            baseline("persistence", 6.5, scores=measured(2.0, **known)),
            baseline("ar2_online", 0.1, scores=measured(0.1, mse_peak=0.0012, noise_gain=0.7)),
        ],
        "reference": "gru",
        "horizons": (1, 10),
        "title": "Damped sine waves",
        "metrics": MEASURES,
    }


UP = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


def table(records, reference="lstm", measurements=(), baselines=(), **options):
    return compare(records, list(measurements), list(baselines), reference=reference, **options)


def row(comparison, model):
    return next(row for row in comparison.rows if row.model == model)


def note(comparison, words):
    found = [sentence for sentence in comparison.notes if words in sentence]
    assert len(found) == 1, (words, comparison.notes)
    return found[0]
