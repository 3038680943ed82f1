"""Finished runs trained once more elsewhere, and what of their numbers differs then."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lnncmp.networks.load import require_versions
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store
from lnncmp.runs.ready import Request, StudyListener, require_device
from lnncmp.runs.train_again import data_of, trained_again

_CIRCUMSTANCES = {"provenance", "run_id", "protocol_id", "measurement_id", "recipe", "stacked", "kernel_check"}
_OF_TIME = {"seconds", "peak_memory"}
"""Fields of an epoch that are no results."""


def rerun(record: RunRecord, request: Request, listener: StudyListener) -> list[str]:
    """Train a finished run again in a temporary folder; return what differs, in words, nothing if all bits are equal.

    Compared are losses, learning rates, scores, structure and, where they were kept, the SHA-256 of the weights.
    Raises DataError if the data or the versions are not the recorded ones, UsageError without its device.
    """
    require_versions(record)
    require_device(record.recipe.device)
    data_of(record, request, listener)
    with TemporaryDirectory(prefix="lnncmp-") as folder:
        again = Store(Path(folder), listener.warn)
        again.prepare()
        made = trained_again(record, again, request, listener, record.scores is not None, record.weights is not None)
    return [f"{name}: recorded {old}, now {new}" for name, old, new in _differences(_numbers(record), _numbers(made))]


def _numbers(record: RunRecord) -> dict[str, Any]:
    """Return all that must be equal in two runs of the same recipe."""
    content = record.model_dump(exclude=_CIRCUMSTANCES)
    content["history"] = [{k: v for k, v in one.items() if k not in _OF_TIME} for one in content["history"]]
    return content


def _differences(left: Any, right: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (where, left, right) of the values that differ, NaN being equal to NaN."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys((*left, *right)):
            yield from _differences(left.get(key), right.get(key), f"{name}.{key}".lstrip("."))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, pair in enumerate(zip(left, right, strict=True)):
            yield from _differences(*pair, f"{name}[{number}]")
    elif left != right and not (left != left and right != right):
        yield name, _short(left), _short(right)


def _short(value: Any) -> str:
    return f"{len(value)} values" if isinstance(value, list | dict) else repr(value)
