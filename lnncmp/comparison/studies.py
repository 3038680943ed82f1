"""From a folder of records to its comparisons: which runs belong together, under which names, with which costs.

Reads records only, no torch. What other versions of lnncmp wrote is refused with a sentence, not misread.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lnncmp.baselines import BASELINES_VERSION
from lnncmp.cases.base import case_names, load_case
from lnncmp.common.cache import content_key
from lnncmp.comparison.commands import label_of, recipe_of, settings
from lnncmp.comparison.compare import compare
from lnncmp.comparison.costs import costs_of
from lnncmp.comparison.groups import Setting, arms_of, settings_of
from lnncmp.comparison.table import Comparison
from lnncmp.errors import DataError, LnncmpError, unknown_name
from lnncmp.recipe.load import load_recipe, preset_names
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.metric import Published
from lnncmp.records.read import Records, read_records
from lnncmp.records.schema import BaselineRecord, MeasurementRecord, RunRecord
from lnncmp.records.store import Store


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
    groups = sorted(_told_apart(setting), key=lambda group: _place_of(group[0], order))
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


def _place_of(run: RunRecord, order: Sequence[str]) -> int:
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


Warn = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """The records of one comparison and the table made of them.

    key: identity of the comparison. runs: by row of the table, in its order. recipe, variant: of today, which these
    runs come closest to; None where this version has none. measurements: of the models as they ran.
    """

    key: str
    recipe: Recipe | None
    variant: str | None
    runs: Mapping[str, list[RunRecord]]
    measurements: Sequence[MeasurementRecord]
    baselines: Sequence[BaselineRecord]
    comparison: Comparison


def load_studies(out: Path, cases: Sequence[str] = (), warn: Warn = lambda message: None) -> list[Study]:
    """Return the comparisons in the folder `out`, case by case in the order of `cases` (all cases if empty).

    warn: hears of records that cannot be used. Raises UsageError for an unknown case, DataError if there is no record
    of these cases or none that this version can read.
    """
    for case in cases:
        load_case(case)
    wanted = list(dict.fromkeys(cases)) or case_names()
    records = read_records(out)
    unknown = sorted({run.case for run in records.runs} - set(case_names()))
    for note in (
        *records.notes,
        *(f"Not used: records of {name}, a case that this version lacks." for name in unknown),
    ):
        warn(note)
    chosen = [run for run in records.runs if run.case in wanted]
    if not chosen:
        there = ", ".join(sorted({run.case for run in records.runs}))
        command = f"Make them with: lnncmp {wanted[0]} --out {out}"
        raise DataError(f"no records of {' or '.join(wanted)} in {out}, only of {there}", command)
    baselines = current_baselines(records.baselines)
    found = [_study(key, group, records.measurements, baselines) for key, group in grouped(chosen).items()]
    return sorted(found, key=lambda study: (wanted.index(study.comparison.case), _order(study)))


def grouped(runs: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """Return the runs by comparison, sorted by model and seed, settings of one model told apart."""
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(run.comparison, []).append(run)
    return {key: told_apart(group) for key, group in groups.items()}


def told_apart(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the runs sorted by model and seed, a model that ran with several settings under a name for each.

    Sizes and learning rates are a model's own: runs that differ in them share a comparison. "ltc" becomes
    "ltc (hidden=32)" and "ltc (hidden=64)".
    """
    own_settings = {run.run_id: settings(run.recipe) for run in runs}
    renamed = []
    for run in runs:
        others = [own_settings[other.run_id] for other in runs if other.model == run.model]
        own = own_settings[run.run_id]
        keys = sorted(key for other in others for key in own.keys() | other.keys() if own.get(key) != other.get(key))
        words = [f"{key.rpartition('.')[2]}={own[key]}" for key in dict.fromkeys(keys) if key in own]
        renamed.append(run.model_copy(update={"model": f"{run.model} ({', '.join(words)})"}) if words else run)
    return sorted(renamed, key=lambda run: (run.model, run.seeds.root))


def current_baselines(records: Sequence[BaselineRecord]) -> list[BaselineRecord]:
    """Return one baseline of each name and data hash: that of today's predictors if it is there, else the first."""
    found: dict[tuple[str, str], BaselineRecord] = {}
    for record in records:
        content = {"baseline": record.name, "version": BASELINES_VERSION, "data_hash": record.data_hash}
        if (record.name, record.data_hash) not in found or record.baseline_id == content_key(content):
            found[record.name, record.data_hash] = record
    return [found[key] for key in sorted(found)]


def stored_baselines(store: Store) -> list[BaselineRecord]:
    """Return the stored baselines that count, sorted by name."""
    names = (path.stem for path in sorted((store.out / "baselines").glob("*.json")))
    return current_baselines([record for name in names if (record := store.baseline(name)) is not None])


def stored_measurements(store: Store) -> list[MeasurementRecord]:
    """Return the stored measurements, sorted by file name."""
    names = (path.stem for path in sorted((store.out / "measurements").glob("*.json")))
    return [record for name in names if (record := store.measurement(name)) is not None]


def slug(text: str) -> str:
    """Return `text` as part of a file name: small letters, digits, hyphens, points before digits; never a folder."""
    return re.sub(r"([^a-z0-9_.]|\.(?!\d))+", "-", text.lower()).strip("-.")


def folder_name(table: Comparison, key: str) -> str:
    """Return the name of the folder of one comparison: case, preset, conditions, first digits of its identity."""
    return "-".join(filter(None, (slug(part) for part in (table.case, table.preset, table.conditions, key[:8]))))


def _study(
    key: str,
    group: Sequence[RunRecord],
    measurements: Sequence[MeasurementRecord],
    baselines: Sequence[BaselineRecord],
) -> Study:
    recipe, variant = recipe_of(group[0])
    order = list(recipe.models) if recipe else []
    ordered = sorted(group, key=lambda run: (_place(run, order), run.model, run.seeds.root))
    case = load_case(group[0].case)
    horizons = case.horizons
    longest = max((p.step for run in ordered if run.scores for p in run.scores.horizons), default=0)
    by_model: dict[str, list[RunRecord]] = {}
    for run in ordered:
        by_model.setdefault(run.model, []).append(run)
    data = [record for record in baselines if record.data_hash == group[0].data_hash]
    costs = costs_of(by_model, measurements)
    table = compare(
        ordered,
        costs,
        data,
        reference=_reference(list(by_model), recipe),
        horizons=[step for step in horizons if step <= longest],
        title=recipe.title if recipe else case.title,
        published=_published(by_model, recipe),
        measures=case.measures,
    )
    return Study(key, recipe, variant, by_model, costs, data, table)


def _place(run: RunRecord, order: Sequence[str]) -> int:
    label = label_of(run)
    return order.index(label) if label in order else len(order)


def _reference(models: Sequence[str], recipe: Recipe | None) -> str:
    """Return the row that the others are compared with: of the recipe's reference model, or the first."""
    wanted = recipe.reference if recipe else models[0]
    same = [model for model in models if model == wanted or model.startswith(f"{wanted} (")]
    return same[0] if same else models[0]


def _published(runs: Mapping[str, Sequence[RunRecord]], recipe: Recipe | None) -> dict[str, Published]:
    """Return the published numbers of the recipe, by row."""
    found = {}
    for row, group in runs.items():
        label = label_of(group[0])
        number = recipe.entry(label).published if recipe and label in recipe.models else None
        if number is not None:
            found[row] = number
    return found


def _order(study: Study) -> tuple[str, ...]:
    table = study.comparison
    return (table.source, table.conditions, table.preset, study.key)
