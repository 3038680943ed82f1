"""The contract of a case study: its data, task, metrics and shifted test sets.

A case is a file `lnncmp/cases/<name>.py` that defines `CASE = Case(...)`; the file's name is the command's name. An
installed package adds one by an entry point in the group `lnncmp.cases`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from lnncmp import cases, sources
from lnncmp.cases._prepared import Described as Described
from lnncmp.cases._prepared import ExampleFuture as ExampleFuture
from lnncmp.cases._prepared import ExampleWindow as ExampleWindow
from lnncmp.cases._prepared import MetricValues as MetricValues
from lnncmp.cases._prepared import Prepared as Prepared
from lnncmp.cases._prepared import TestSet as TestSet
from lnncmp.common.plugins import Plugin
from lnncmp.common.registry import added, load_member, member_names, origin, own_names, refused, share_of, usable
from lnncmp.data.encoding import Encoding, Quantity, as_measured
from lnncmp.errors import DataError, unknown_name
from lnncmp.records.metric import Metric
from lnncmp.sources import loading
from lnncmp.sources.base import Source, SourceContext

Named = TypeVar("Named", bound="tuple[Any, ...] | None")


Outline = Callable[[Sequence[float]], Mapping[str, Sequence[tuple[float, float]]]]


class Settings(BaseModel):
    """Base of the `data` table of a case's recipe: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def concealed(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Return the `data` table of a recipe as it may be shown and stored: in place of names of patients a digest."""
        return table

    @property
    def data_seed(self) -> int:
        """The seed behind the choice of training, validation and test data; 0 if nothing is drawn."""
        return 0

    @property
    def conditions(self) -> str:
        """What sets these data apart from the case's usual ones, in a few words for titles; empty if nothing does."""
        return ""


def leaves_training_data(validation: float, test: float) -> float:
    """Return the fraction `validation`; for validators of settings, which refuse it if nothing is left to train on."""
    if test + validation >= 1:
        raise PydanticCustomError(
            "fractions", "together with test_fraction {test} it leaves nothing to train on", {"test": test}
        )
    return validation


def each_once(given: Named, what: str = "") -> Named:
    """Return `given`, values of a setting; for validators of settings, which refuse a value that is there twice."""
    if given is not None and len(set(given)) < len(given):
        raise PydanticCustomError("once", "should name each {what}once", {"what": f"{what} " if what else ""})
    return given


@dataclass(frozen=True)
class Target:
    """One predicted quantity and its unit, or one of several classes, whose unit is `LOGIT`."""

    name: str
    unit: str


@dataclass(frozen=True)
class Option:
    """An option of a case's command that sets one value of its recipe, and takes a variant with it if it names one.

    flag: "--noise-std". key: dotted key of the recipe. help: one sentence. kind: of the value. metavar: what stands for
    the value in the help.
    """

    flag: str
    key: str
    help: str
    variant: str | None = None
    kind: type[float] | type[int] | type[str] = float
    metavar: str | None = None


