"""What training needs of the store of its runs: a store of this machine has it, and what stands for a distant one."""

from collections.abc import Callable
from typing import Any, Protocol

from lnncmp.records.schema import RunRecord
from lnncmp.records.weights import WeightsFile


class RunKeeper(Protocol):
    """Keeps checkpoints, weights and records of runs; see `lnncmp.records.store.Store`, whose methods these are."""

    @property
    def warn(self) -> Callable[[str], None]:
        """Report a warning for the user."""

    def load_checkpoint(self, run_id: str) -> dict[str, Any] | None:
        """Return the checkpoint of a run, None if there is none that can be read."""

    def save_checkpoint(self, run_id: str, state: dict[str, Any]) -> None:
        """Replace the checkpoint of a run."""

    def refuse_checkpoint(self, run_id: str, reason: str) -> None:
        """Forget a checkpoint that could be read but does not fit its run."""

    def write_run(self, record: RunRecord) -> None:
        """Keep a run record and drop its checkpoint."""

    def write_weights(self, run_id: str, content: bytes, private: bool) -> WeightsFile:
        """Keep the weights of a run; return what its record says of them."""
