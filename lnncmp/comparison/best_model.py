"""Which model is the best of a comparison, if one can be named."""

from collections.abc import Mapping, Sequence

from lnncmp.comparison.differences import differences_to
from lnncmp.comparison.rows import errors_by_seed, replicates_by_seed
from lnncmp.comparison.table import ModelRow
from lnncmp.records.schema import RunRecord


def best_model(rows: Sequence[ModelRow], main: str, by_model: Mapping[str, Sequence[RunRecord]]) -> str | None:
    """Return the model with the lowest mean main error if it is significantly lower than every other one, else None.

    main: key of that error in the rows. The pairwise tests form a family of their own (Holm). A model that lost runs is
    never the best: its mean is over the runs that survived. Models without any ok run have no error to compare.
    """
    scored = {row.model: row for row in rows if row.metrics[main].mean is not None}
    if len(scored) < 2:
        return None
    best = min(scored.values(), key=lambda row: row.metrics[main].mean or 0.0)
    if best.n_diverged + best.n_failed + best.n_stopped:
        return None
    errors = {model: errors_by_seed(by_model[model]) for model in scored}
    replicates = {model: replicates_by_seed(by_model[model]) for model in scored}
    against = differences_to(best.model, errors, main, replicates)
    return best.model if all(one.verdict == "significantly higher" for one in against) else None
