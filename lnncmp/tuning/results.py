"""From finished trials to the table of a search, and from the table to a tuned recipe."""

from collections.abc import Mapping, Sequence

from lnncmp.cases.base import load_case
from lnncmp.errors import LnncmpError
from lnncmp.models.base import load_model
from lnncmp.recipe.tuned import Provenance, TunedModel, TunedRecipe, TunedTraining
from lnncmp.tuning.table import TunedRow, TuningTable
from lnncmp.tuning.trials import Condition, Tried


def table_of(
    conditions: Sequence[Condition], tried: Mapping[str, Sequence[Tried]], seeds: Sequence[int], sampler: str
) -> TuningTable:
    """Return the table of a search; `tried`: all trials of each model, that of the recipe's own settings first."""
    recipe = conditions[0].recipe
    train = recipe.train_settings()
    rows = [_row(conditions[0], label, trials) for label, trials in tried.items()]
    words = [condition.words for condition in conditions]
    return TuningTable(
        title=f"{recipe.title} ({recipe.source}), preset {recipe.preset}: tuning by validation loss",
        case=recipe.case,
        case_version=load_case(recipe.case).version,
        source=recipe.source,
        conditions=words,
        data_hash=[condition.shape.data_hash for condition in conditions],
        preset=recipe.preset,
        match=recipe.match,
        epochs=train.epochs,
        patience=train.patience,
        trials=len(next(iter(tried.values()))),
        dimensions=["learning_rate", "rate_left", "one argument of each model"],
        seeds=list(seeds),
        sampler=sampler,
        rows=rows,
        notes=[*_budget(rows, words, seeds, train.epochs, train.patience, sampler), *_warnings(rows)],
    )


def _row(condition: Condition, label: str, tried: Sequence[Tried]) -> TunedRow:
    name = condition.recipe.entry(label).model
    rows = [one.row() for one in tried]
    best = min((one for one in tried if one.status == "ok"), key=lambda one: one.loss, default=None)
    return TunedRow(
        model=label,
        name=name,
        version=load_model(name).version,
        argument=tried[0].trial.space.tuned.argument,
        trials=rows,
        default=rows[0],
        best=None if best is None else best.row(),
        edges=[] if best is None else best.trial.space.edges(best.trial.point),
        n_diverged=sum(row.status == "diverged" for row in rows),
        n_failed=sum(row.status == "failed" for row in rows),
        minutes=sum(one.seconds for one in tried) / 60,
    )


def _budget(
    rows: Sequence[TunedRow],
    conditions: Sequence[str],
    seeds: Sequence[int],
    epochs: int,
    patience: int | None,
    sampler: str,
) -> list[str]:
    """Return what each model got, and what its loss is."""
    stop = "" if patience is None else f" at most, fewer on a plateau of {patience}"
    data = " and ".join(words or "the usual data" for words in conditions)
    return [
        f"Each model: {len(rows[0].trials)} trials over learning rate, its decay and one argument that changes no "
        f"number of parameters; {len(seeds)} seed{'' if len(seeds) == 1 else 's'} each, {epochs} epochs{stop}.",
        f"Trials: {sampler}.",
        f"Loss: validation loss, geometric mean over seeds and {data}; no test data were used. The lowest of several "
        "trials looks better than it is: runs with other seeds say by how much.",
        "rate_left: share of the learning rate that is left after the last epoch.",
    ]


def _warnings(rows: Sequence[TunedRow]) -> list[str]:
    found = []
    for row in rows:
        if row.edges:
            found.append(f"{row.model}: the best lies at an edge of its range: {', '.join(row.edges)}.")
        if row.n_diverged or row.n_failed:
            lost = [(row.n_diverged, "diverged"), (row.n_failed, "failed")]
            words = " and ".join(f"{count} {how}" for count, how in lost if count)
            found.append(f"{row.model}: {words} of {len(row.trials)} trials; they count, with an infinite loss.")
        if row.best is None:
            found.append(f"{row.model}: no trial ended well; the tuned recipe leaves it out.")
    return found


def tuned_recipe(table: TuningTable) -> TunedRecipe:
    """Return the best settings of each model as a recipe. Raises LnncmpError if no trial of any model ended well."""
    models = {
        row.model: TunedModel(
            model=row.name,
            version=row.version,
            train=TunedTraining(learning_rate=row.best.learning_rate, rate_left=row.best.rate_left),
            arguments={row.argument: row.best.argument},
        )
        for row in table.rows
        if row.best is not None
    }
    if not models:
        raise LnncmpError("no trial of any model ended well", "The table says how they ended (--format json: all).")
    keys = Provenance.model_fields.keys() & TuningTable.model_fields.keys()
    return TunedRecipe(tuning=Provenance(**table.model_dump(include=set(keys))), models=models)
