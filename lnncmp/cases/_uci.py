"""What the cases of UCI data share: the table case on them, and beside it the windows of the LTC paper's code.

`preparation = "sound"` asks the table case: whole videos or stretches of time are kept for the test, with a gap, and
elapsed times are given. `preparation = "published"` makes the windows of `lnncmp.cases._ltc_paper`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from pydantic import ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from lnncmp.baselines import trivial_predictors
from lnncmp.cases._ltc_paper import SEED, Cut, splits_of
from lnncmp.cases.base import Case, Prepared, Target
from lnncmp.cases.table.case import table_case
from lnncmp.cases.table.settings import TableSettings
from lnncmp.common.cache import content_key
from lnncmp.data.encoding import Encoding, Quantity, as_measured
from lnncmp.data.recording import Recording, recordings_hash
from lnncmp.data.task import Task
from lnncmp.records.class_metrics import class_metrics
from lnncmp.records.metric import Metric
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.table.table import Column, Series, Table

VERSION = 1
PUBLISHED = "as published"
"""Conditions of runs on the paper's own windows."""


class UciSettings(TableSettings):
    """The `data` table of a recipe: that of a table, and which preparation.

    preparation: `sound`, as the other settings say; `published`, as the code of the LTC paper does it, which leaves
    nothing to set.
    """

    preparation: Literal["sound", "published"] = "sound"

    @field_validator("preparation")
    @classmethod
    def _leaves_nothing_to_set(cls, value: str, others: ValidationInfo) -> str:
        usual = {name: field.get_default(call_default_factory=True) for name, field in cls.model_fields.items()}
        changed = [name for name, given in others.data.items() if given != usual[name]]
        if value == "published" and changed:
            raise PydanticCustomError(
                "published", "has windows of its own: data.{key} has no effect on them", {"key": changed[0]}
            )
        return value

    @property
    def data_seed(self) -> int:
        """The seed that draws the parts; of the paper's windows always the same."""
        return SEED if self.preparation == "published" else self.seed

    @property
    def conditions(self) -> str:
        """Whether the windows are the paper's; else how they are split, where that is not the usual way."""
        if self.preparation == "published":
            return PUBLISHED
        return "" if self.split == type(self).model_fields["split"].default else f"split {self.split}"


@dataclass(frozen=True)
class AsPublished:
    """The paper's windows of one data set.

    options: what the source is asked for. cut: recordings -> windows. task: of them. targets, inputs: names and units.
    """

    cut: Callable[[Sequence[Recording]], Cut]
    task: Task
    targets: Sequence[Target]
    inputs: Sequence[Quantity]
    options: Mapping[str, str]

    @property
    def metrics(self) -> Sequence[Metric]:
        """What is computed beside the main error."""
        return class_metrics(self.task.main, self.task.classes) if self.task.kind == "classes" else ()

    def prepare(self, case: str, source: Source, context: SourceContext) -> Prepared:
        """Return the splits of the paper's windows; nothing is perturbed. Raises DataError."""
        recordings = source.load(replace(context, options={**context.options, **self.options}))
        cut = self.cut(recordings)
        splits = splits_of(cut, self.task)
        key = {
            "case": [case, PUBLISHED, VERSION],
            "source": [source.name, source.version],
            "recordings": recordings_hash(recordings),
        }
        baselines = partial(trivial_predictors, splits)
        return Prepared(splits, None, (), content_key(key), baselines, raw_scalers=cut.scalers)


def table_of(
    recordings: Sequence[Recording], names: Sequence[str], classes: Sequence[str], time: str, unit: float
) -> Table:
    """Return recordings, whose first column is the target, as a table.

    classes: of the target, none if it is a number. time: name of the times, unit: their length in seconds.
    """
    observed = np.concatenate([recording.observed for recording in recordings])
    columns = tuple(
        Column(
            name,
            "feature" if number else "target",
            "number" if number or not classes else "category",
            () if number else tuple(classes),
            float(1 - observed[:, number].mean()),
        )
        for number, name in enumerate(names)
    )
    series = tuple(
        Series(one.group, one.times * unit, np.where(one.observed, one.values, np.nan), None) for one in recordings
    )
    return Table(columns, series, "seconds", (), time)


def uci_case(
    name: str,
    *,
    title: str,
    summary: str,
    settings: type[UciSettings],
    read: Callable[[Sequence[Recording]], Table],
    published: AsPublished,
    sample: Callable[[], Sequence[Recording]],
    data_seed: str | None = None,
) -> Case:
    """Return the case of the data set `name`; sample: a few made-up recordings in its form; data_seed: see Case."""

    def of_table(source: Source, context: SourceContext, given: TableSettings) -> Table:
        del given
        return read(source.load(context))

    case = table_case(
        name,
        of_table,
        title=title,
        summary=summary,
        sources={"uci": f"uci.{name}"},
        sample=lambda: (read(sample()), settings()),
        targets=tuple(published.targets),
        settings=settings,
    )

    def complete(source: Source, context: SourceContext, given: UciSettings) -> Any:
        sound = case.complete
        return given if given.preparation == "published" or sound is None else sound(source, context, given)

    def prepare(source: Source, context: SourceContext, given: UciSettings, horizon: int) -> Prepared:
        if given.preparation == "published":
            return published.prepare(name, source, context)
        return case.prepare(source, context, given, horizon)

    def declare(given: UciSettings) -> Case:
        if given.preparation == "published":
            return replace(
                whole, targets=published.targets, horizons=(), metrics=published.metrics, step_unit="sixth of a row"
            )
        return replace(case.of(given), complete=complete, prepare=prepare, encoding=encoding, declare=declare)

    def encoding(given: UciSettings) -> Encoding:
        if given.preparation == "published":
            return as_measured(published.inputs)
        return case.encoding_of(given)

    whole = replace(case, complete=complete, prepare=prepare, declare=declare, encoding=encoding, data_seed=data_seed)
    return whole
