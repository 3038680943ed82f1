"""Which universes are run, and in which order: the default, one departure at a time, then a balanced fraction."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from multiverse_toys import HEAD, MODELS, NOISE, READING, UNITS, written

from lnncmp.multiverse.choices import load_choices
from lnncmp.multiverse.fraction import balanced_fraction
from lnncmp.multiverse.universes import all_universes


def toy(tmp_path):
    return load_choices("sine", written(tmp_path, HEAD, MODELS, UNITS, NOISE, READING))


@pytest.mark.parametrize("case", ["sine", "walker2d", "mimic3"])
def test_the_default_comes_first_then_each_departure_alone(case):
    choices = load_choices(case)
    universes = all_universes(choices)
    alone = sum(len(choice.alternative) - 1 for choice in choices.choice)
    assert [len(one.departures) for one in universes[: 1 + alone]] == [0] + [1] * alone
    assert all(len(one.departures) > 1 for one in universes[1 + alone :])
    assert len(universes) == len({one.levels for one in universes})
    assert len(universes) <= choices.universes
    assert [one.levels for one in universes] == [one.levels for one in all_universes(choices)]


def test_few_combinations_are_all_run_each_once(tmp_path):
    assert len(all_universes(toy(tmp_path), 100)) == 8
    assert {one.levels for one in all_universes(toy(tmp_path), 8)} == {
        (a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)
    }


def test_fewer_universes_are_the_first_of_more():
    choices = load_choices("sine")
    assert all_universes(choices, 7) == all_universes(choices)[:7]
    assert all_universes(choices, 1)[0].words == "default"


def test_a_fraction_is_balanced_in_each_choice_and_nearly_in_each_pair():
    sizes = [7, 3, 3, 2, 3, 2, 2, 3, 2, 3]
    rows = balanced_fraction(sizes, 42)
    for place, size in enumerate(sizes):
        counts = Counter(row[place] for row in rows)
        assert len(counts) == size and max(counts.values()) - min(counts.values()) <= 1
    shared = [_cramers_v(rows, a, b, sizes) for a, b in combinations(range(len(sizes)), 2)]
    drawn = np.random.default_rng(0).integers(np.array(sizes), size=(42, len(sizes)))
    by_chance = [_cramers_v(drawn.tolist(), a, b, sizes) for a, b in combinations(range(len(sizes)), 2)]
    assert max(shared) < 0.3
    assert np.mean(shared) < np.mean(by_chance) / 1.5


def _cramers_v(rows, a, b, sizes):
    table = np.zeros((sizes[a], sizes[b]))
    for row in rows:
        table[row[a], row[b]] += 1
    expected = len(rows) / table.size
    return float(np.sqrt(((table - expected) ** 2).sum() / expected / (len(rows) * (min(table.shape) - 1))))
