"""What a command is doing at one moment: its runs, what is under way, the time that is left."""

from pydantic import BaseModel, ConfigDict, Field


class Activity(BaseModel):
    """One thing under way: a batch of runs, a measurement, data being made. total: 0 where it has no parts to count."""

    model_config = ConfigDict(frozen=True)

    name: str
    words: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""


class StudyState(BaseModel):
    """How far a command is.

    title: the study that it works on now. total: of its runs, 0 where unknown; done: those that have a record, of which
    `lost` failed or diverged in this call. seconds: since the start. seconds_left: None where nothing tells it yet.
    """

    model_config = ConfigDict(frozen=True)

    title: str = ""
    total: int = 0
    done: int = 0
    lost: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None
    activities: tuple[Activity, ...] = Field(default=())
