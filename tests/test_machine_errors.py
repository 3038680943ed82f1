"""Faults of the machine are no outcome of a model: nothing is recorded, and the command ends with a sentence."""

import errno
import os

import pytest
import torch
from cli_runs import records
from kept_networks import keep

from lnncmp.errors import LnncmpError
from lnncmp.runs import worker
from lnncmp.runs.machine_errors import pass_on

OF_MACHINE = {
    "memory": MemoryError(),
    "memory of torch": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"),
    "threads": RuntimeError("can't start new thread"),
    "disk": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "handles": OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    "processes": BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)),
}
OF_MODEL = (ValueError("x"), RuntimeError("shapes differ"), FileNotFoundError(errno.ENOENT, "no such file"))


@pytest.mark.parametrize("error", OF_MACHINE.values(), ids=OF_MACHINE)
@pytest.mark.parametrize("where", ["_fit", "_scores", "build_named"])
def test_nothing_is_recorded(tmp_path, monkeypatch, error, where):
    def fail(*args):
        raise error

    monkeypatch.setattr(worker, where, fail)
    with pytest.raises(LnncmpError, match="the machine has run out of something"):
        keep(tmp_path, "sine", "lstm")
    assert records(tmp_path) == {}


def test_what_caused_an_error_counts():
    try:
        try:
            raise OF_MACHINE["disk"]
        except OSError as cause:
            raise ValueError("kernels could not be compiled") from cause
    except ValueError as error:
        with pytest.raises(LnncmpError, match="No space left"):
            pass_on(error)


@pytest.mark.parametrize("error", OF_MODEL)
def test_other_errors_are_of_the_model(tmp_path, monkeypatch, error):
    def fail(*args):
        raise error

    pass_on(error)
    torch.set_num_threads(1)
    monkeypatch.setattr(worker, "_fit", fail)
    with pytest.raises(AssertionError):  # the helper wants an ok run
        keep(tmp_path, "sine", "lstm")
    assert [record.status for record in records(tmp_path).values()] == ["failed"]
