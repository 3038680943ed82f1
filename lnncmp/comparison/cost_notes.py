"""The sentences under a comparison table about cost: at what shape, how often and how it was measured."""

from collections.abc import Mapping, Sequence

from lnncmp.comparison.groups import implementation_words
from lnncmp.comparison.rows import Shape
from lnncmp.comparison.table import ModelRow
from lnncmp.records.schema import MeasurementRecord, RunRecord

Groups = Mapping[str, Sequence[RunRecord]]


def cost_notes(
    rows: Sequence[ModelRow], runs: Groups, shape: Shape | None, measurements: Sequence[MeasurementRecord]
) -> list[str]:
    """Return at what shape and how costs were measured, and which models ran in another implementation."""
    methods = [m for m in dict.fromkeys(row.cost_method for row in rows) if m is not None]
    found = []
    if methods and shape is not None:
        how = "; ".join(method.rstrip(".") for method in methods)
        found.append(
            f"Memory: one training step at batch {shape[0]} of {shape[1]} steps; latency: one step at batch 1; {how}."
        )
    found += _repeats(rows)
    for row in rows:
        cases = (None, runs[row.model][0].case)
        others = dict.fromkeys(m.implementation for m in measurements if m.model == row.model and m.case in cases)
        if others and row.cost_method is None:
            found.append(
                f"{row.model}: no measurement of {implementation_words(row.implementation)} at this shape (measured: "
                f"{', '.join(map(implementation_words, others))})."
            )
    return found + _energy(rows) + _as_run(rows)


def _energy(rows: Sequence[ModelRow]) -> list[str]:
    """Return where the figures of energy come from, and whether any was measured."""
    if all(row.operations is None for row in rows):
        return []
    methods = [method for method in dict.fromkeys(row.energy_method for row in rows) if method]
    measured = f"; a window of a training step, measured: {'; '.join(methods)}" if methods else ""
    return [
        "Energy of a step: operations of the plain computation times published figures (45 nm: Horowitz 2014; Loihi: "
        f"Davies et al. 2018, of low confidence), without memory and routing{measured}."
    ]


def _repeats(rows: Sequence[ModelRow]) -> list[str]:
    """Return how often costs were measured and what the time of an epoch is."""
    repeats = [row.cost_repeats for row in rows if row.epoch_seconds is not None and row.cost_repeats]
    if not repeats:
        return []
    kinds = " or ".join(dict.fromkeys(row.time_kind for row in rows if row.time_kind is not None))
    return [
        f"Time per epoch: the steps of an epoch times the {kinds} of one, the models in turn, one copy of each (stack "
        f"of 1); mean and 95% interval (Student t) over {min(repeats)} fresh processes, peak memory: median and range."
    ]


def _as_run(rows: Sequence[ModelRow]) -> list[str]:
    """Return what an epoch took in training, which is a share of a stack's time where seeds were trained together."""
    known = [row for row in rows if row.run_epoch_seconds is not None]
    if not known:
        return []
    most = max(row.run_stacked for row in known)
    share = f", a run's share where up to {most} seeds of a model were trained in one call" if most > 1 else ""
    times = ", ".join(f"{row.model} {row.run_epoch_seconds:.3g} s" for row in known)
    return [f"Epochs as run{share}: {times}."]
