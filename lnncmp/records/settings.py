"""Settings of training and evaluation, the same for all models of a comparison unless a recipe says otherwise."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

Matching = Literal["hidden", "params", "smallest", "own"]
"""How the sizes of the models of a comparison are matched, see `lnncmp.recipe.recipe.Recipe`."""
BY_PARAMETERS: tuple[Matching, ...] = ("params", "smallest")
"""Ways of matching that choose sizes by numbers of active parameters, which then say nothing of the models."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TrainSettings(BaseModel):
    """The `train` table of a recipe.

    decay: factor on the learning rate per epoch, applied continuously over the steps (1 = constant).
    clip: `global` scales the whole gradient to norm clip_norm, `per_tensor` each tensor's (Keras' clipnorm), `none`.
    l2: Keras-style penalty l2 * sum(w**2) over all weight matrices, part of the training loss.
    restore: weights that are evaluated: of the epoch with the lowest validation loss (`best`) or, of classes, with the
    fewest mistakes in validation (`best_error`), or of the last one.
    class_weights: how much a label of each class counts in the loss, None = as the data's task says.
    patience: stop once the lowest validation loss has fallen by less than the share `min_gain` over this many epochs
    (None: train all epochs); `epochs` is then a ceiling. Without it neither is part of the identity of a run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 64
    learning_rate: Positive = 0.005
    decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    adam_eps: Positive = 1e-8
    clip: Literal["global", "per_tensor", "none"] = "global"
    clip_norm: Positive = 1.0
    l2: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    restore: Literal["best", "best_error", "last"] = "best"
    diverged_loss: Positive = 1e6
    class_weights: tuple[Positive, ...] | None = None
    patience: Annotated[int, Field(ge=1)] | None = None
    min_gain: Annotated[float, Field(ge=0, lt=1)] = 0.01

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what runs of before did not have and these do not use, so that identities stay."""
        table: dict[str, Any] = handler(self)
        unused = {"patience", "min_gain"} if self.patience is None else set()
        unused |= {"class_weights"} if self.class_weights is None else set()
        return {key: value for key, value in table.items() if key not in unused}


class EvaluateSettings(BaseModel):
    """The `evaluate` table of a recipe. horizon: length of free-running predictions, in original steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon: Annotated[int, Field(ge=1, le=10_000)] = 50
    batch_size: Annotated[int, Field(ge=1)] = 1024
