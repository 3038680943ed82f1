"""What is exported: a trained network with the scalers of its data, and what its numbers mean.

Legend of shapes: F input features, O targets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lnncmp.data.encoding import Quantity
from lnncmp.data.scaling import Scaler
from lnncmp.errors import UsageError
from lnncmp.layers.sequence_model import SequenceModel


def named(quantity: Quantity) -> str:
    """Return the name of an input or output with its unit, if it has one."""
    return f"{quantity.name} [{quantity.unit}]" if quantity.unit else quantity.name


@dataclass(frozen=True)
class PortableNetwork:
    """A network from raw units to raw units.

    model: reads inputs (F) scaled by `input_scaler`, gives outputs (O) in the units of `target_scaler`.
    step_unit: what one unit of elapsed time is. about: further facts for the reader of a file, such as model, recipe
    and seeds, in order. notes: sentences on what the inputs mean. withholds_time: the model was trained with every
    elapsed time set to 1, and is given 1 whatever the caller says.

    Raises UsageError if the numbers of names do not fit the scalers, or if training had no value of an output.
    """

    model: SequenceModel
    input_scaler: Scaler
    target_scaler: Scaler
    features: tuple[Quantity, ...]
    targets: tuple[Quantity, ...]
    step_unit: str
    about: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    withholds_time: bool = False

    def __post_init__(self) -> None:
        for what, names, scaler in (
            ("input", self.features, self.input_scaler),
            ("output", self.targets, self.target_scaler),
        ):
            if not len(names) == len(scaler.mean) == len(scaler.std):
                raise UsageError(f"{len(names)} names of {what}s do not fit a scaler of {len(scaler.mean)} columns")
        without = [one.name for one, std in zip(self.targets, self.target_scaler.std, strict=True) if not std < np.inf]
        if without:
            raise UsageError(
                f"the network cannot be exported: training had no value of its output {', '.join(without)}",
                "Train it on data that have some.",
            )

    def facts(self) -> dict[str, object]:
        """Return all but the weights, ready for JSON: what a file says of itself."""
        return {
            "inputs": [named(one) for one in self.features],
            "outputs": [named(one) for one in self.targets],
            "dt": "not read" if self.withholds_time else f"time since the previous step, {self.step_unit}",
            **self.about,
            "notes": list(self.notes),
        }
