"""Nodes of a Ray cluster on this machine, each with processes of its own, for the tests of `--executor ray`."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli_runs import MARK, environment, marked, wait_for

LOGIN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4, "RAY_USAGE_STATS_ENABLED": "0"}
"""What all processes of a cluster need to be let in, by the versions of Ray that ask for it."""


class Node:
    """One node with one CPU: the head of a new cluster, or one that joins `address`."""

    def __init__(self, folder: Path, address: str | None = None, **changes: str) -> None:
        self.mark = f"{folder.name}-{address or 'head'}"
        self.log = folder / f"{'node' if address else 'head'}.log"
        head = ["--head", "--port=0", "--temp-dir", folder / "ray", "--include-dashboard=false"]
        own = ["--num-cpus=1", "--object-store-memory=200000000", "--node-ip-address=127.0.0.1", "--block"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *(head if address is None else [])]
        command += [*own, *([] if address is None else ["--address", address])]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*map(str, command)],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment(**{MARK: self.mark, **LOGIN, **changes}),
            )
        wait_for(lambda: "runtime started" in self.log.read_text() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    @property
    def address(self) -> str:
        """Where others join the head."""
        return re.search(r"ray start --address='(\S+)'", self.log.read_text()).group(1)

    def kill(self) -> None:
        """End all processes of the node at once, as a loss of power does."""
        while found := marked(self.mark):
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def cluster() -> Iterator[tuple[Node, Node]]:
    """Give the head and one other node of a new cluster."""
    folder = Path(tempfile.mkdtemp(prefix="lr-"))  # short: sockets lie in it
    nodes = []
    try:
        nodes.append(Node(folder))
        nodes.append(Node(folder, nodes[0].address))
        yield nodes[0], nodes[1]
    finally:
        for node in reversed(nodes):
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)
