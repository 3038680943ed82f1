"""From a folder of records to its studies: which runs belong together, under which names, with which costs.

`compare`, `report`, `figures` and what they share read a folder this way. Reads records only, no torch.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lnncmp.baselines import BASELINES_VERSION
from lnncmp.cases.base import case_names, case_of, load_case
from lnncmp.common.cache import content_key
from lnncmp.common.garbage import uncollected
from lnncmp.common.plugins import PluginError
from lnncmp.comparison.ablations import ablations_of
from lnncmp.comparison.commands import recipe_of
from lnncmp.comparison.compare import compare
from lnncmp.comparison.groups import MATCHED_WORDS, MATCHINGS, ComparisonGroup, groups_of, place
from lnncmp.comparison.table import ComparisonTable, titled
from lnncmp.comparison.unknown_errors import with_known_errors
from lnncmp.errors import DataError, UsageError, unknown_name
from lnncmp.recipe.recipe import Recipe
from lnncmp.records.metric import Published
from lnncmp.records.read import Records, read_records
from lnncmp.records.schema import BaselineRecord, MeasurementRecord, RunRecord
from lnncmp.records.spread_metrics import SPREAD_METRICS

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """One comparison that a folder of records holds. runs: by row of the table, in its order.

    recipe: the recipe that these runs followed and its variant, None if this version does not have them.
    """

    group: ComparisonGroup
    recipe: Recipe | None
    variant: str | None
    runs: Mapping[str, Sequence[RunRecord]]
    measurements: Sequence[MeasurementRecord]
    baselines: Sequence[BaselineRecord]
    table: ComparisonTable

    @property
    def folder(self) -> str:
        """The name of the folder of its files: case, preset, conditions, first digits of its identity."""
        parts = (self.table.case, self.table.preset, self.table.conditions, self.group.protocol_id[:8])
        return "-".join(filter(None, map(slug, parts)))

    @property
    def anchor(self) -> str:
        """The name of its part of a page."""
        return self.folder.replace(".", "-")


def load_studies(out: Path, cases: Sequence[str] = (), warn: Warn = lambda message: None) -> list[Study]:
    """Return the studies in the folder `out`, sorted by case, source, conditions, preset and matching.

    cases: only these, in this order; all if empty. warn: is told of records that cannot be used.
    Raises DataError if there is no record of them, UsageError for an unknown case.
    """
    return studies_of(load_records(out, cases, warn), cases)


def load_records(out: Path, cases: Sequence[str] = (), warn: Warn = lambda message: None) -> Records:
    """Return the comparable records of the folder `out`, of all cases; the rest is as in `load_studies`."""
    for case in cases:
        load_case(case)
    records = comparable(read_records(out))
    for note in records.notes:
        warn(note)
    return records


def comparable(records: Records) -> Records:
    """Return the records whose case and main error are there, with notes on all that is left out.

    Raises DataError if there is none.
    """
    first = {(run.protocol_id, run.case): run for run in reversed(records.runs)}
    why = {place: why_lacking(run.case, run.recipe.data) for place, run in first.items()}
    there = [run for run in records.runs if not why[run.protocol_id, run.case]]
    lacking = sorted({one for one in why.values() if one})
    if not there:
        raise DataError(f"no run in {records.folder} can be used: {'; '.join(lacking)}", "Install what has it.")
    notes = [*records.notes, *(f"Not used: {one}." for one in lacking)]
    found = with_known_errors(replace(records, runs=there, notes=notes))
    if not found.runs:
        raise DataError(
            f"no run in {records.folder} can be used. {' '.join(found.notes)}", "Use the lnncmp that made them."
        )
    return found


def why_lacking(case: str, data: Mapping[str, Any] | None = None) -> str:
    """Return why records of a case cannot be compared here, "" if they can. data: their settings, if known."""
    try:
        load_case(case) if data is None else case_of(case, data)
    except (PluginError, DataError) as error:
        return f"records of {case}, because {error.message}"
    except UsageError:
        return f"records of {case}, a case that neither lnncmp nor an installed package has"
    return ""


def studies_of(records: Records, cases: Sequence[str] = (), reference: str | None = None) -> list[Study]:
    """Return the studies that these records hold; see `load_studies`.

    reference: the model that others are compared with, where it has runs; None is that of the recipe, else the first.
    Raises DataError if there is no record of the cases, UsageError if no run is of `reference`.
    """
    wanted = list(cases or case_names())
    chosen = [run for run in records.runs if run.case in wanted]
    if not chosen:
        there = ", ".join(sorted({run.case for run in records.runs}))
        command = f"Make them with: lnncmp {wanted[0]} --out {records.folder}"
        raise DataError(f"no records of {' or '.join(wanted)} in {records.folder}, only of {there}", command)
    known = {run.model for run in chosen}
    if reference is not None and reference not in known:
        raise unknown_name("reference model", reference, known)
    baselines = _current(records.baselines)
    timeless = [run for run in records.runs if run.recipe.withholds_time]
    with uncollected():
        found = [_study(group, records, baselines, timeless, reference) for group in groups_of(chosen)]
    return _titled(sorted(found, key=lambda study: (wanted.index(study.table.case), *_order(study))))


def _order(study: Study) -> tuple[str, str, str, int, str]:
    table, group = study.table, study.group
    return table.source, table.conditions, table.preset, place(MATCHINGS, group.match), group.protocol_id


def _titled(studies: Sequence[Study]) -> list[Study]:
    """Return the studies with titles of their own: those that would share one say in which settings they differ."""
    shared = [_shared(study) for study in studies]
    made = []
    for study, own in zip(studies, shared, strict=True):
        title = study.table.title
        others = [
            settings
            for settings, other in zip(shared, studies, strict=True)
            if other is not study and other.table.title == title
        ]
        keys = [key for key in own if any(settings.get(key) != own[key] for settings in others)]
        words = [MATCHED_WORDS[own[key]] if key == "match" else f"{key}={in_words(own[key])}" for key in keys]
        words = words or ["another set of options"] * bool(others)
        unique = titled(", ".join([study.table.heading, *words]), study.table.error)
        made.append(replace(study, table=study.table.model_copy(update={"title": unique})))
    return made


def _shared(study: Study) -> dict[str, Any]:
    """Return the settings of the protocol that all runs of a study have in common."""
    first, *others = (run.recipe.protocol() for run in study.group.runs)
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in others)}


def in_words(value: Any) -> str:
    """Return the value of a setting as a reader would write it; empty for one that is unset."""
    if isinstance(value, list):
        return "[" + ", ".join(map(in_words, value)) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _current(records: Sequence[BaselineRecord]) -> list[BaselineRecord]:
    """Return one baseline of each name and data hash: that of today's predictors if it is there, else the first."""
    found: dict[tuple[str, str], BaselineRecord] = {}
    for record in records:
        content = {"baseline": record.name, "version": BASELINES_VERSION, "data_hash": record.data_hash}
        if (record.name, record.data_hash) not in found or record.baseline_id == content_key(content):
            found[record.name, record.data_hash] = record
    return [found[key] for key in sorted(found)]


