"""A multiverse from its file of choices to its summary: plan, run, judge, keep. Prints nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lnncmp.claims.claim import Claim, load_claims
from lnncmp.claims.readings import FOLDER, Multiverse
from lnncmp.multiverse.choices import Choices
from lnncmp.multiverse.cost import CostEstimator
from lnncmp.multiverse.plan import PlannedUniverse, Planner, with_data
from lnncmp.multiverse.recipes import check_alternatives
from lnncmp.multiverse.run import run_universes
from lnncmp.multiverse.summary import summarize, write_summary
from lnncmp.multiverse.universes import all_universes
from lnncmp.recipe.files import RecipeFile
from lnncmp.records.store import Store
from lnncmp.runs.ready import Request, StudyListener


@dataclass(frozen=True)
class Wanted:
    """What is asked for. universes: how many at most; None is the file's number. seeds: None is the file's.

    data: folders of the user's own data, by source. changes: `key=value` that hold in every universe. own: the recipe
    that all start from; None is the file's preset. claims: a file of the user's own; beside: after lnncmp's.
    """

    universes: int | None = None
    seeds: tuple[int, ...] | None = None
    data: Mapping[str, Path] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    own: RecipeFile | None = None
    claims: Path | None = None
    beside: bool = False


@dataclass(frozen=True)
class ReadyMultiverse:
    """The universes of a case, planned; those whose data are not there are left out, with a note.

    request: that of the runs, whose folder is OUT/multiverse/CASE; out: the folder of the whole, OUT.
    """

    choices: Choices
    claims: tuple[Claim, ...]
    seeds: tuple[int, ...]
    planned: tuple[PlannedUniverse, ...]
    notes: tuple[str, ...]
    request: Request
    out: Path
    store: Store

    @property
    def missing(self) -> int:
        """How many runs are not stored."""
        runs = {run.run_id for one in self.planned for run in one.runs}
        return sum(self.store.finished(run_id) is None for run_id in runs)


def get_multiverse(choices: Choices, wanted: Wanted, request: Request, listener: StudyListener) -> ReadyMultiverse:
    """Return the planned universes. Raises UsageError for alternatives that no recipe can be made of, DataError."""
    seeds = wanted.seeds or choices.seeds
    claims = tuple(load_claims(wanted.claims, wanted.beside))
    if wanted.own is not None:
        choices = choices.model_copy(update={"preset": wanted.own.preset})
        request = replace(request, files=wanted.own.files)
    own = replace(request, out=request.out / FOLDER / choices.case)
    check_alternatives(choices, wanted.changes, wanted.own)
    store = Store(own.out, listener.warn, read_only=request.dry_run)
    if not request.dry_run:
        store.check()
    planner = Planner(own, listener, seeds, wanted.data, wanted.changes, wanted.own)
    choices, lacking = with_data(choices, planner)
    for sentence in lacking:
        listener.warn(f"left out: {sentence}")
    universes = all_universes(choices, wanted.universes)
    planned = tuple(planner.plan(number, one) for number, one in enumerate(universes, start=1))
    notes = tuple(f"Left out, because the data are not there: {sentence}" for sentence in lacking)
    return ReadyMultiverse(choices, claims, seeds, planned, notes, own, request.out, store)


def run_multiverse(ready: ReadyMultiverse, listener: StudyListener, budget: float | None = None) -> Multiverse:
    """Execute the missing runs, within `budget` minutes if given; keep the summary and return it."""
    carried = run_universes(ready.planned, ready.store, ready.request, listener, budget)
    found = summarize(ready.choices, ready.claims, carried, ready.store, ready.seeds, ready.notes)
    write_summary(ready.out, found)
    return found


def estimate_universes(ready: ReadyMultiverse, listener: StudyListener) -> list[float]:
    """Return the seconds that each universe takes at most, after those before it."""
    return CostEstimator(ready.store, ready.request.jobs, listener).all_seconds(ready.planned)
