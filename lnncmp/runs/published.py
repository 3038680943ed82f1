"""How far commands are, for others to see: one small file for each command that works on a folder of records.

OUT/progress/<host>-<process>.json is there while its command runs. Nothing is computed from it: a file that cannot be
written or read is left out, and one that a killed command left is removed by the next.
"""

import os
import platform
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lnncmp.common.files import write_bytes
from lnncmp.common.small_files import RECORD_BYTES, RefusedFileError, read_small
from lnncmp.errors import DataError
from lnncmp.runs.state import StudyState

_FOLDER = "progress"
_SECONDS = 1.0
"""How often a file is looked at and, if something has changed, written."""
_SILENCE = 5.0
"""Seconds after which it is written also without a change."""
_GONE = 60.0
"""Seconds of silence after which a command on another machine counts as gone."""
_NAME = re.compile(r"\.?(?P<host>.+)-(?P<process>\d+)\.json(\..*)?")


class Published(BaseModel):
    """The state of a command. at: when it was written, in seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    host: str
    process: int
    at: float
    state: StudyState

    def now(self) -> StudyState:
        """Return the state with its times as they are now."""
        age = max(time.time() - self.at, 0.0)
        left = self.state.seconds_left
        times = {"seconds": self.state.seconds + age, "seconds_left": None if left is None else max(left - age, 0.0)}
        return self.state.model_copy(update=times)


class Publisher:
    """Keeps the file of this command up to date from a thread of its own, once the folder of records is there."""

    def __init__(self, out: Path, state: Callable[[], StudyState]) -> None:
        self._path = out / _FOLDER / f"{_host()}-{os.getpid()}.json"
        self._out = out
        self._state = state
        self._written: StudyState | None = None
        self._at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and remove the file."""
        self._stop.set()
        self._thread.join()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._path.parent.rmdir()  # fails if another command's file is there

    def _work(self) -> None:
        with suppress(OSError):  # a folder that cannot be used is for those to report who write results
            _sweep(self._out)
            while not self._stop.wait(_SECONDS):
                self._write()

    def _write(self) -> None:
        state = self._state()
        timeless = state.model_copy(update={"seconds": 0.0, "seconds_left": None})
        if not self._out.is_dir() or (timeless == self._written and time.time() - self._at < _SILENCE):
            return
        self._written, self._at = timeless, time.time()
        whole = Published(host=_host(), process=os.getpid(), at=self._at, state=state)
        with suppress(DataError):
            write_bytes(self._path, whole.model_dump_json().encode())


def read_published(out: Path) -> list[Published]:
    """Return what the commands say that work on the folder `out` now. Changes nothing."""
    found = []
    for path in sorted((out / _FOLDER).glob("*.json")):
        try:
            one = Published.model_validate_json(read_small(path, RECORD_BYTES))
        except (OSError, RefusedFileError, ValidationError):  # its command has just ended, or it is none of ours
            continue
        if _alive(one.host, one.process, one.at):
            found.append(one)
    return found


def _sweep(out: Path) -> None:
    """Remove what killed commands of this machine left."""
    for path in (out / _FOLDER).glob("*"):
        named = _NAME.fullmatch(path.name)
        if named is not None and named["host"] == _host() and not _alive(_host(), int(named["process"]), time.time()):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _alive(host: str, process: int, at: float) -> bool:
    if host != _host() or os.name != "posix":  # elsewhere signal 0 is no question
        return time.time() - at < _GONE
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # not permitted to ask: there is such a process
        return True
    return True


def _host() -> str:
    return re.sub(r"[^\w.-]", "_", platform.node()) or "host"
