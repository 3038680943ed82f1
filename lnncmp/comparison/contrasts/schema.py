"""What two sets of records of the same models say of each other, fully computed: the seam to formatting it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CONTRASTS_SCHEMA_VERSION = 1
Finding = Literal["equal", "no difference shown", "lower", "higher", "too few seeds (n < 6)", "not paired"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Contrast(_Part):
    """One measure of one model in two sets of records on equal data, paired by seed: right against left.

    matched: how sizes were matched, on the left / on the right if that differs. left, right: means over the pairs.
    change: "ratio" right over left (geometric mean over pairs), or "difference" right - left where a value is not above
    zero; with its 95% interval. p: as in `lnncmp.stats`, p_holm: adjusted over the models of this measure on these
    data. lost: pairs in which a run of the left, the right set was lost. finding: of right against left; "equal" means
    the same to six digits at every seed; counts and times have no p, they differ if they do so at every seed, by 2%.
    case "all": the mean change over several comparisons, without left and right.
    """

    case: str
    data: str
    conditions: str = ""
    matched: str = ""
    model: str
    left_name: str
    right_name: str
    measure: str
    unit: str = ""
    pairs: int
    lost: tuple[int, int] = (0, 0)
    left: float | None = None
    right: float | None = None
    kind: Literal["ratio", "difference"] = "ratio"
    change: float | None = None
    ci95: tuple[float, float] | None = None
    p: float | None = None
    p_holm: float | None = None
    finding: Finding


class Contrasts(_Part):
    """All contrasts of two sets of records. names: of the sets. notes: what else differs, what was not compared."""

    schema_version: int = CONTRASTS_SCHEMA_VERSION
    names: tuple[str, str]
    rows: list[Contrast]
    notes: list[str] = Field(default_factory=list)
