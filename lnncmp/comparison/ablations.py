"""Which stored runs are an ablation of a table's: the same study with elapsed times withheld."""

from collections.abc import Iterable, Mapping, Sequence

from lnncmp.records.schema import RunRecord

TIMELESS = "timespans=ones"
"""The ablation's name: every elapsed time is 1, in training and test."""


def ablations_of(rows: Mapping[str, Sequence[RunRecord]], stored: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    """Return the runs among `stored` that differ from those of a row in nothing but withheld elapsed times.

    rows: the runs of a table by row. The runs found are named as their row and have its seeds; of several data sets the
    one with most of them counts. Empty if there are none, or if the rows had no elapsed times themselves.
    """
    settings = {name: runs[0].recipe.but_for_time() for name, runs in rows.items() if runs}
    seeds = {name: {run.seeds.root for run in runs} for name, runs in rows.items()}
    if any(runs[0].recipe.withholds_time for runs in rows.values() if runs):
        return {}
    found: dict[str, list[RunRecord]] = {}
    for record in stored:
        if record.recipe.withholds_time:
            own = record.recipe.but_for_time()
            name = next((name for name, wanted in settings.items() if wanted == own), None)
            if name is not None and record.seeds.root in seeds[name]:
                found.setdefault(record.data_hash, []).append(record.model_copy(update={"model": name}))
    return {TIMELESS: max(found.values(), key=len)} if found else {}
