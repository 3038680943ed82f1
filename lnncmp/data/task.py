"""What is asked of a network at a step: values, or one of several classes. Loss, errors, baselines follow from it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["values", "classes"]

VALUE_ERRORS = ("mse", "nmse")
CLASS_ERRORS = ("error_rate", "balanced_error_rate", "log_loss")
"""Errors that may be the main one of a task: above zero, lower is better."""
LOGIT = "logit"
"""Unit of the outputs of a network that tells classes apart, one for each class."""


@dataclass(frozen=True)
class Task:
    """The task behind the targets (N, T, O) of windows.

    Values: targets are numbers in scaled units, the loss is their mean squared error. Classes: targets are one-hot over
    `classes`, a network gives one logit per class, the loss is the cross-entropy, each step weighted by `weights` of
    its class (empty: 1); a label of a whole window counts at its last valid step alone.

    main: name of the error that tables are about. in_inputs: the targets are the first O inputs, so that persistence is
    defined and a prediction can be fed back.

    Raises ValueError for a main error that the kind lacks, under two classes, or weights that do not fit them.
    """

    kind: Kind = "values"
    main: str = "mse"
    classes: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    in_inputs: bool = True

    def __post_init__(self) -> None:
        known = VALUE_ERRORS if self.kind == "values" else CLASS_ERRORS
        if self.main not in known:
            raise ValueError(f"the main error of {self.kind} is one of {', '.join(known)}, got {self.main}")
        if (self.kind == "classes") != (len(self.classes) > 1):
            raise ValueError(f"a task of {self.kind} got {len(self.classes)} classes")
        if self.weights and (len(self.weights) != len(self.classes) or not all(w > 0 for w in self.weights)):
            raise ValueError(f"{len(self.classes)} classes need as many weights above 0, got {self.weights}")
        if self.kind == "classes" and self.in_inputs:
            raise ValueError("classes are no inputs: in_inputs should be False")


VALUES = Task()
"""Numbers that are among the inputs, judged by their mean squared error."""


def classes(names: tuple[str, ...], main: str = "error_rate", weights: tuple[float, ...] = ()) -> Task:
    """Return the task of telling these classes apart."""
    return Task("classes", main, names, weights, in_inputs=False)
