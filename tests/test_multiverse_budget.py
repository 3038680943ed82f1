"""Which universes a budget of minutes takes, on a clock of its own."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from lnncmp.errors import UsageError
from lnncmp.multiverse import run
from lnncmp.runs.ready import Request


@pytest.fixture
def carried(monkeypatch, tmp_path):
    """Carry out universes that should take so many seconds each, and take `pace` times as many."""

    def carry(expected, minutes, pace=1.0, stored=()):
        clock, order = [0.0], []

        class Estimator:
            def __init__(self, *given):
                pass

            def seconds(self, planned, counted):
                counted.add(planned.number)
                return expected[planned.number - 1]

        def execute(portion, *given):
            order.append([one.number for one in portion])
            clock[0] += pace * sum(expected[one.number - 1] for one in portion)
            return len(portion)

        monkeypatch.setattr(run, "CostEstimator", Estimator)
        monkeypatch.setattr(run, "_execute", execute)
        monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        numbers = range(1, len(expected) + 1)
        planned = [SimpleNamespace(number=n, runs=[SimpleNamespace(run_id=n)]) for n in numbers]
        store = SimpleNamespace(prepare=lambda: None, finished=lambda n: n if n in stored else None)
        request = Request(tmp_path, Path(tmp_path))
        found = run.run_universes(planned, store, request, None, minutes)
        return order, [one.number for one in found.universes], found.left

    return carry


def test_one_that_does_not_fit_is_left_out_and_those_after_it_run(carried):
    order, kept, left = carried([10, 500, 20, 30], minutes=2)
    assert (order, kept, left) == ([[1], [3], [4]], [1, 3, 4], 1)


def test_small_ones_start_together(carried):
    assert carried([10, 10, 10, 40, 10], minutes=10) == ([[1, 2, 3], [4, 5]], [1, 2, 3, 4, 5], 0)


def test_estimates_are_corrected_by_what_the_first_took(carried):
    assert carried([50, 50, 50, 50], minutes=3, pace=0.25)[1:] == ([1, 2, 3, 4], 0)
    assert carried([50, 50, 50, 50], minutes=3, pace=2.0)[1:] == ([1], 3)


def test_what_is_stored_counts_also_when_the_time_is_over(carried):
    order, kept, left = carried([10, 100, 0, 30], minutes=1, stored=[3], pace=10)
    assert (order, kept, left) == ([[1]], [1, 3], 2)


def test_a_budget_for_not_even_the_first_is_refused(carried):
    with pytest.raises(UsageError, match=r"a budget of 1 min is too small for one universe.* up to 1\.7 min"):
        carried([100, 1], minutes=1)
