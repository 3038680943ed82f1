"""A request to stop is obeyed wherever the process is, and says so once."""

import signal
import subprocess
import sys

import pytest

# A callback from compiled code cannot pass an exception on: the interpreter prints and drops it.
COMMAND = """
import ctypes, signal, sys, time
import typer
from lnncmp.cli.terminal import interruptible
received = ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal({number}))
try:
    with interruptible("All is kept."):
        received()
        time.sleep(20)
        print("went on")
except typer.Exit as stop:
    sys.exit(stop.exit_code)
"""
WORKER = """
import ctypes, signal, time
from lnncmp.runs import processes
received = ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGTERM))
class Session:
    def __init__(self, pipe, config):
        received()
        time.sleep(20)
processes._Session = Session
class Pipe:
    def send(self, message):
        print("went on")
    def recv(self):
        raise EOFError
import os
processes._serve(Pipe(), None, os.getppid(), None)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_stops_though_the_exception_was_lost(number, code):
    seen = _python(COMMAND.format(number=int(number)))
    assert (seen.returncode, seen.stdout) == (code, "")
    assert seen.stderr == "Interrupted. All is kept.\n"


def test_a_worker_stops_though_the_exception_was_lost():
    seen = _python(WORKER)
    assert (seen.returncode, seen.stdout, seen.stderr) == (0, "", "")


def test_other_lost_exceptions_are_still_shown():
    other = COMMAND.format(number=0).replace("signal.raise_signal(0)", "1 / 0").replace("time.sleep(20)", "pass")
    seen = _python(other)
    assert (seen.returncode, seen.stdout) == (0, "went on\n")
    assert "ZeroDivisionError" in seen.stderr


def _python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
