"""Sentences on how long models were trained, and which of them had not converged."""

from collections.abc import Sequence

from lnncmp.comparison.table import ModelRow
from lnncmp.records.settings import TrainSettings

UNCONVERGED = "†"
"""Marks, in tables, the error of a model of which some run had not converged."""
_SCORED = {
    "best": "scored at the epoch with the lowest validation loss",
    "best_error": "scored at the epoch with the fewest mistakes in validation",
    "last": "scored after the last epoch",
}


def training_notes(settings: Sequence[TrainSettings]) -> list[str]:
    """Return for how long the runs were trained, as far as their settings agree."""
    epochs, patience, gains, restore = (
        {getattr(one, name) for one in settings} for name in ("epochs", "patience", "min_gain", "restore")
    )
    if len(epochs) != 1:
        return []
    parts = [f"Runs of {_epochs(*epochs)}"]
    if len(patience) == len(gains) == 1 and None not in patience:
        parts[0] = f"Runs of at most {_epochs(*epochs)}"
        share = 100 * gains.pop()
        parts.append(f"stopped once the lowest validation loss fell by less than {share:g}% in {_epochs(*patience)}")
    parts += [_SCORED[restore.pop()]] if len(restore) == 1 else []
    return [f"{', '.join(parts)}."]


def convergence_notes(rows: Sequence[ModelRow]) -> list[str]:
    """Return which models had not converged, and by how much their loss still fell."""
    known = [(row, row.last_gain, row.epochs) for row in rows if row.last_gain is not None and row.epochs is not None]
    lacking = [
        f"{row.model} ({row.n_ok - row.n_converged} of {row.n_ok} runs, {100 * gain:.2g}%, {_epochs(epochs[1])})"
        for row, gain, epochs in known
        if row.n_converged < row.n_ok
    ]
    if lacking:
        return [
            f"{UNCONVERGED} Not converged, so more epochs would lower their errors (in brackets: how many runs, by how "
            "much the lowest validation loss still fell over the last quarter of the epochs, median): "
            f"{', '.join(lacking)}."
        ]
    return ["Every run had converged: its validation loss no longer fell."] if known else []


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"
