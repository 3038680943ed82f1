"""Synthetic records for the tests of claims: two models whose numbers over seeds are chosen, none was measured."""

from pathlib import Path

from synthetic_records import recipe, run

from lnncmp.claims.claim import Claim
from lnncmp.records.read import Records
from lnncmp.records.schema import MeasurementRecord, Parameters, PerturbationPoint, RunRecord, Scores

WAVE = (0.03, -0.02, 0.01, -0.04, 0.02, 0.0, -0.01, 0.04, -0.03, 0.05)
"""Deviations over ten seeds, small against the differences that the tests are about."""


def claim(**changes) -> Claim:
    fields = {
        "id": "a-claim",
        "claim": "The CfC has a lower error than the LSTM.",
        "where": "nowhere",
        "case": "walker2d",
        "left": "cfc",
        "right": "lstm",
        "measure": "mse",
        "direction": "lower",
        "matters": 1.1,
    }
    return Claim.model_validate({**fields, **changes})


def one(model, seed, mse=None, *, match="hidden", arguments=None, seconds=1.0, active=100, **changes) -> RunRecord:
    """A run with this test error (None: it diverged), seconds an epoch and active parameters."""
    own = recipe(model, match=match, model={"arguments": arguments or {"hidden": 64}}, train={"batch_size": 64})
    made = run(
        model,
        seed,
        mse,
        run_id=f"{model}-{match}-{seed}",
        protocol_id=f"c-{match}",
        recipe=own,
        parameters=Parameters(trainable=active + 10, active=active, total=active + 20),
        provenance={"cpu": "a processor", "device": "cpu", "threads": 1, "jobs": 1, "lnncmp": "0.1.0"},
    )
    timed = [epoch.model_copy(update={"seconds": seconds}) for epoch in made.history]
    return made.model_copy(update={"history": timed, **changes})


def many(model, level, seeds=10, **changes) -> list[RunRecord]:
    """Runs over seeds with test errors around `level`, the same deviations for every model but turned by its name."""
    turn = len(model)
    return [one(model, seed, level * (1 + WAVE[(seed + turn) % 10] / 5), **changes) for seed in range(seeds)]


def records(*groups, measurements=(), baselines=()) -> Records:
    runs = [run for group in groups for run in group]
    return Records(Path("somewhere"), runs, list(measurements), list(baselines))


def with_metric(runs, name, values) -> list[RunRecord]:
    """The same runs with one more metric of the test split."""
    changed = []
    for made, value in zip(runs, values, strict=True):
        metrics = {"test": {**made.scores.metrics["test"], name: value}}
        changed.append(made.model_copy(update={"scores": made.scores.model_copy(update={"metrics": metrics})}))
    return changed


def with_points(runs, *points) -> list[RunRecord]:
    """The same runs with these shifted test sets: (group, level, factor on the run's test error)."""

    def shifted(scores: Scores) -> Scores:
        error = scores.metrics["test"]["mse"]
        made = [
            PerturbationPoint(group=g, name=f"{g} {n}", level=level, windows=9, error=factor * error, scaled=factor)
            for n, (g, level, factor) in enumerate(points)
        ]
        return scores.model_copy(update={"perturbations": made})

    return [made.model_copy(update={"scores": shifted(made.scores)}) for made in runs]


def with_replicates(runs, name, rows) -> list[RunRecord]:
    """The same runs with values over bootstrap samples of the test groups."""
    return [
        made.model_copy(update={"scores": made.scores.model_copy(update={"replicates": {name: list(row)}})})
        for made, row in zip(runs, rows, strict=True)
    ]


def cost(model, peak, saved, **changes) -> MeasurementRecord:
    fields = {
        "measurement_id": f"m-{model}-{peak}",
        "case": "walker2d",
        "model": model,
        "implementation": "loop",
        "batch": 64,
        "steps": 10,
        "step_seconds": [0.01],
        "latency_seconds": [0.001],
        "saved_bytes": saved,
        "peak_memory_bytes": peak,
        "method": "chosen",
    }
    return MeasurementRecord.model_validate({**fields, **changes})


def timed(model, seconds, **changes) -> MeasurementRecord:
    """A measurement in repeats: `seconds` of processor time of a step in each, on the machine of `one`."""
    own = recipe(model)["model"]
    fields = {
        "measurement_id": f"t-{model}",
        "session": "s",
        "name": model,
        "arguments": own["arguments"],
        "dt_as_input": True,
        "inputs": 17,
        "outputs": 17,
        "windows": 640,
        "step_seconds": [2 * one for one in seconds],
        "step_cpu_seconds": list(seconds),
        "provenance": {"cpu": "a processor", "device": "cpu", "threads": 1, "jobs": 1, "lnncmp": "0.1.0"},
    }
    return cost(model, 100, 1, **{**fields, **changes})


def written(folder: Path, found: Records) -> Path:
    """Write records as a folder that `--out` could have named."""
    kinds = (("records", found.runs, "run_id"), ("measurements", found.measurements, "measurement_id"))
    for kind, items, key in (*kinds, ("baselines", found.baselines, "baseline_id")):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for item in items:
            (folder / kind / f"{getattr(item, key)}.json").write_text(item.model_dump_json(), encoding="utf-8")
    return folder
