"""Cases about tables: what is predicted, at which steps, follows from the settings and the columns of the table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lnncmp.cases.base import Case, Option, Prepared, Target
from lnncmp.cases.table.features import encoding
from lnncmp.cases.table.preparation import Preparation, table_key
from lnncmp.cases.table.settings import TableSettings
from lnncmp.cases.table.understood import HORIZONS, Understood, understand
from lnncmp.data.task import LOGIT
from lnncmp.records.class_metrics import class_metrics
from lnncmp.records.horizon_metrics import horizon_metrics
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.table.table import Table

VERSION = 1
Read = Callable[[Source, SourceContext, TableSettings], Table]
"""Returns the table that settings are about. Raises DataError and UsageError."""

OPTIONS = (
    Option("--target", "data.target", "What is predicted: columns, separated by commas.", None, str, "COLUMNS"),
    Option("--time", "data.time", "Column of times (default: found by its name or its dates).", None, str, "COLUMN"),
    Option(
        "--group", "data.group", "Column that names the series of a row (default: one a file).", None, str, "COLUMN"
    ),
    Option("--features", "data.features", "Columns to read (default: all others).", None, str, "COLUMNS"),
    Option("--task", "data.task", "What is asked (default: forecast).", None, str, "forecast|regress|classify"),
    Option("--horizon", "data.horizon", "Rows ahead at which the target lies (forecast: 1, else 0).", None, int),
    Option("--window", "data.window", "Rows of a window (default: by the size of the data, at most 64).", None, int),
    Option("--stride", "data.stride", "Rows from one window to the next (default: half a window).", None, int),
    Option(
        "--split",
        "data.split",
        "How training, validation and test are parted; COLUMN says it row by row (default: group if there are at least "
        "10 groups, else time).",
        None,
        str,
        "time|group|random|COLUMN",
    ),
)


@dataclass
class TableCase:
    """The functions of a case about a table. name, version: of the case; read: gives the table; sample: a tiny one.

    held: what `complete` has just understood, for the `prepare` of the same settings that follows it: the table is not
    read twice, and what reading said of columns that the settings no longer name is not lost.
    """

    name: str
    version: int
    read: Read
    sample: Callable[[], tuple[Table, TableSettings]]
    held: tuple[object, Understood, Sequence[str]] | None = None

    def complete(self, source: Source, context: SourceContext, settings: TableSettings) -> TableSettings:
        """Return the settings with what the table decides. Warnings come when it is prepared."""
        said: list[str] = []
        found = understand(self.read(source, replace(context, warn=said.append), settings), settings, said.append)
        self.held = (source.name, context.files, context.data_dir, found.settings), found, said
        return found.settings

    def prepare(self, source: Source, context: SourceContext, settings: TableSettings, horizon: int) -> Prepared:
        """Return splits, what follows test windows, perturbed test sets. Raises DataError and UsageError."""
        held, self.held = self.held, None
        if held is not None and held[0] == (source.name, context.files, context.data_dir, settings):
            _, found, said = held
            for sentence in said:
                context.warn(sentence)
        else:
            found = understand(self.read(source, context, settings), settings, context.warn)
        key = f"{self.name} {self.version}.{VERSION}, {source.name} {source.version}, {table_key(found.table)}"
        return Preparation(found).prepared(key, horizon)

    def prepare_sample(self) -> Prepared:
        """Return the tiny table, prepared."""
        found = understand(*self.sample(), lambda message: None)
        return Preparation(found).prepared(table_key(found.table), HORIZONS[-1])


def declared(case: Case, settings: TableSettings) -> Case:
    """Return the case with targets, horizons, metrics and unit of time of complete settings."""
    if not settings.target:
        return case
    if settings.task == "classify":
        names = settings.classes.get(settings.target[0], ())
        targets = tuple(Target(name, LOGIT) for name in names)
        metrics = class_metrics(settings.main, names)
    else:
        targets = tuple(Target(name, "") for name in settings.target)
        metrics = horizon_metrics(settings.horizons) if settings.horizons else ()
    unit = settings.unit_words if settings.unit_words == "row" else f"step of {settings.unit_words}"
    return replace(
        case,
        targets=targets,
        horizons=settings.horizons,
        metrics=metrics,
        step_unit=unit,
    )


def table_case(
    name: str,
    read: Read,
    *,
    title: str,
    summary: str,
    sources: Mapping[str, str],
    sample: Callable[[], tuple[Table, TableSettings]],
    targets: tuple[Target, ...],
    horizons: tuple[int, ...] = (),
    version: int = 1,
    settings: type[TableSettings] = TableSettings,
    options: tuple[Option, ...] = (),
    reads_files: bool = False,
) -> Case:
    """Return a case about a table that `read` gives; everything else follows from its settings.

    sample: a tiny table and settings for it. targets, horizons: those of the sample, which the case has as long as no
    settings say more. options: of the command.
    """
    functions = TableCase(name, version, read, sample)
    case = Case(
        title=title,
        summary=summary,
        version=version,
        sources=sources,
        settings=settings,
        step_unit="row",
        targets=targets,
        horizons=horizons,
        prepare=functions.prepare,
        sample=functions.prepare_sample,
        metrics=(*(horizon_metrics(horizons) if horizons else ()), *class_metrics("", ())),
        options=options,
        encoding=encoding,
        complete=functions.complete,
        reads_files=reads_files,
    )
    return replace(case, declare=partial(declared, case))
