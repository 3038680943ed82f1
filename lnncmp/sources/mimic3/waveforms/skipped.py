"""Why a record is left out, and at which step of the attrition it falls."""

from enum import Enum, IntEnum


class Stage(IntEnum):
    """The steps on the way from a header to a recording, in order."""

    NUMERICS = 1
    KNOWN_SIGNAL = 2
    READABLE = 3
    RESAMPLED = 4


class Reason(Enum):
    """A reason to leave out a record: the step at which it falls, and words that follow a count."""

    ODD_NAME = (Stage.NUMERICS, "with an unusual file name")
    BAD_HEADER = (Stage.NUMERICS, "with an unreadable header")
    MULTI_SEGMENT = (Stage.NUMERICS, "in several segments")
    WAVEFORM = (Stage.NUMERICS, "with waveforms (2 Hz or more)")
    BAD_RATE = (Stage.NUMERICS, "with an unusable sampling rate")
    DUPLICATE = (Stage.NUMERICS, "under a name met before")
    NO_KNOWN_SIGNAL = (Stage.KNOWN_SIGNAL, "without a known signal")
    NO_SAMPLES = (Stage.READABLE, "without samples")
    TOO_LONG = (Stage.READABLE, "claiming to last more than a year")
    BAD_LAYOUT = (Stage.READABLE, "in an unsupported signal format")
    DAT_MISSING = (Stage.READABLE, "without the signal file")
    DAT_SHORT = (Stage.READABLE, "with a signal file that ends early")
    DAT_LARGE = (Stage.READABLE, "with an oversized signal file")
    BAD_SIGNALS = (Stage.READABLE, "with unreadable signals")
    SIGNALS_AGAIN = (Stage.READABLE, "with signals met before under another name")
    FEW_ROWS = (Stage.RESAMPLED, "with fewer than 2 rows")

    @property
    def stage(self) -> Stage:
        """The step at which the record falls."""
        return self.value[0]

    @property
    def words(self) -> str:
        """What follows the count: "with an unreadable header"."""
        return self.value[1]


class SkippedError(Exception):
    """A record that is left out. Carries no name: record names contain subject ids."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.words)
        self.reason = reason
