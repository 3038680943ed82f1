"""The `data` table of an intensive care recipe: which variables, windows, split and shifted test sets."""

import difflib
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)
from pydantic_core import PydanticCustomError

from lnncmp.cases.base import Settings, each_once, leaves_training_data
from lnncmp.sources.mimic3.variables import CORE, NAMES
from lnncmp.sources.mimic3.waveforms.names import RecordNames

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
Names = Annotated[RecordNames, PlainValidator(RecordNames.of), PlainSerializer(str)]
Level = Annotated[float, Field(gt=0, le=100)]


class Mimic3Settings(Settings):
    """Times are in hours, noise levels in standard deviations of the training data.

    grid: `hour` gives one step per hour, `event` one per charted time with its true elapsed time (at most
    `most_steps` of the context). variables: `core` are the seven that are predicted, `context` adds blood glucose, coma
    scale, oxygen and urine to the inputs. leave_out: variables that count as never measured, in inputs and targets: the
    windows keep their shape, nothing of these variables is in them. records: names of bedside numerics to download for
    the source `waveforms`, separated by commas; a digest of them is kept in their place. sets: which sets the source
    `challenge2012` reads, such as a or abc.
    feedback: whether a prediction that is fed back counts as a measurement of
    that hour, or as a value carried on with nothing measured. context: hours that a model reads. stride: rows from
    one training window to the next; test_stride: from one test window to the next. train_windows, test_windows:
    the largest number, evenly thinned; None = all. split_salt: decides with each subject's name which split the subject
    belongs to. replicates: bootstrap samples of the test subjects. seed: of the shifted test sets and these samples.
    """

    grid: Literal["hour", "event"] = "hour"
    variables: Literal["core", "context"] = "core"
    leave_out: tuple[str, ...] = ()
    records: Names = RecordNames("")
    sets: Literal["a", "b", "c", "ab", "ac", "bc", "abc"] = "a"
    feedback: Literal["measured", "missing"] = "measured"
    context: Annotated[int, Field(ge=1, le=500)] = 24
    most_steps: Annotated[int, Field(ge=2, le=2000)] = 48
    stride: Count = 3
    test_stride: Count = 1
    train_windows: Count | None = None
    test_windows: Count | None = 20_000
    test_fraction: Share = 0.15
    validation_fraction: Annotated[Share, Field(validate_default=True)] = 0.15
    split_salt: Annotated[str, Field(max_length=64)] = "lnncmp"
    timespans: Literal["elapsed", "ones"] = "elapsed"
    noise_levels: tuple[Level, ...] = (0.05, 0.1, 0.3, 1.0)
    missing_levels: tuple[Share, ...] = (0.1, 0.3, 0.5, 0.7)
    dark_hours: Annotated[float, Field(gt=0, le=24)] = 6.0
    spike_rate: Share = 0.005
    jitter_hours: Annotated[float, Field(gt=0, le=12)] = 0.5
    replicates: Annotated[int, Field(ge=2, le=10_000)] = 200
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20253

    @field_validator("validation_fraction")
    @classmethod
    def _leaves_training_data(cls, value: float, others: ValidationInfo) -> float:
        return leaves_training_data(value, others.data.get("test_fraction", 0.0))

    @field_validator("noise_levels", "missing_levels")
    @classmethod
    def _distinct(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        return each_once(levels, "level")

    @field_validator("leave_out")
    @classmethod
    def _known_variables(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in NAMES:
                near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.5)
                guess = f"; did you mean '{near[0]}'?" if near else ""
                raise PydanticCustomError(
                    "variable",
                    "should name variables ({known}), not '{name}'{guess}",
                    {"known": ", ".join(NAMES), "name": name, "guess": guess},
                )
        if {variable.name for variable in CORE} <= set(names):
            raise PydanticCustomError("variable", "leaves nothing to predict")
        return tuple(name for name in NAMES if name in names)

    @model_serializer(mode="wrap")
    def _without_later_keys(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out keys that came later and have their default: runs of before keep their identity."""
        table: dict[str, Any] = written(self)
        defaults = (("leave_out", ()), ("sets", "a"))
        return {key: value for key, value in table.items() if (key, getattr(self, key)) not in defaults}

    @classmethod
    def concealed(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Return the table with a digest and a count in place of the names of records."""
        return {**table, "records": RecordNames.of(table["records"])} if "records" in table else table

    @property
    def data_seed(self) -> int:
        """The seed of the shifted test sets; the split follows from the salt."""
        return self.seed

    @property
    def conditions(self) -> str:
        """The grid and the inputs, where they are not the usual ones."""
        parts = ["charted times"] if self.grid == "event" else []
        parts += ["context inputs"] if self.variables == "context" else []
        return ", ".join(parts + ([f"without {' and '.join(self.leave_out)}"] if self.leave_out else []))
