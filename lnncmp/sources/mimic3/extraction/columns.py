"""The columns that events are put into. Loads no polars: a data card needs them, too."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.sources.mimic3.extraction.items import CHART_ITEMS, OUTPUT_ITEMS, Item
from lnncmp.sources.mimic3.variables import CORE, VARIABLES, Variable


@dataclass(frozen=True)
class Columns:
    """The columns of a bucket: V variables, of which the first `core` make rows, and the items they come from."""

    variables: tuple[Variable, ...]
    core: int
    items: Sequence[Item]


MIMIC3 = Columns(VARIABLES, len(CORE), CHART_ITEMS + OUTPUT_ITEMS)
