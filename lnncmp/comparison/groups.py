"""Runs that may be compared with each other, and in each such group the runs of one model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lnncmp.records.schema import RunRecord

_MATCHINGS = ("hidden", "params", "own")


@dataclass(frozen=True)
class Setting:
    """Runs that may be compared: one case, source, conditions, data hash, way of matching and protocol."""

    case: str
    source: str
    conditions: str
    data_hash: str
    match: str
    comparison: str
    runs: tuple[RunRecord, ...]

    @property
    def data(self) -> str:
        """Source and short data hash."""
        return f"{self.source} {self.data_hash[:8]}"

    @property
    def in_words(self) -> str:
        """The conditions, and whether elapsed times were withheld (an ablation)."""
        data = self.runs[0].recipe.get("data")
        withheld = isinstance(data, Mapping) and data.get("timespans") == "ones"
        return ", ".join(filter(None, [self.conditions, "elapsed times withheld" if withheld else ""]))

    @property
    def preset(self) -> str:
        """The presets of the runs, usually one."""
        return "+".join(dict.fromkeys(run.preset for run in self.runs))


@dataclass(frozen=True)
class Arm:
    """One model of a setting: its runs by root seed, all with the same arguments and training."""

    label: str
    by_seed: Mapping[int, RunRecord]

    @property
    def sample(self) -> RunRecord:
        """Some run of it, for what all share."""
        return self.by_seed[min(self.by_seed)]


def settings_of(runs: Sequence[RunRecord]) -> list[Setting]:
    """Return the settings that these runs make up, in order of appearance. Different data are never in one."""
    groups: dict[tuple[str, str, str, str, str, str], list[RunRecord]] = {}
    for run in runs:
        match = str(run.recipe.get("match", "own"))
        key = (run.case, run.source, run.conditions, run.data_hash, match, run.comparison)
        groups.setdefault(key, []).append(run)
    return [Setting(*key, tuple(group)) for key, group in groups.items()]


def matching_place(setting: Setting) -> int:
    """Return the place of a way to match sizes in the order in which they are looked at: the study's own first."""
    return _place(_MATCHINGS, setting.match)


def _place(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def find_arm(setting: Setting, model: str, arguments: Mapping[str, Any]) -> Arm | None:
    """Return the runs of a model with these arguments; None if there are none.

    Where several rows show the model (say with other solvers), the one labelled with its name counts unless arguments
    are asked for; among equals the one with most seeds.
    """
    arms = [arm for arm in arms_of(setting) if _fits(arm.sample, model, arguments)]
    if not arguments:
        arms = [arm for arm in arms if arm.label == model] or arms
    return max(arms, key=lambda arm: (len(arm.by_seed), arm.sample.run_id), default=None)


def arms_of(setting: Setting) -> list[Arm]:
    """Return all models of a setting, in order of appearance; runs that were stopped by hand are no result."""
    groups: dict[str, dict[int, RunRecord]] = {}
    for run in setting.runs:
        if run.status != "stopped":
            own = {"label": run.model, "model": run.recipe.get("model"), "train": run.recipe.get("train")}
            groups.setdefault(json.dumps(own, sort_keys=True, default=str), {}).setdefault(run.seeds.root, run)
    return [Arm(next(iter(group.values())).model, group) for group in groups.values()]


def _fits(run: RunRecord, model: str, arguments: Mapping[str, Any]) -> bool:
    own = run.recipe.get("model")
    table: Mapping[str, Any] = own if isinstance(own, Mapping) else {}
    given = table.get("arguments")
    chosen: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    return table.get("name", run.model) == model and all(chosen.get(key) == value for key, value in arguments.items())