@dataclass(frozen=True)
class Case:
    """One case study.

    title, summary: for tables and help. version: raised when the windows made of the same recordings change.
    sources: name of `--source` -> module under lnncmp/sources, or `module:ATTRIBUTE` of another package; the first is
    the default. `load_case` puts those that installed packages add behind them.
    settings: pydantic class of the recipe's `data` table. step_unit: what one unit of elapsed time is.
    targets: what is predicted (the first O input features). horizons: free-running steps shown in tables.
    prepare: (source name, source, context, settings, horizon) -> Prepared; raises DataError, UsageError.
    sample: tiny offline Prepared for tests, nothing downloaded or simulated.
    metrics: what `Prepared.metrics_of` computes; where settings decide (`declare`), all that they may ask for.
    variants: name -> what `--name` does; each is a table `variants.<name>` of the case's recipes, and a comparison of
    its own. options: further options of the command.
    tuned_variants: variants whose validation loss counts for tuning beside that of the usual data: one tuning serves
    all, so that a variant differs from the usual study in its data alone.
    data_seed: key of the `data` table from which all data are drawn anew (`--data-seeds`); None if none does that.
    encoding: settings -> how columns of a raw table become features; None: they are the targets as measured.
    private: the data are of patients, so what is learnt of them is for its owner alone.
    complete: (source, context, settings) -> settings with what the data decide (columns, classes, a unit of time), so
    that a record says all that comparing needs; called before runs are planned. None: they are complete as written.
    declare: settings -> the case as they have it, with targets, horizons, metrics of their own; None: it is the same
    for all settings.
    outline: the values of one step of a kept forecast (`Prepared.example_futures`) -> the lines of a drawing by name,
    as points (x, y) in metres, the ground at y = 0. None: forecasts are drawn as curves over time.
    in_study: it is one of the published study, which `reproduce-all` carries out.
    reads_files: the command takes the user's own files as arguments; without them there are no data.
    """

    title: str
    summary: str
    version: int
    sources: Mapping[str, str]
    settings: type[Settings]
    step_unit: str
    targets: Sequence[Target]
    horizons: Sequence[int]
    prepare: Callable[[Source, SourceContext, Any, int], Prepared]
    sample: Callable[[], Prepared]
    metrics: Sequence[Metric] = ()
    variants: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[Option] = ()
    tuned_variants: Sequence[str] = ()
    data_seed: str | None = None
    encoding: Callable[[Any], Encoding] | None = None
    private: bool = False
    complete: Callable[[Source, SourceContext, Any], Any] | None = None
    declare: Callable[[Any], "Case"] | None = None
    outline: Outline | None = None
    in_study: bool = False
    reads_files: bool = False

    def of(self, settings: Settings) -> "Case":
        """Return the case as `settings`, its own, have it."""
        return self if self.declare is None else self.declare(settings)

    def encoding_of(self, settings: Settings) -> Encoding:
        """Return how columns become features under `settings`, the case's own."""
        if self.encoding is None:
            return as_measured([Quantity(target.name, target.unit) for target in self.targets])
        return self.encoding(settings)


def case_names() -> list[str]:
    """Return the names of all case studies, those of installed packages among them."""
    return member_names(cases)


def added_cases() -> dict[str, Plugin]:
    """Return the case studies of installed packages, by name; imports none."""
    return added(cases)


def own_case_names() -> list[str]:
    """Return the names of the case studies that are part of lnncmp."""
    return own_names(cases)


def load_case(name: str) -> Case:
    """Return the case study `name`, with the sources that installed packages add to it.

    Raises UsageError with the nearest match for an unknown name, PluginError for a package's case that cannot be used.
    """
    case = load_member(cases, name, "CASE", "case", Case)
    known = loading.with_added(name, case.sources)
    return case if known is case.sources else replace(case, sources=known)


def case_of(name: str, data: Mapping[str, Any]) -> Case:
    """Return the case study `name` as the `data` table of a recipe has it.

    Raises UsageError for an unknown name; DataError if the case depends on its settings and the table does not fit it:
    another version made it.
    """
    case = load_case(name)
    if case.declare is None:
        return case
    try:
        return case.of(case.settings.model_validate(data))
    except ValidationError as invalid:
        keys = sorted({".".join(map(str, error["loc"])) for error in invalid.errors()})
        raise DataError(
            f"this version of the case {name} has no such settings of its data: {', '.join(keys)}",
            "Use the version that made these records, or run the study again.",
        ) from None


def load_source(case: Case, name: str) -> Source:
    """Return the source that `--source name` means for `case`.

    Raises UsageError for an unknown name, PluginError for a package's source that cannot be used.
    """
    if name not in case.sources:
        raise unknown_name("source", name, case.sources)
    return loading.load(case.sources[name])


def source_card(case: Case, name: str) -> str:
    """Return the data card of a source. Raises UsageError for an unknown name, DataError without a card."""
    source = load_source(case, name)
    return loading.card_of(case.sources[name], source)


def packages_of_case(case: str, source: str) -> dict[str, str]:
    """Return the installed packages that a case and its source come from, with their versions; lnncmp is left out."""
    return origin(cases, case) | loading.package_of(load_case(case).sources.get(source, ""))


def refused_members() -> list[str]:
    """Return a sentence for each case or source of an installed package that is not used."""
    found = [*refused(cases).values(), *refused(sources).values(), *loading.without_case(case_names())]
    if added(sources):
        for name, case in usable(case_names(), load_case, lambda why: None).items():
            found += loading.overruled(name, case.sources)
    return found


def recipe_folder(case: str) -> Path | None:
    """Return the folder with the recipes of a case: lnncmp's, or the one in the package that it comes from."""
    return share_of(cases, case, "recipes")
