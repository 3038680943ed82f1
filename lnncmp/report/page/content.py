"""What a report shows, fully computed and drawn: the seam between collecting it and writing page and Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lnncmp.claims.readings import Multiverse
from lnncmp.claims.schema import Verdict
from lnncmp.comparison.table import ComparisonTable

if TYPE_CHECKING:
    from lnncmp.report.figures.inline import InlineSvg


class Elsewhere(NamedTuple):
    """Where a picture is that another comparison shows, too: anchor, and heading and folder of that comparison."""

    anchor: str
    heading: str
    folder: str


@dataclass(frozen=True)
class ReportFigure:
    """One picture. kind: which chapter it belongs to; name: of its files, without ending.

    title: what it shows; explanation: how to read it; alt: the picture in words. files: where it is next to the page.
    svg: None where the page would become too large; then the files alone hold it. shown: the comparison that shows
    the same picture, None if this one does; with it there are neither files nor svg.
    """

    kind: str
    name: str
    title: str
    explanation: str
    alt: str
    files: tuple[str, ...]
    svg: "InlineSvg | None"
    shown: Elsewhere | None = None


@dataclass(frozen=True)
class RunLine:
    """One run in the list of all runs. error: the main test error, None if it has none."""

    model: str
    seed: int
    status: str
    best_epoch: int | None
    stopped_epoch: int | None
    error: float | None
    reason: str
    run_id: str


@dataclass(frozen=True)
class Assumption:
    """One setting that is unspecified in the paper: its key in the recipe, its value in these runs, why this value."""

    key: str
    value: str
    why: str


@dataclass(frozen=True)
class ReportStudy:
    """One comparison. anchor: its name on the page. folder: that of its files. heading: its title in a few words.

    answers: what it says, in at most five sentences. commands: what makes these runs again. missing: sentences on runs
    that are asked for but missing. data: what the source of the data is, without a full stop; "" if not known.
    """

    anchor: str
    folder: str
    heading: str
    comparison: ComparisonTable
    answers: Sequence[str]
    figures: Sequence[ReportFigure]
    runs: Sequence[RunLine]
    missing: Sequence[str]
    commands: Sequence[str]
    assumptions: Sequence[Assumption]
    tables: Sequence[str]
    data: str = ""


@dataclass(frozen=True)
class ReportClaim:
    """One claim as judged. plot: its effect, interval and margin as an `<svg>` element drawn here, "" without one."""

    row: Verdict
    plot: str = ""


@dataclass(frozen=True)
class ReportMultiverse:
    """The readings of one case. sentences: what each verdict hangs on. figures: the specification curves."""

    heading: str
    found: Multiverse
    sentences: Sequence[str]
    figures: Sequence[ReportFigure]
    tables: Sequence[str]


@dataclass(frozen=True)
class Machine:
    """One combination of machine and versions, and how many runs it made. facts: (name, value)."""

    runs: int
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Report:
    """Everything that a report shows, in the order of the page. lnncmp: the version that wrote it.

    answers: what all of it says, in at most five sentences. facts: (name, value) of what it rests on. left_out: a
    sentence on claims about cases without records, "" if there are none. claim_notes: on the verdicts.
    protocol: differences from the published protocols, of the claims and of the published numbers.
    warnings: what could not be used of the folder. apart: name of the folder of pages if each comparison has a page of
    its own, because all of them would make a page too large; "" if not.
    """

    answers: Sequence[str]
    facts: Sequence[tuple[str, str]]
    claims: Sequence[ReportClaim]
    claim_notes: Sequence[str]
    left_out: str
    studies: Sequence[ReportStudy]
    machines: Sequence[Machine]
    protocol: Sequence[str]
    warnings: Sequence[str]
    claim_tables: Sequence[str]
    lnncmp: str
    multiverses: Sequence[ReportMultiverse] = ()
    apart: str = ""

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdicts, in the order of the claims."""
        return [claim.row for claim in self.claims]
