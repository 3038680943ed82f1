"""How often verdicts on claims are wrong, by simulation through the functions that judge records.

    PYTHONPATH=tests python -m simulated_verdicts           # figures of docs/statistics.md, about fifteen minutes

A claim says that the left model has the lower error; `matters` is the smallest ratio of interest. Errors over seeds are
those of `simulated_tests`. Every draw has a fixed seed.
"""

import sys
from collections.abc import Sequence
from typing import Literal

import numpy as np
from claim_records import claim
from simulated_tests import SETTINGS, Floats, Setting

from lnncmp import stats
from lnncmp.claims.claim import Claim
from lnncmp.claims.decide import decide
from lnncmp.claims.evidence import Evidence
from lnncmp.claims.significance import p_values

Answer = Literal["supported", "opposite", "negligible", "nothing"]
FAMILY = 30
SEEDS = 10
MATTERS = 1.1
LOWER = claim(matters=MATTERS)
COMPARABLE = claim(matters=MATTERS, direction="comparable")
NOT_WORSE = claim(matters=MATTERS, direction="not higher")


def answer(of: Claim, pairs: int, effect: float, first: float | None, second: float | None) -> Answer:
    """Return what the rule says, in the words of this module: the only place that knows those of the rule."""
    verdict, why = decide(of, pairs, effect, first, second)
    if verdict == "supported":
        return "supported"
    if why in ("opposite", "opposite but negligible", "worse", "apart", "too much worse"):
        return "opposite"
    return "negligible" if why in ("negligible", "no difference") else "nothing"


def answers(of: Claim, left: Floats, right: Floats) -> list[Answer]:
    """Return the answers to one family of claims; left, right (claims, seeds): log errors of both models."""
    rows = [Evidence((), tuple(a), tuple(b)).mean for a, b in zip(left.tolist(), right.tolist(), strict=True)]
    known = [row for row in rows if row is not None]
    found = [p_values(of, row) for row in known]
    first, second = (stats.holm([p[n] for p in found]) for n in (0, 1))
    seeds = left.shape[1]
    return [answer(of, seeds, row.value, p, q) for row, p, q in zip(known, first, second, strict=True)]


def shares(of: Claim, setting: Setting, ratio: float, families: int, size: int, seeds: int = SEEDS) -> dict[str, float]:
    """Return answer -> share of families of `size` claims, all of this true ratio, in which any claim gets it."""
    left, right = setting.samples(families * size, seeds, ratio, seed=15)
    found: list[set[Answer]] = []
    for start in range(0, families * size, size):
        rows = slice(start, start + size)
        found.append(set(answers(of, left[rows], right[rows])))
    return {name: sum(name in one for one in found) / families for name in ("supported", "opposite", "negligible")}


def table(families: int, size: int, settings: Sequence[Setting] = SETTINGS) -> list[str]:
    """Return the lines of a Markdown table: settings against wrong answers, in percent."""
    truths = ((LOWER, 1.0), (LOWER, MATTERS), (COMPARABLE, MATTERS))
    wrong = {
        "no difference: supported": (0, "supported"),
        "no difference: opposite": (0, "opposite"),
        f"{MATTERS:g} times better: opposite": (1, "opposite"),
        f"{MATTERS:g} times better: negligible": (1, "negligible"),
        f"{MATTERS:g} times apart: comparable": (2, "supported"),
    }
    rows = [f"| log errors | {' | '.join(wrong)} |", "|---" * (1 + len(wrong)) + "|"]
    for setting in settings:
        found = [shares(of, setting, ratio, families, size) for of, ratio in truths]
        rows.append(f"| {setting.name} | " + " | ".join(f"{100 * found[n][w]:.1f}" for n, w in wrong.values()) + " |")
    return rows


def power(repetitions: int) -> list[str]:
    """Return how often a claim that is true is supported, alone and as one of a family whose others are as true."""
    rows = ["| true ratio | seeds | alone | each of 30 |", "|---|---|---|---|"]
    for ratio in (1.3, 1.5, 2.0):
        for seeds in (6, 10, 20):
            left, right = SETTINGS[0].samples(repetitions * FAMILY, seeds, ratio, seed=16)
            alone = np.mean([answers(LOWER, left[n : n + 1], right[n : n + 1]) == ["supported"] for n in range(500)])
            parts = [slice(n * FAMILY, (n + 1) * FAMILY) for n in range(repetitions)]
            each = np.mean([answers(LOWER, left[p], right[p]).count("supported") / FAMILY for p in parts])
            rows.append(f"| {ratio:g} | {seeds} | {100 * alone:.0f} | {100 * each:.0f} |")
    return rows


def main(families: int) -> None:
    """Print all tables."""
    print("\n".join(["Single claims, ten seeds, percent", *table(5 * families, 1)]), flush=True)
    print("\n".join([f"\nAny of {FAMILY} claims, ten seeds, percent", *table(families, FAMILY)]), flush=True)
    print("\n".join(["\nSupported, percent", *power(30)]), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
