"""Which test of a difference between two models: size and power by simulation. Figures: docs/statistics.md.

    PYTHONPATH=tests python -m simulated_tests            # 4,000 repetitions, about five minutes

Errors over seeds are drawn on the scale of natural logarithms. Every draw has a fixed seed.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int], int], Floats]

LEVELS = (0.05, 0.05 / 30)
SEEDS = (6, 10, 20)
SPREAD = 0.3
"""Standard deviation of log errors over seeds at which the sign-flip test finds a ratio of 1.3 in about 36% and of 1.5
in about 80% of studies of ten seeds (`calibration`)."""
_PATTERNS = 5_000


def normal(left: float = SPREAD, right: float = SPREAD) -> Draw:
    """Return normal log errors with these standard deviations."""
    return lambda rng, shape, side: (left, right)[side] * rng.standard_normal(shape)


def stuck(shares: tuple[float, float], worse: float = 1.5) -> Draw:
    """Return normal log errors, of which these shares of each model are `worse` in the logarithm; the mean is 0."""

    def draw(rng: np.random.Generator, shape: tuple[int, int], side: int) -> Floats:
        lost = rng.random(shape) < shares[side]
        return SPREAD * rng.standard_normal(shape) + worse * (lost - shares[side])

    return draw


def skewed(sigmas: tuple[float, float]) -> Draw:
    """Return skewed log errors: log-normal with these sigmas (0: normal), mean 0, standard deviation SPREAD."""

    def draw(rng: np.random.Generator, shape: tuple[int, int], side: int) -> Floats:
        sigma, made = sigmas[side], rng.standard_normal(shape)
        if not sigma:
            return SPREAD * made
        scale = np.sqrt((np.exp(sigma**2) - 1) * np.exp(sigma**2))
        return np.asarray(SPREAD * (np.exp(sigma * made) - np.exp(sigma**2 / 2)) / scale)

    return draw


def worst_ranks(share: float) -> Draw:
    """Return normal log errors, of which this share was lost: worse than all others by the whole range of both."""

    def draw(rng: np.random.Generator, shape: tuple[int, int], side: int) -> Floats:
        made = SPREAD * rng.standard_normal(shape)
        made[rng.random(shape) < share] = np.inf
        return made

    return draw


@dataclass(frozen=True)
class Setting:
    """name: as in the tables. draw: log errors of the left (0) and the right (1) model, of mean 0."""

    name: str
    draw: Draw

    def samples(self, repetitions: int, n: int, ratio: float, seed: int) -> tuple[Floats, Floats]:
        """Return (repetitions, n) log errors of both models, those of the right one `ratio` times as large."""
        rng = np.random.default_rng([seed, n, round(1000 * ratio)])
        left, right = (self.draw(rng, (repetitions, n), side) for side in (0, 1))
        return ranked(left, right + np.log(ratio))


def ranked(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Return both with lost runs replaced as in `lnncmp.claims.evidence`: beyond all by the range of what finished."""
    both = np.concatenate([left, right], axis=1)
    known = np.where(np.isfinite(both), both, np.nan)
    high, low = np.nanmax(known, axis=1, keepdims=True), np.nanmin(known, axis=1, keepdims=True)
    lost = high + (high - low)
    return tuple(np.where(np.isfinite(one), one, lost) for one in (left, right))  # type: ignore[return-value]


SETTINGS = (
    Setting("normal, equal spreads", normal()),
    Setting("normal, spreads 1 : 3", normal(SPREAD / 2, 1.5 * SPREAD)),
    Setting("skewed alike", skewed((0.8, 0.8))),
    Setting("skewed, one model", skewed((0.8, 0.0))),
    Setting("15% stuck, both", stuck((0.15, 0.15))),
    Setting("15% stuck, one model", stuck((0.15, 0.0))),
    Setting("10% lost, both", worst_ranks(0.1)),
)


def sign_flip(left: Floats, right: Floats) -> Floats:
    """Return p of the test of differences paired by seed, as lnncmp had it before."""
    differences = right - left
    n = differences.shape[1]
    if n <= 13:
        signs = np.array(list(product((-1.0, 1.0), repeat=n)))
        extra = 0
    else:
        signs = np.random.default_rng(1).choice((-1.0, 1.0), (_PATTERNS, n))
        extra = 1
    return _share(np.abs(differences.sum(axis=1)), lambda rows: np.abs(differences[rows] @ signs.T), extra)


def permutation(left: Floats, right: Floats) -> Floats:
    """Return p of the unpaired permutation test of the difference of means.

    With equally many runs on both sides, permuting Welch's t in place of the difference gives the same p: over the
    permutations of one sample it grows with the size of the difference.
    """
    both = np.concatenate([left, right], axis=1)
    n = left.shape[1]
    chosen = np.argsort(np.random.default_rng(2).random((_PATTERNS, 2 * n)), axis=1)[:, :n]
    marks = np.zeros((_PATTERNS, 2 * n))
    np.put_along_axis(marks, chosen, 1.0, axis=1)
    half = both.sum(axis=1, keepdims=True) / 2
    return _share(np.abs(left.sum(axis=1) - half[:, 0]), lambda rows: np.abs(both[rows] @ marks.T - half[rows]), 1)


