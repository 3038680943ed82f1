"""Settings of training and evaluation, the same for all models of a comparison unless a recipe says otherwise."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TrainSettings(BaseModel):
    """The `train` table of a recipe.

    decay: factor on the learning rate per epoch, applied continuously over the steps (1 = constant).
    clip: `global` scales the whole gradient to norm clip_norm, `per_tensor` each tensor's (Keras' clipnorm), `none`.
    l2: Keras-style penalty l2 * sum(w**2) over all weight matrices, part of the training loss.
    restore: weights that are evaluated: of the epoch with the lowest validation loss, or of the last one.
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
    restore: Literal["best", "last"] = "best"
    diverged_loss: Positive = 1e6


class EvaluateSettings(BaseModel):
    """The `evaluate` table of a recipe. horizon: length of free-running predictions, in original steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon: Annotated[int, Field(ge=1, le=10_000)] = 50
    batch_size: Annotated[int, Field(ge=1)] = 1024
