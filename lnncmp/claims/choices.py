"""In which choices two pairs of models on which one claim was judged differ: budget, matching, data, tuning.

A preset is a budget: it sets epochs, the number of training windows and the size of the models together. What else
differs between two presets (way of matching, source, conditions of the data, learning rates) is a choice of its own.
"""

from typing import Any

from lnncmp.claims.pairs import ClaimPair
from lnncmp.records.tuning import Tuning

_BUDGET = ("train.epochs", "train.patience", "train.min_gain", "train.restore")
_IGNORED = ("seed", "model.label", "model.version", "model.arguments.wiring_seed", "threads", "deterministic")


def choices_between(one: ClaimPair, other: ClaimPair) -> frozenset[str]:
    """Return the choices in which the runs of two pairs of the same two models differ."""
    found = {_choice(key, one, other) for key in _different_settings(one, other)}
    if one.group.preset != other.group.preset:
        found.add("budget")
    if _tuning(one) != _tuning(other):
        found = {choice for choice in found if choice != "model settings"} | {"tuning"}
    if one.group.conditions != other.group.conditions:
        found.add("data")
    same_preset = one.group.preset == other.group.preset
    if same_preset and one.group.first.data_hash != other.group.first.data_hash:
        found.add("data")
    return frozenset(found - {""})


def budget_words(pair: ClaimPair) -> str:
    """Return the budget of a pair in words: "standard, 20 epochs", "quick, at most 8 to 16 epochs"."""
    trained = [side.sample.recipe.train for side in pair.both]
    epochs = sorted({train.epochs for train in trained})
    ceiling = "at most " if any(train.patience is not None for train in trained) else ""
    counted = f"{' to '.join(map(str, epochs))} epoch{'' if epochs == [1] else 's'}"
    tuned = "" if None in _tuning(pair) else "tuned"
    return ", ".join(filter(None, [pair.group.preset, ceiling + counted, tuned]))


def _tuning(pair: ClaimPair) -> list[Tuning | None]:
    return [side.sample.tuning for side in pair.both]


def _different_settings(one: ClaimPair, other: ClaimPair) -> set[str]:
    """Return the dotted names of the settings that differ for the left or for the right model."""
    keys: set[str] = set()
    for ours, theirs in zip(one.both, other.both, strict=True):
        first, second = _settings(ours.sample.recipe.flat()), _settings(theirs.sample.recipe.flat())
        keys |= {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}
    return keys


def _settings(flat: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in flat.items() if key not in _IGNORED}


def _choice(key: str, one: ClaimPair, other: ClaimPair) -> str:
    """Return the choice that a setting belongs to; "" if it follows from another one."""
    same_preset = one.group.preset == other.group.preset
    if key in _BUDGET:
        return "budget"
    if key == "match":
        return "matching"
    if key == "model.arguments.hidden":
        matched_alike = one.group.match == other.group.match
        return "size" if matched_alike and same_preset else ""
    if key == "source":
        return "data"
    if key.startswith(("data.", "evaluate.")):
        return "data" if same_preset else ""
    if key.startswith("train."):
        return "tuning"
    return "model settings" if key.startswith("model.") else "protocol"
