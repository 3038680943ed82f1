"""What the records say of each claim, fully computed: the seam between judging claims and showing verdicts.

Effects point the claim's way: positive is in its favour. None means "not known" and is never zero.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CLAIMS_SCHEMA_VERSION = 1

Judgement = Literal["supported", "contradicted", "inconclusive", "not testable here"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Run(_Part):
    """One number behind a verdict: the measure of the left and the right model at one seed.

    None: that run diverged, failed, is missing or has no such number.
    """

    seed: int
    left: float | None = None
    right: float | None = None


class Verdict(_Part):
    """One claim as judged on the records of one data set under one way of matching sizes.

    where: who makes the claim. models: [left, right], the claim being about the left one. unit: "" if there is none.
    matched: "hidden", "params" or "own", how the sizes of the models were matched; "-" where nothing was found.
    data: source and short data hash. reason: why this verdict. effect: in `effect_kind`, positive in the claim's favour
    (of comparability: where the left one is lower); ci95: its interval, of counts, times, bytes the least and largest;
    ci95_bca: by the BCa bootstrap over seeds, for comparison. p: of the test that the verdict rests on, p_holm:
    adjusted over all claims of the table. n_seeds: pairs of runs compared. seeds_needed: seeds at which a true effect
    of `smallest_difference` would be found with 80% power. iqm: model -> interquartile mean over seeds.
    also: the same claim judged under the other matching or on other data; empty for those themselves.
    """

    id: str
    claim: str
    where: str
    case: str
    models: list[str]
    measure: str
    unit: str = ""
    direction: str
    conditions: str = ""
    matched: str = "-"
    data: str = "-"
    preset: str = ""
    verdict: Judgement
    reason: str
    effect: float | None = None
    effect_kind: str = ""
    ci95: tuple[float, float] | None = None
    ci95_bca: tuple[float, float] | None = None
    p: float | None = None
    p_holm: float | None = None
    n_seeds: int = 0
    seeds_needed: int | None = None
    smallest_difference: float | None = None
    probability_of_improvement: float | None = None
    iqm: dict[str, float] = Field(default_factory=dict)
    assumed: list[str] = Field(default_factory=list)
    differences_of_protocol: list[str] = Field(default_factory=list)
    runs: list[Run] = Field(default_factory=list)
    run_ids: list[str] = Field(default_factory=list)
    also: list["Verdict"] = Field(default_factory=list)


class ClaimsTable(_Part):
    """All claims as judged on one folder of records, in the order of the claims file; notes: sentences for under it."""

    schema_version: int = CLAIMS_SCHEMA_VERSION
    rows: list[Verdict]
    notes: list[str] = Field(default_factory=list)
