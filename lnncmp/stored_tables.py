"""The tables of models that a folder of records allows: one for each comparison in it."""

from collections.abc import Sequence

from lnncmp.cases.base import load_case
from lnncmp.claims.arms import Setting, arms_of, settings_of
from lnncmp.compare import compare
from lnncmp.errors import LnncmpError, unknown_name
from lnncmp.recipe import Recipe, load_recipe, preset_names
from lnncmp.records import Records
from lnncmp.runs.record import RunRecord
from lnncmp.table import Comparison


def tables_of(records: Records, reference: str | None = None) -> list[Comparison]:
    """Return the tables, in order of appearance; costs stand in them where only one measurement fits a model.

    reference: the model that others are compared with, where it has runs; None is that of the recipe, else the first.
    Raises UsageError if no comparison has runs of `reference`.
    """
    settings = settings_of(records.runs)
    known = {run.model for run in records.runs}
    if reference is not None and reference not in known:
        raise unknown_name("reference model", reference, known)
    return [_table(setting, records, reference, _own(setting, settings)) for setting in settings]


def _table(setting: Setting, records: Records, reference: str | None, own: set[str]) -> Comparison:
    case = load_case(setting.case)
    recipe = _recipe(setting)
    order = list(recipe.models) if recipe is not None else []
    groups = sorted(_told_apart(setting), key=lambda group: _place(group[0], order))
    runs = [run for group in groups for run in group]
    models = list(dict.fromkeys(run.model for run in runs))
    longest = max((point.step for run in runs if run.scores for point in run.scores.horizons), default=0)
    wanted = reference or (recipe.reference if recipe is not None else None)
    return compare(
        runs,
        [record for record in records.measurements if record.model in own],
        [record for record in records.baselines if record.data_hash == setting.data_hash],
        reference=wanted if wanted in models else models[0],
        horizons=[step for step in case.horizons if step <= longest],
        title=f"{case.title}, matched: {setting.match}",
        measures=case.measures,
    )


def _told_apart(setting: Setting) -> list[list[RunRecord]]:
    """Return the runs of each model; one that ran with several arguments gets a number after its name."""
    found, seen = [], dict.fromkeys((run.model for run in setting.runs), 0)
    for arm in arms_of(setting):
        seen[arm.label] += 1
        name = arm.label if seen[arm.label] == 1 else f"{arm.label} ({seen[arm.label]})"
        found.append([run.model_copy(update={"model": name}) for _, run in sorted(arm.by_seed.items())])
    return found


def _place(run: RunRecord, order: Sequence[str]) -> int:
    name = run.model.partition(" (")[0]
    return order.index(name) if name in order else len(order)


def _recipe(setting: Setting) -> Recipe | None:
    """Return the recipe that these runs followed, None if this version has none."""
    if setting.preset not in preset_names(setting.case):
        return None
    try:
        return load_recipe(setting.case, setting.preset)
    except LnncmpError:
        return None


def _own(setting: Setting, settings: Sequence[Setting]) -> set[str]:
    """Return the models that ran in no other setting: only of these it is sure whose their measurements are."""
    others = {run.model for other in settings if other != setting for run in other.runs}
    return {run.model for run in setting.runs} - others