def _share(observed: Floats, permuted: Callable[[slice], Floats], extra: int) -> Floats:
    """Return the share of permuted statistics that reach the observed one, in slices that fit the memory."""
    made = []
    for start in range(0, len(observed), 500):
        rows = slice(start, start + 500)
        found = permuted(rows)
        reached = (found >= observed[rows, None] * (1 - 1e-9)).sum(axis=1)
        made.append((reached + extra) / (found.shape[1] + extra))
    return np.concatenate(made)


def welch(left: Floats, right: Floats) -> Floats:
    """Return p of Welch's t test."""
    return np.asarray(stats.ttest_ind(left, right, axis=1, equal_var=False).pvalue)


TESTS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "paired sign flips": sign_flip,
    "permutation": permutation,
    "Welch's t": welch,
}


def rates(setting: Setting, n: int, ratio: float, repetitions: int, tests: Sequence[str] = tuple(TESTS)) -> Floats:
    """Return (tests, levels): how often each test is significant at each level."""
    left, right = setting.samples(repetitions, n, ratio, seed=14)
    found = [TESTS[name](left, right) for name in tests]
    return np.array([[np.mean(p <= level * (1 + 1e-9)) for level in LEVELS] for p in found])


def calibration(repetitions: int) -> list[str]:
    """Return how often sign flips of ten seeds find ratios of 1.3 and 1.5, by the spread over seeds."""
    rows = ["| spread of log errors | ratio 1.3 | ratio 1.5 |", "|---|---|---|"]
    for spread in (0.25, 0.28, 0.3, 0.32, 0.35):
        cells = []
        for ratio in (1.3, 1.5):
            setting = Setting("", normal(spread, spread))
            cells.append(f"{100 * rates(setting, 10, ratio, repetitions, ['paired sign flips'])[0, 0]:.0f}%")
        rows.append(f"| {spread:g} | {' | '.join(cells)} |")
    return rows


def skew(repetitions: int) -> list[str]:
    """Return how often log-normal errors of one model are called different from nearly constant ones of the other.

    The old test saw the errors themselves, of equal means; the new one sees their logarithms, of equal means.
    """
    rows = ["| sigma | seeds | sign flips of errors | Welch's t of logarithms |", "|---|---|---|---|"]
    for sigma, n in product((0.5, 0.8), SEEDS):
        rng = np.random.default_rng([n, round(10 * sigma)])
        logs = [spread * rng.standard_normal((repetitions, n)) for spread in (sigma, 0.1)]
        errors = [np.exp(one) - np.exp(spread**2 / 2) for one, spread in zip(logs, (sigma, 0.1), strict=True)]
        found = [np.mean(sign_flip(*errors) <= LEVELS[0]), np.mean(welch(*logs) <= LEVELS[0])]
        rows.append(f"| {sigma:g} | {n} | {100 * found[0]:.1f} | {100 * found[1]:.1f} |")
    return rows


COLUMNS = (("size at .05", 1.0, 0), ("size at .05/30", 1.0, 1), ("1.3 at .05", 1.3, 0), ("1.5 at .05", 1.5, 0))
MORE = (("1.5 at .05/30", 1.5, 1), ("2 at .05/30", 2.0, 1))


def table(repetitions: int) -> list[str]:
    """Return the lines of a Markdown table, in percent; in each cell sign flips / permutation / Welch."""
    columns = (*COLUMNS, *MORE)
    rows = [f"| log errors | seeds | {' | '.join(name for name, *_ in columns)} |", "|---" * (2 + len(columns)) + "|"]
    for setting, n in product(SETTINGS, SEEDS):
        found = {ratio: rates(setting, n, ratio, repetitions) for ratio in {ratio for _, ratio, _ in columns}}
        cells = [_cell(found[ratio][:, level], 2 if ratio == level == 1 else 1) for _, ratio, level in columns]
        rows.append(f"| {setting.name} | {n} | {' | '.join(cells)} |")
    return rows


def _cell(values: Floats, digits: int) -> str:
    return " / ".join(f"{100 * value:.{digits}f}" for value in values)


def main(repetitions: int) -> None:
    """Print all tables."""
    print("\n".join(["Calibration", *calibration(repetitions)]), flush=True)
    print("\n".join(["\nSkewed errors of one model, percent", *skew(repetitions)]), flush=True)
    print("\n".join(["\nSign flips / permutation / Welch, percent", *table(repetitions)]), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000)
