"""What one training step of a model takes: from a stored measurement, or roughly measured here, once for each shape."""

from collections.abc import Callable

from lnncmp.common.cache import content_key
from lnncmp.errors import LnncmpError
from lnncmp.records.schema import MeasurementRecord
from lnncmp.records.store import Store
from lnncmp.runs.plan import MeasureSpec

Tell = Callable[[str], None]


class UnitCosts:
    """Costs of models, by what is measured.

    warn: is told of a model whose training step fails. doing: is told which model is timed.
    """

    def __init__(self, store: Store, warn: Tell = lambda message: None, doing: Tell = lambda text: None) -> None:
        self.store, self.warn, self.doing = store, warn, doing
        self._probed: dict[str, MeasurementRecord | None] = {}
        self._bytes: dict[str, int] = {}

    def of(self, spec: MeasureSpec) -> MeasurementRecord | None:
        """Return a measurement that fits `spec`, None if its training step fails, as its runs will."""
        stored = self.store.measurement(spec.measurement_id)
        if stored is not None:
            return stored
        key = _key(spec)
        if key not in self._probed:
            self._probed[key] = self._probe(spec)
        found = self._probed[key]
        return None if found is None else found.model_copy(update={"model": spec.label})

    def weights_bytes(self, spec: MeasureSpec) -> int:
        """Return the bytes of the weights of one run, 0 if the model cannot be built."""
        from lnncmp.runs.measure_cost import weights_bytes

        key = _key(spec)
        if key not in self._bytes:
            self._bytes[key] = 0 if self.of(spec) is None else weights_bytes(spec)
        return self._bytes[key]

    def _probe(self, spec: MeasureSpec) -> MeasurementRecord | None:
        from lnncmp.runs.measure_cost import probe
        from lnncmp.runs.worker import failure

        self.doing(f"planning: timing a training step of {spec.label}")
        try:
            return probe(spec)
        except LnncmpError:
            raise
        except Exception as error:  # a model may raise anything; its runs would be recorded as failed
            self.warn(f"the estimate leaves out {spec.label}, whose training step fails: {failure(error)}")
            return None


def _key(spec: MeasureSpec) -> str:
    """Return what two models share that cost the same."""
    return content_key(spec.model_dump(mode="json", exclude={"measurement_id", "label"}))
