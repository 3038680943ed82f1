"""How the protocols of the two models of a claim differ, as far as their records say."""

from lnncmp.claims.pairs import ClaimPair
from lnncmp.comparison.groups import ModelRuns, implementation_words
from lnncmp.records.settings import BY_PARAMETERS
from lnncmp.records.tuning import tuning_words

_MATCHED = 1.1
"""Up to this ratio two numbers of parameters count as matched."""


def differences_of(pair: ClaimPair) -> list[str]:
    """Return one phrase for each setting, implementation or machine that differs between the two models."""
    left, right = pair.both
    theirs = right.sample.recipe.protocol()
    found = [
        f"{name} is {value} for {left.row} and {theirs[name]} for {right.row}"
        for name, value in left.sample.recipe.protocol().items()
        if name in theirs and theirs[name] != value
    ]
    tuned = [tuning_words(side.sample.tuning) for side in pair.both]
    if tuned[0] != tuned[1]:
        found.append(f"tuning: {left.row} {tuned[0]}, {right.row} {tuned[1]}")
    implementations = [_implementations(side) for side in pair.both]
    if implementations[0] != implementations[1] and not any(pair.untrained):
        found.append(f"implemented as {implementations[0]} for {left.row}, {implementations[1]} for {right.row}")
    counts = [side.sample.parameters.active for side in pair.both]
    if pair.group.match in BY_PARAMETERS and max(counts) > _MATCHED * min(counts):
        found.append(f"no size matches: {counts[0]:,} active parameters for {left.row}, {counts[1]:,} for {right.row}")
    made = [run.provenance for side in pair.both for run in side.by_seed.values()]
    for what, values in (("machines", {one.cpu for one in made}), ("versions", {one.lnncmp for one in made})):
        if len(values) > 1:
            found.append(f"runs of several {what}: {', '.join(sorted(map(str, values)))}")
    return found


def _implementations(side: ModelRuns) -> str:
    return "+".join(sorted({implementation_words(run.implementation) for run in side.by_seed.values()}))
