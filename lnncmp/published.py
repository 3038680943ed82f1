"""A published number to stand beside ours."""

from pydantic import BaseModel, ConfigDict, Field


class Published(BaseModel):
    """A published value of the same measure, where it stands, and in what its protocol differs from these runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean: float
    std: float | None = None
    source: str
    differences: list[str] = Field(default_factory=list)