def slug(text: str) -> str:
    """Return `text` as part of a file name: small letters, digits, hyphens, points before digits; never a folder."""
    return re.sub(r"([^a-z0-9_.]|\.(?!\d))+", "-", text.lower()).strip("-.")


def _study(
    group: ComparisonGroup,
    records: Records,
    baselines: Sequence[BaselineRecord],
    timeless: Sequence[RunRecord],
    reference: str | None,
) -> Study:
    case = case_of(group.first.case, group.first.recipe.data)
    recipe, variant = recipe_of(group.first)
    order = list(recipe.models) if recipe else []
    ordered = sorted(group.runs, key=lambda run: (place(order, run.recipe.model.label), run.model, run.seeds.root))
    runs: dict[str, list[RunRecord]] = {}
    for run in ordered:
        runs.setdefault(run.model, []).append(run)
    longest = max((point.step for run in ordered if run.scores for point in run.scores.horizons), default=0)
    data = [record for record in baselines if record.data_hash == group.first.data_hash]
    table = compare(
        ordered,
        records.measurements,
        data,
        reference=_reference(list(runs), (reference, recipe.reference if recipe else None)),
        horizons=[step for step in case.horizons if step <= longest],
        title=recipe.title if recipe else case.title,
        published=_published(runs, recipe),
        ablations=ablations_of(runs, timeless),
        metrics=(*case.metrics, *SPREAD_METRICS),
    )
    return Study(group, recipe, variant, runs, records.measurements, data, table)


def _reference(rows: Sequence[str], wanted: Sequence[str | None]) -> str:
    """Return the row that the others are compared with: the first of `wanted` that exists, else the first row."""
    for name in wanted:
        same = [row for row in rows if name is not None and (row == name or row.startswith(f"{name} ("))]
        if same:
            return same[0]
    return rows[0]


def _published(runs: Mapping[str, Sequence[RunRecord]], recipe: Recipe | None) -> dict[str, Published]:
    """Return the published numbers of the recipe, by row."""
    found = {}
    for row, group in runs.items():
        label = group[0].recipe.model.label
        number = recipe.entry(label).published if recipe and label in recipe.models else None
        if number is not None:
            found[row] = number
    return found
