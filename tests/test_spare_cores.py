"""Cores that no other run needs: who gets them, whether they are used, and that they change no number."""

from types import SimpleNamespace

import pytest
import torch
from claim_records import many
from test_compiled_training import build, settings
from toy_study import CPU, splits

from lnncmp.kernels.common import threads
from lnncmp.runs import pool
from lnncmp.runs.processes import WorkerConfig
from lnncmp.training.spare_cores import Allowed, SpareCores
from lnncmp.training.stack_trainer import StackTrainer


@pytest.fixture
def allowed(monkeypatch):
    """Allow this process so many cores."""
    torch.set_num_threads(1)

    def allow(cores):
        monkeypatch.setattr(Allowed, "cores", lambda: cores)

    return allow


class TestChoice:
    def times(self, cores, of):
        """Return the threads of six epochs that take `of[threads]` seconds."""
        chosen = []
        for _ in range(6):
            with cores.lent() as number:
                assert threads.Lent.threads == number
                chosen.append(number)
            cores.took(number, of[number])
        assert threads.Lent.threads == 1
        return chosen

    def test_one_core_is_all_there_is(self, allowed):
        allowed(1)
        assert self.times(SpareCores(), {1: 5.0}) == [1] * 6

    def test_several_are_kept_if_they_are_faster(self, allowed):
        allowed(3)
        assert self.times(SpareCores(), {1: 5.0, 3: 2.0}) == [3, 1, 3, 3, 3, 3]
        assert self.times(SpareCores(), {1: 5.0, 3: 5.5}) == [3, 1, 1, 1, 1, 1]

    def test_a_new_number_is_tried_and_fewer_are_obeyed(self, allowed):
        cores = SpareCores()
        allowed(2)
        assert self.times(cores, {1: 5.0, 2: 3.0}) == [2, 1, 2, 2, 2, 2]
        allowed(4)
        assert self.times(cores, {1: 5.0, 4: 2.0}) == [4, 4, 4, 4, 4, 4]
        allowed(1)
        assert self.times(cores, {1: 5.0}) == [1] * 6

    def test_the_time_is_that_of_all_cores(self, allowed):
        assert SpareCores.used(1) == 1 and SpareCores.used(4) == 4
        torch.set_num_threads(2)
        assert SpareCores.used(1) == 1 and SpareCores.used(4) == 2
        torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["ltc", "cfc", "lstm"])
def test_they_change_no_bit(allowed, monkeypatch, name):
    used, lend = [], SpareCores.took

    def took(own, number, seconds):
        used.append(number)
        lend(own, number, 1.0 / number)

    monkeypatch.setattr(SpareCores, "took", took)
    found = []
    for cores in (1, 2):
        allowed(cores)
        models = [build(name, seed, hidden=20) for seed in range(2)]
        StackTrainer(models, splits(), settings(epochs=4), [1, 2], CPU).fit()
        found.append([own for model in models for own in model.parameters()])
    assert used == [1] * 4 + [2, 1, 2, 2]
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_workers_without_work_leave_theirs_to_the_others(tmp_path):
    def worker(task):
        return SimpleNamespace(task=task, cores=SimpleNamespace(value=0))

    def lent(jobs, tasks, waiting=(), own=1):
        made = pool.Pool(WorkerConfig(tmp_path, tmp_path, None, own, False, jobs), None)
        made.workers, made.waiting = [worker(task) for task in tasks], list(waiting)
        made._lend()
        return [one.cores.value for one in made.workers if one.task is not None]

    run = many("cfc", 1.0, seeds=1)[0]
    assert lent(4, [run] * 4) == [1] * 4
    assert lent(4, [run, run, run, None]) == [2, 1, 1]
    assert lent(4, [run]) == [4]
    assert lent(4, [run], waiting=[run]) == [1]
    assert lent(2, [run], own=3) == [6] and lent(1, [run], own=2) == [2]
