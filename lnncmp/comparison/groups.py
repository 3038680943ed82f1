"""Runs that may be compared with each other, and in each such group the runs of one model, under one name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lnncmp.records.schema import RunRecord

MATCHED_WORDS = {
    "hidden": "same hidden units",
    "params": "same active parameters",
    "smallest": "as few active parameters as the smallest model",
    "own": "each model's own size",
}
"""How sizes were matched, in words."""
MATCHINGS = tuple(MATCHED_WORDS)
"""Ways of matching sizes, in the order in which they are looked at: the study's own first."""
_IMPLEMENTATION_WORDS = {"loop": "plain PyTorch"}


@dataclass(frozen=True)
class ModelRuns:
    """The runs of one model with the same arguments and training, by root seed. row: its name in tables."""

    row: str
    by_seed: Mapping[int, RunRecord]

    @property
    def sample(self) -> RunRecord:
        """Some run of it, for what all share."""
        return self.by_seed[min(self.by_seed)]

    @property
    def label(self) -> str:
        """The model's name in its recipe; several rows may share it."""
        return self.sample.recipe.model.label


@dataclass(frozen=True)
class ComparisonGroup:
    """Runs of one protocol: same data, evaluation, way of matching sizes; same training but for a model's own settings.

    runs: every run under the name of its row (see `named`), sorted by row and seed.
    """

    protocol_id: str
    runs: tuple[RunRecord, ...]

    @property
    def first(self) -> RunRecord:
        """Some run, for what all share: case, source, conditions, data hash."""
        return self.runs[0]

    @property
    def match(self) -> str:
        """How sizes were matched."""
        return self.first.recipe.match

    @property
    def data(self) -> str:
        """Source and short data hash."""
        return f"{self.first.source} {self.first.data_hash[:8]}"

    @property
    def conditions(self) -> str:
        """The conditions in words, and whether elapsed times were withheld (an ablation)."""
        withheld = "elapsed times withheld" if self.first.recipe.withholds_time else ""
        return ", ".join(filter(None, [self.first.conditions, withheld]))

    @property
    def preset(self) -> str:
        """The presets of the runs, usually one."""
        return "+".join(dict.fromkeys(run.preset for run in self.runs))

    @property
    def models(self) -> list[ModelRuns]:
        """The models in order of their rows; runs that were stopped by hand are no result."""
        found: dict[str, dict[int, RunRecord]] = {}
        for run in self.runs:
            if run.status != "stopped":
                found.setdefault(run.model, {})[run.seeds.root] = run
        return [ModelRuns(row, by_seed) for row, by_seed in found.items()]

    @property
    def by_tuning(self) -> list["ComparisonGroup"]:
        """The group taken apart: runs with the settings of the recipe, and those tuned in each search."""
        found: dict[str, list[RunRecord]] = {}
        for run in self.runs:
            found.setdefault("" if run.tuning is None else run.tuning.origin, []).append(run)
        return [ComparisonGroup(self.protocol_id, tuple(runs)) for runs in found.values()]

    def same_data(self, other: "ComparisonGroup") -> bool:
        """Tell whether two groups have case, conditions and data in common."""
        return all(
            getattr(self.first, name) == getattr(other.first, name) for name in ("case", "conditions", "data_hash")
        )

    def find(self, model: str, arguments: Mapping[str, Any]) -> ModelRuns | None:
        """Return the runs of a model, by its name, with these arguments; None if there are none.

        Where several rows show the model (for example with other solvers), the one labelled with its name counts unless
        arguments are asked for; among equals the one with most seeds, then a tuned one, so that of an untuned and a
        tuned study all models come from one.
        """
        found = [one for one in self.models if _fits(one.sample, model, arguments)]
        if not arguments:
            found = [one for one in found if one.label == model] or found
        return max(
            found, key=lambda one: (len(one.by_seed), one.sample.tuning is not None, one.sample.run_id), default=None
        )


def _fits(run: RunRecord, model: str, arguments: Mapping[str, Any]) -> bool:
    own = run.recipe.model
    return own.name == model and all(own.arguments.get(key) == value for key, value in arguments.items())


def groups_of(runs: Sequence[RunRecord]) -> list[ComparisonGroup]:
    """Return the groups that these runs make up, in order of appearance. Different data are never in one."""
    found: dict[tuple[str, ...], list[RunRecord]] = {}
    for run in runs:
        # The protocol covers data and matching; records that somebody edited are kept apart all the same.
        key = run.protocol_id, run.case, run.source, run.conditions, run.data_hash, run.recipe.match
        found.setdefault(key, []).append(run)
    return [ComparisonGroup(key[0], tuple(named(group))) for key, group in found.items()]


def named(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the runs of one protocol under the names of their rows, sorted by name and seed.

    Sizes and learning rates are a model's own: runs that differ in them share a protocol. A model that ran with several
    settings gets a row for each: "ltc" becomes "ltc (hidden=32)" and "ltc (hidden=64)".
    """
    settings = [run.recipe.flat() for run in runs]
    by_model: dict[str, list[dict[str, Any]]] = {}
    for run, own in zip(runs, settings, strict=True):
        by_model.setdefault(run.model, []).append(own)
    differing = {model: _differing(group) for model, group in by_model.items()}
    renamed = []
    for run, own in zip(runs, settings, strict=True):
        words = [f"{key.rpartition('.')[2]}={own[key]}" for key in differing[run.model] if key in own]
        renamed.append(run.model_copy(update={"model": f"{run.model} ({', '.join(words)})"}) if words else run)
    return sorted(renamed, key=lambda run: (run.model, run.seeds.root))


def _differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose values these settings do not share, sorted."""
    first, *others = settings
    found = {key for other in others for key in first.keys() | other.keys() if first.get(key) != other.get(key)}
    return sorted(found)


def implementation_words(implementation: str) -> str:
    """Return an implementation (or several, joined by "+") as it is shown to readers."""
    return "+".join(_IMPLEMENTATION_WORDS.get(name, name) for name in implementation.split("+"))


def place(order: Sequence[str], name: str) -> int:
    """Return the place of a name in an order; names that are not in it come last."""
    return order.index(name) if name in order else len(order)
