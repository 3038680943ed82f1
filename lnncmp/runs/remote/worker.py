"""Runs on another machine than the command: no file is read or written, all that is to be kept is sent as messages.

Messages: ("epoch", epoch, epochs, loss), ("status", text, long), ("warn", text), ("checkpoint", run id, bytes),
("refused", run id, reason) of a checkpoint that does not fit, ("weights", run id, bytes, private),
("record", RunRecord), and one last: ("done",) or ("error", LnncmpError).
"""

import queue
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from threading import Event, Thread, current_thread
from typing import Any

from lnncmp.cases.base import Prepared
from lnncmp.common.small_files import RefusedFileError
from lnncmp.errors import LnncmpError
from lnncmp.records.checkpoints import packed, unpacked
from lnncmp.records.schema import RunRecord
from lnncmp.records.weights import SUFFIX, WeightsFile, described
from lnncmp.runs.plan import RunBatch
from lnncmp.runs.processes import internal_error
from lnncmp.runs.remote.versions import require_same, versions

Message = tuple[Any, ...]
Send = Callable[[Message], None]
THREAD = "lnncmp runs"
"""Name of the thread that trains."""
_WAIT = 10.0
"""Seconds that training has to end once nobody takes its messages."""


@dataclass(frozen=True)
class RemoteTask:
    """A batch of runs for another machine, with the checkpoints of those that were begun, by run id.

    versions: those of the command. where: how the machine is called in messages. The rest: see `WorkerConfig`.
    """

    batch: RunBatch
    checkpoints: Mapping[str, bytes]
    versions: Mapping[str, str]
    threads: int
    deterministic: bool
    jobs: int
    evaluate: bool
    keep_weights: bool


class MessageKeeper:
    """Stands for the store of the command (`RunKeeper`): sends what is to be kept, holds the last checkpoints."""

    def __init__(self, checkpoints: Mapping[str, bytes], send: Send) -> None:
        self.checkpoints = dict(checkpoints)
        self.send = send

    def warn(self, message: str) -> None:
        """Send a warning for the user."""
        self.send(("warn", message))

    def load_checkpoint(self, run_id: str) -> dict[str, Any] | None:
        """Return the checkpoint of a run, None if there is none or it is damaged."""
        if run_id not in self.checkpoints:
            return None
        try:
            return unpacked(self.checkpoints[run_id], run_id)
        except RefusedFileError as reason:
            self.refuse_checkpoint(run_id, str(reason))
            return None

    def save_checkpoint(self, run_id: str, state: dict[str, Any]) -> None:
        """Send a checkpoint, which replaces the one before."""
        self.checkpoints[run_id] = packed(run_id, state)
        self.send(("checkpoint", run_id, self.checkpoints[run_id]))

    def refuse_checkpoint(self, run_id: str, reason: str) -> None:
        """Forget a checkpoint that does not fit its run."""
        del self.checkpoints[run_id]
        self.send(("refused", run_id, reason))

    def write_run(self, record: RunRecord) -> None:
        """Send a record."""
        self.send(("record", record))

    def write_weights(self, run_id: str, content: bytes, private: bool) -> WeightsFile:
        """Send the weights of a run; return what its record says of them."""
        self.send(("weights", run_id, content, private))
        return described(f"{run_id}{SUFFIX}", content)


def carry_out(task: RemoteTask, prepared: Prepared, where: str) -> Iterator[list[Message]]:
    """Yield the messages of a task as they come: all that are there, of a run's checkpoints only the newest.

    Training goes on in a thread meanwhile, and ends with its epoch once this is closed. where: this machine in words.
    """
    box: queue.SimpleQueue[Message] = queue.SimpleQueue()
    left = Event()

    def send(message: Message) -> None:
        if left.is_set():
            raise ConnectionError("nobody takes the messages any more")
        box.put(message)

    training = Thread(target=_work, args=(task, prepared, where, send), name=THREAD, daemon=True)
    training.start()
    last = ""
    try:
        while last not in ("done", "error"):
            messages = [box.get()]
            while not box.empty():
                messages.append(box.get())
            last = messages[-1][0]
            yield newest(messages)
    finally:
        left.set()
        if training is not current_thread():  # which may be the one that collects this as garbage
            training.join(timeout=_WAIT)  # a process must not end while a thread is inside of a library


def newest(messages: list[Message]) -> list[Message]:
    """Return messages in their order without checkpoints and epochs that a later one replaces."""
    kept: dict[Any, Message] = {}
    for number, message in enumerate(messages):
        key = message[:2] if message[0] == "checkpoint" else message[0] if message[0] == "epoch" else number
        kept.pop(key, None)  # the newest takes its own place, not that of the one before
        kept[key] = message
    return list(kept.values())


def _work(task: RemoteTask, prepared: Prepared, where: str, send: Send) -> None:
    try:
        require_same(task.versions, versions(), where)
        _runs(task, prepared, send)
        send(("done",))
    except ConnectionError:
        return
    except LnncmpError as error:
        send(("error", error))
    except Exception as error:
        send(("error", internal_error(f"working on {task.batch.label} on {where}", error)))


def _runs(task: RemoteTask, prepared: Prepared, send: Send) -> None:
    from lnncmp.runs.measure_cost import set_up_torch
    from lnncmp.runs.worker import execute_runs

    set_up_torch(task.threads, task.deterministic)
    _reports().send = send
    send(("status", "training", False))
    execute_runs(
        task.batch,
        prepared,
        MessageKeeper(task.checkpoints, send),
        task.jobs,
        lambda *progress: send(("epoch", *progress)),
        lambda record: None,  # the message with the record says it
        task.evaluate,
        task.keep_weights,
    )


class _Reports:
    """Where what this process reports of its kernels goes: to the task that it works on."""

    send: Send


@cache
def _reports() -> _Reports:
    """Return the reports of this process, which may have several tasks, one after the other."""
    from lnncmp.kernels.common.watch import tell_warnings, tell_when_compiling

    # Data that several processes of a machine share cannot be written to, and nothing writes to them.
    warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
    made = _Reports()
    tell_warnings(lambda text: made.send(("warn", text)))
    tell_when_compiling(lambda: made.send(("status", "compiling kernels, once on this machine", True)))
    return made
