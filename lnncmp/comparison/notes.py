"""The sentences under a comparison table: what was matched, what was lost, what the numbers do not say."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lnncmp import stats
from lnncmp.comparison.by_target import target_notes
from lnncmp.comparison.convergence_notes import convergence_notes, training_notes
from lnncmp.comparison.cost_notes import cost_notes
from lnncmp.comparison.differences import differences_on
from lnncmp.comparison.metric_notes import metric_notes
from lnncmp.comparison.rows import Shape, outcome
from lnncmp.comparison.table import Estimate, ModelDifference, ModelRow, on_test
from lnncmp.data.task import CLASS_ERRORS
from lnncmp.records.metric import Metric
from lnncmp.records.schema import MeasurementRecord, RunRecord
from lnncmp.records.tuning import tuning_words

Groups = Mapping[str, Sequence[RunRecord]]
_TUNED = ("train.learning_rate is ", "train.decay is ")
_MATCHED = {
    "hidden": "Models are matched by hidden units{size}.",
    "params": "Models are matched by active parameters.",
    "smallest": "Models are shrunk to the active parameters of the smallest one.",
    "own": "Models are not matched in size; each has its own.",
}


def notes(
    rows: Sequence[ModelRow],
    errors: Sequence[Metric],
    runs: Groups,
    comparisons: Sequence[ModelDifference],
    best: str | None,
    shape: Shape | None,
    measurements: Sequence[MeasurementRecord],
    ablations: Mapping[str, Groups],
    metrics: Sequence[Metric] = (),
) -> list[str]:
    """Return all sentences that apply to this table, in reading order. errors: of the task, the main one first."""
    main = errors[0]
    return [
        *_matched(runs),
        *_protocol(runs),
        *_tuning(rows),
        *_lost(runs),
        *convergence_notes(rows),
        *_distrusted(runs),
        *_test(differences_on(comparisons, on_test(main.name)), comparisons, runs),
        *_best(best, main),
        *target_notes(rows, main),
        *_sizes(runs),
        *_wiring(rows),
        *_free_running(rows, main),
        *_noise(rows, main),
        *metric_notes([metric for metric in metrics if not metric.detail], rows),
        *_timespans(rows, main),
        *(_ablation(name, rows, main, groups) for name, groups in ablations.items()),
        *cost_notes(rows, runs, shape, measurements),
        *_published(rows),
    ]


def _unique(values: Iterable[Any]) -> list[Any]:
    kept: list[Any] = []
    for value in values:
        if value is not None and value not in kept:
            kept.append(value)
    return kept


def _agreed(values: Iterable[Any]) -> Any:
    """Return the value that all recipes with such a key share, else None."""
    unique = _unique(values)
    return unique[0] if len(unique) == 1 else None


def _matched(runs: Groups) -> list[str]:
    """Return how sizes were matched, how long training was, whether elapsed times are inputs, if all recipes agree."""
    recipes = [run.recipe for group in runs.values() for run in group]
    found = []
    match = _agreed(recipe.match for recipe in recipes)
    if match is not None:
        hidden = _agreed(recipe.model.arguments.get("hidden") for recipe in recipes)
        found.append(_MATCHED[match].format(size=f" ({hidden})" if hidden is not None else ""))
    found += training_notes([recipe.train for recipe in recipes])
    if _agreed(recipe.dt_as_input for recipe in recipes) is True:
        found.append("Models that do not use elapsed times otherwise get them as an input.")
    return found


def _protocol(runs: Groups) -> list[str]:
    """Return in which settings the models were not treated alike."""
    protocols = {model: group[0].recipe.protocol() for model, group in runs.items()}
    names = dict.fromkeys(name for protocol in protocols.values() for name in protocol)
    differing = []
    for name in names:
        values = {model: protocol.get(name) for model, protocol in protocols.items()}
        if any(value != next(iter(values.values())) for value in values.values()):
            differing.append(f"{name} is " + ", ".join(f"{value} for {model}" for model, value in values.items()))
    if differing:
        tuned = {group[0].tuning and group[0].tuning.budget for group in runs.values()}
        equally = None not in tuned and len(tuned) == 1 and all(text.startswith(_TUNED) for text in differing)
        how = "Each model has its tuned settings" if equally else "The models were not treated alike"
        return [f"{how}: {'; '.join(differing)}."]
    if len({group[0].protocol_id for group in runs.values()}) > 1:
        return ["The models come from different comparisons, so their protocols may differ."]
    return []


def _tuning(rows: Sequence[ModelRow]) -> list[str]:
    """Return how much tuning each model got, and in which search."""
    budgets = {row.model: None if row.tuning is None else row.tuning.budget for row in rows}
    if len(set(budgets.values())) > 1:
        each = ", ".join(f"{row.model} {tuning_words(row.tuning)}" for row in rows)
        return [f"Tuning was not equal: {each}."]
    if rows[0].tuning is None:
        return ["Tuning: none; each model has the settings of the recipe."]
    origins = "; ".join(_unique(row.tuning.origin for row in rows if row.tuning is not None))
    return [f"Tuning: {tuning_words(rows[0].tuning)} for each model, by validation loss ({origins})."]


def _lost(runs: Groups) -> list[str]:
    """Return for each model how many runs were lost, and that they are excluded from means."""
    words = {"diverged": "diverged", "failed": "failed", "stopped": "were stopped before the end"}
    found = []
    for model, group in runs.items():
        for status, word in words.items():
            lost = [run for run in group if outcome(run) == status]
            if lost:
                epochs = [str(run.stopped_epoch) for run in lost if run.stopped_epoch is not None]
                word_epoch = "epoch" if len(epochs) == 1 else "epochs"
                where = f" ({word_epoch} {', '.join(epochs)})" if epochs and status == "diverged" else ""
                verb = word.replace("were", "was") if len(lost) == 1 else word
                found.append(
                    f"{model}: {len(lost)} of {len(group)} runs {verb}{where}; "
                    "counted, but excluded from means and tests."
                )
    return found


def _distrusted(runs: Groups) -> list[str]:
    """Return whose fused kernels differed from plain PyTorch, so that plain PyTorch made the numbers."""
    found = []
    for model, group in runs.items():
        wrong = [run for run in group if run.kernel_check is not None and not run.kernel_check.agrees]
        if wrong:
            found.append(
                f"{model}: where {len(wrong)} of {len(group)} runs were made, the fused kernels differed from plain "
                "PyTorch, which made these runs instead."
            )
    return found


def _test(against: Mapping[str, ModelDifference], comparisons: Sequence[ModelDifference], runs: Groups) -> list[str]:
    """Return how intervals and p were made, and where there are too few runs for any."""
    resampled = any(run.scores is not None and run.scores.replicates for group in runs.values() for run in group)
    if resampled:
        found = [
            "Intervals: 95%, t with the error over seeds and over bootstrap samples of the groups of the test data "
            "(rollouts, waves, subjects), the same samples for all models; of metrics without such samples: over seeds."
        ]
    else:
        found = ["Intervals: 95%, Student t over seeds."]
    tested = [one for one in against.values() if one.p is not None]
    if tested:
        count = f"{len(tested)} comparison{'' if len(tested) == 1 else 's'}"
        what = "ratios of geometric means, of logarithms" if tested[0].kind == "ratio" else "differences of means"
        error = ", with the error over seeds and groups" if resampled else " over seeds"
        reference = tested[0].reference
        found.append(f"Against {reference}: {what}; p: Welch's t test{error}, not paired, Holm-corrected over {count}.")
    seeds = _unique(run.seeds.data for group in runs.values() for run in group)
    found.append(f"Conditional on one data set (data seed {seeds[0]}): other training data could change the order.")
    if any(one.n_seeds < stats.MIN_SEEDS for one in comparisons):
        found.append(f"With fewer than {stats.MIN_SEEDS} seeds of a model no difference is called significant.")
    return found


def _best(best: str | None, main: Metric) -> list[str]:
    if best is None:
        return []
    return [f"{best} has the lowest test {main.heading}; its difference to every other model is significant."]


def _sizes(runs: Groups) -> list[str]:
    varying = [model for model, group in runs.items() if any(run.parameters != group[0].parameters for run in group)]
    return [f"Parameter counts vary over seeds (medians shown): {', '.join(varying)}."] if varying else []


def _wiring(rows: Sequence[ModelRow]) -> list[str]:
    """Return what each wired model is made of, and how many solver steps it takes per input step."""
    parts = []
    for row in rows:
        counts = row.structure
        if "synapses" in counts:
            steps = f", {counts['unfolds']} solver steps" if "unfolds" in counts else ""
            synapses = f"{counts['synapses']:,} + {counts.get('sensory_synapses', 0):,} sensory synapses"
            parts.append(f"{row.model} {counts.get('neurons', 0):,} neurons, {synapses}{steps}")
    return [f"Wiring: {'; '.join(parts)}."] if parts else []


def _free_running(rows: Sequence[ModelRow], main: Metric) -> list[str]:
    found = []
    if any(row.curve for row in rows):
        found.append(f"{main.heading} @k: free-running, k steps after the last true input.")
    for row in rows:
        shown = [point for point in row.curve if point.not_finite and str(point.step) in row.horizons]
        for point in shown[:1]:
            found.append(
                f"{row.model}: free-running prediction left the finite range by step {point.step} for "
                f"{point.not_finite} of {point.seeds} seeds; no mean is given."
            )
    return found


def _noise(rows: Sequence[ModelRow], main: Metric) -> list[str]:
    if all(row.noise_slope.mean is None for row in rows):
        return []
    if main.name in CLASS_ERRORS:
        return [
            "Noise slope: growth of the log loss per variance of input noise, up to noise of 0.3 standard deviations; "
            "0 = ignored; lower is better."
        ]
    return [
        "Noise slope: growth of the normalized test error per variance of input noise, up to noise of 0.3 standard "
        "deviations; 0 = ignored, 1 = all passed on; lower is better."
    ]


def _changes(changes: Mapping[str, Estimate]) -> str:
    def one(change: Estimate) -> str:
        return "unknown" if change.mean is None else f"{100 * change.mean:+.1f}%"

    return ", ".join(f"{model} {one(change)}" for model, change in changes.items())


def _timespans(rows: Sequence[ModelRow], main: Metric) -> list[str]:
    changes = {row.model: row.timespans_change for row in rows if row.timespans_change.values}
    if not changes:
        return []
    return [f"With every elapsed time set to 1 at test time, test {main.heading} changes by: {_changes(changes)}."]


def _ablation(name: str, rows: Sequence[ModelRow], main: Metric, runs: Groups) -> str:
    """Return how training under an ablation changes the test error, paired by seed with the runs of the table."""
    withheld = all(run.recipe.withholds_time for group in runs.values() for run in group)
    what = "Trained and tested with every elapsed time set to 1" if withheld else f"Ablation '{name}'"
    changes = {row.model: row.ablation_changes[name] for row in rows if row.ablation_changes[name].values}
    if not changes:
        return f"{what}: no run that ended well has a counterpart above with the same model and seed."
    return f"{what}, test {main.heading} differs from the runs above by: {_changes(changes)}."


def _published(rows: Sequence[ModelRow]) -> list[str]:
    found = []
    for row in rows:
        value = row.published
        if value is not None:
            spread = "" if value.std is None else f" ± {value.std:.4g}"
            differs = f"; protocol differs: {'; '.join(value.differences)}" if value.differences else ""
            what = f", {value.metric}" if value.metric else ""
            found.append(f"Published {row.model}{what}: {value.mean:.4g}{spread} ({value.source}){differs}.")
    return found
