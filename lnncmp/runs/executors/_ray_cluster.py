"""Starting Ray on this machine or joining a running cluster, and what its nodes have."""

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lnncmp.errors import UsageError
from lnncmp.runs.remote.versions import require_same, versions

_PROBE = 10.0
"""Seconds until an address that does not answer counts as unreachable; Ray itself takes a minute or more."""
_GREETING = 90.0
"""Seconds that a node has to say which versions it has: it starts a process for that."""
_SETTINGS = b"\x04"
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + _SETTINGS + bytes(5)
"""How HTTP/2 begins: a greeting and an empty frame of settings, which the server answers with one of its own."""
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
_ADDRESS = "RAY_ADDRESS"


@contextmanager
def connected(address: str | None, cpus: int) -> Iterator[Any]:
    """Give the module `ray`, connected to a cluster; without an address it is started here, with `cpus` CPUs.

    One that was started ends with the context; one that was joined goes on. Raises UsageError if Ray is not installed,
    nothing answers at the address, or a node has other versions than this machine.
    """
    ray = _imported()
    given: dict[str, Any] = {"num_cpus": cpus, "include_dashboard": False}
    if address is not None:
        given = {"address": _reachable(address)}
    with _handlers_kept(), _environment():
        try:
            ray.init(**given, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:
            ray.shutdown()
            raise _refused(address, error) from None
    try:
        if address is not None:
            _greet(ray)
        yield ray
    finally:
        with _handlers_kept():
            ray.shutdown()


def alive(ray: Any) -> list[Mapping[str, float]]:
    """Return the resources of every node that is there: CPU, GPU, memory (bytes)."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _imported() -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError("--executor ray needs the package ray", 'Install it: pip install "lnncmp[ray]"') from None
    return ray


def _reachable(address: str) -> str:
    """Return the address of a cluster as HOST:PORT. Raises UsageError if there is none, or nobody answers there."""
    if address.startswith("ray://"):
        raise UsageError(
            f"--ray-address {address}: clients outside a cluster are not supported",
            "Run lnncmp on one of its nodes (ray start --address=HOST:PORT), with --ray-address auto.",
        )
    named = os.environ.get(_ADDRESS, "") if address == "auto" else address
    found = named or _running_here()
    host, colon, port = found.rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise UsageError(f"--ray-address takes auto or HOST:PORT, got '{found}'", "For example: 10.0.0.1:6379")
    try:
        _probe(host.strip("[]"), int(port))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"no Ray cluster answers at {found}: {getattr(error, 'strerror', None) or error}",
            "Is it running, and is this machine one of its nodes? ray status --address HOST:PORT",
        ) from None
    return found


def _probe(host: str, port: int) -> None:
    """Raise OSError unless a server that speaks HTTP/2, as that of a cluster does, answers there within seconds."""
    with socket.create_connection((host, port), timeout=_PROBE) as connection:
        if os.environ.get("RAY_USE_TLS", "0") != "0":  # only Ray has the keys
            return
        connection.settimeout(_PROBE)
        connection.sendall(_HELLO)
        answer = connection.recv(9)
    if answer[3:4] != _SETTINGS:
        raise OSError("what answers is no Ray cluster")


def _running_here() -> str:
    from ray._private.services import canonicalize_bootstrap_address_or_die

    try:
        return str(canonicalize_bootstrap_address_or_die("auto"))
    except (ConnectionError, ValueError):
        raise UsageError(
            "--ray-address auto: no Ray cluster runs on this machine",
            "Start one (ray start --head), join one (ray start --address=HOST:PORT), or leave --ray-address out.",
        ) from None


def _refused(address: str | None, error: Exception) -> UsageError:
    reason = " ".join(str(error).split())
    if len(reason) > 300:
        reason = f"{reason[:300]} ..."
    what = "Ray did not start on this machine" if address is None else f"cannot join the Ray cluster at {address}"
    return UsageError(
        f"{what}: {reason}",
        "This machine must be a node of the cluster (ray start --address=HOST:PORT), with the cluster's Ray and Python "
        "and its login (RAY_AUTH_MODE, RAY_AUTH_TOKEN).",
    )


def _greet(ray: Any) -> None:
    """Raise UsageError unless every node has lnncmp, and the versions of this machine. Takes one process on each."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def versions_there() -> dict[str, str] | str:  # sent as code, so that it also runs where lnncmp is missing
        try:
            from lnncmp.runs.remote.versions import versions as found
        except ImportError as error:
            return str(error)
        return dict(found())

    nodes = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    ask = ray.remote(num_cpus=0, max_retries=0)(versions_there)
    asked = {
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(): address
        for node, address in nodes.items()
    }
    done, late = ray.wait(list(asked), num_returns=len(asked), timeout=_GREETING)
    for one in late:
        raise UsageError(f"node {asked[one]} does not answer", "See `ray status`, and stop or restart that node.")
    for one in done:
        try:
            there = ray.get(one)
        except ray.exceptions.RayError:  # it was lost just now: no task will be sent there
            continue
        if isinstance(there, str):
            raise UsageError(
                f"node {asked[one]} cannot import lnncmp: {there}", "Install lnncmp in the Python of every node."
            )
        require_same(versions(), there, f"node {asked[one]}")


@contextmanager
def _environment() -> Iterator[None]:
    """Keep Ray quiet while it starts, and have it take the address that it is given."""
    before = {name: os.environ.get(name) for name in (*_QUIET, _ADDRESS)}
    os.environ.update(_QUIET)
    os.environ.pop(_ADDRESS, None)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put the handlers of signals back that Ray replaces: a command ends in one way with every executor."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            with contextlib.suppress(TypeError):  # a handler that was not set in Python
                signal.signal(number, handler)
