"""The contract of a case study: its data, task, measures and harder test sets.

A case is a file `lnncmp/cases/<name>.py` that defines `CASE = Case(...)`; the file's name is the command's name.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from lnncmp import cases
from lnncmp.data.windows import Futures, Splits, Windows
from lnncmp.errors import unknown_name
from lnncmp.registry import load_member, member_names
from lnncmp.sources.base import Source, SourceContext


class Settings(BaseModel):
    """Base of the `data` table of a case's recipe: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def data_seed(self) -> int:
        """The seed behind the choice of training, validation and test data; 0 if nothing is drawn."""
        return 0


@dataclass(frozen=True)
class Target:
    """One predicted quantity and its unit."""

    name: str
    unit: str


@dataclass(frozen=True)
class TestSet:
    """One harder test set: group ("noise", "keep", "physics", ...), name, level if it has one, and the windows.

    `make` returns the windows in the units of the splits; called when needed, so that not all stand in memory at once.
    `relative` tells that the raw error misleads there and the ratio to the last-value predictor is the measure.
    """

    __test__ = False

    group: str
    name: str
    level: float | None
    make: Callable[[], Windows]
    relative: bool = False


@dataclass(frozen=True)
class Prepared:
    """All that a comparison sees of the data: splits, futures for free-running tests, harder test sets, a hash."""

    splits: Splits
    futures: Futures | None
    test_sets: Sequence[TestSet]
    data_hash: str


@dataclass(frozen=True)
class Case:
    """One case study.

    title, summary: for tables and help. version: raised when the windows made of the same recordings change.
    sources: name of `--source` -> module under lnncmp/sources; the first is the default.
    settings: pydantic class of the recipe's `data` table. step_unit: what one unit of elapsed time is.
    targets: what is predicted (the first O input features). horizons: free-running steps shown in tables.
    prepare: (source name, source, context, settings, horizon) -> Prepared; raises DataError.
    sample: tiny offline Prepared for tests, nothing downloaded or simulated.
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


def case_names() -> list[str]:
    """Return the names of all case studies."""
    return member_names(cases)


def load_case(name: str) -> Case:
    """Return the case study `name`. Raises UsageError with the nearest match for an unknown name."""
    case: Case = load_member(cases, name, "CASE", "case")
    return case


def load_source(case: Case, name: str) -> Source:
    """Return the source that `--source name` means for `case`. Raises UsageError for an unknown name."""
    if name not in case.sources:
        raise unknown_name("source", name, case.sources)
    source: Source = importlib.import_module(f"lnncmp.sources.{case.sources[name]}").SOURCE
    return source
