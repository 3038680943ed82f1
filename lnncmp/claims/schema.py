"""What the records say of each claim, fully computed: the seam between judging claims and showing verdicts.

Effects point the claim's way: positive is in its favour. None means "not known" and is never zero.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CLAIMS_SCHEMA_VERSION = 2
"""2: other words for verdicts; budgets, convergence and the choices that a verdict depends on."""

Judgement = Literal["supported", "true but negligible", "not shown", "opposite", "depends", "not testable here"]
DECIDED: tuple[Judgement, ...] = ("supported", "true but negligible", "opposite")
"""Verdicts that say something of the claim."""
UNTESTABLE: Judgement = "not testable here"
Obstacle = Literal["", "no records", "other design", "other data"]
"""Why a claim is not testable here; other design: these runs are made in a way that cannot test it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Run(_Part):
    """One number behind a verdict: the measure of the left and the right model at one seed.

    None: that run diverged, failed, is missing or has no such number.
    """

    seed: int
    left: float | None = None
    right: float | None = None


class Converged(_Part):
    """How many runs of one model had converged when their training ended.

    gain: by which share the lowest validation loss still fell over the last quarter of the epochs, median over the runs
    that had not converged; None if all had.
    """

    model: str
    runs: int
    converged: int
    gain: float | None = None


class Verdict(_Part):
    """One claim as judged on the records of one data set under one budget and one way of matching sizes.

    where: who makes the claim. family: of the claims that are corrected for each other. models: [left, right], the
    claim being about the left one. unit: "" if there is none. matched: how the sizes of the models were matched, see
    `Recipe.match`; "-" where nothing was found. data: source and short data hash. budget: preset and epochs, in words.
    depends_on: for "depends" the choices under which the verdict
    changes. obstacle: for "not testable here". found: what these runs say by themselves, whatever other runs say and
    whether or not their data count; None if nothing. reason: why this verdict. effect: in `effect_kind`, positive in
    the claim's favour (of comparability: where the left one is lower); ci95: its interval, of counts, times, bytes the
    least and largest; in_favour: pairs that point the claim's way (of comparability: whose left one is lower).
    ci95_bca: by the BCa bootstrap over seeds, for comparison. p: of the test that the verdict rests on, p_holm:
    adjusted over all claims of the table. n_seeds: runs of each model; data_sets: over how many data sets, drawn alike,
    the effect is a mean. named_effect: the effect that the claim itself names, None if it names none. seeds_needed:
    seeds at which a true effect of `smallest_difference`, the smallest effect of interest, would be found with 80%
    power. iqm: model -> interquartile mean over seeds. convergence: of
    the runs of both models, for claims about errors. also: the same claim judged under another matching, under another
    budget or on other data; empty for those themselves. differs_in: of one of those, the choices in which it differs
    from the verdict that it belongs to. readings: in how many readings of the study the claim holds ("12 of 36"), ""
    without a multiverse.
    """

    id: str
    claim: str
    where: str
    case: str
    family: str = ""
    models: list[str]
    measure: str
    unit: str = ""
    direction: str
    conditions: str = ""
    matched: str = "-"
    data: str = "-"
    preset: str = ""
    budget: str = ""
    verdict: Judgement
    depends_on: list[str] = Field(default_factory=list)
    obstacle: Obstacle = ""
    found: Judgement | None = None
    reason: str
    effect: float | None = None
    effect_kind: str = ""
    ci95: tuple[float, float] | None = None
    ci95_bca: tuple[float, float] | None = None
    p: float | None = None
    p_holm: float | None = None
    n_seeds: int = 0
    in_favour: int | None = None
    data_sets: int = 1
    seeds_needed: int | None = None
    smallest_difference: float | None = None
    named_effect: float | None = None
    probability_of_improvement: float | None = None
    iqm: dict[str, float] = Field(default_factory=dict)
    assumed: list[str] = Field(default_factory=list)
    differences_of_protocol: list[str] = Field(default_factory=list)
    runs: list[Run] = Field(default_factory=list)
    run_ids: list[str] = Field(default_factory=list)
    convergence: list[Converged] = Field(default_factory=list)
    differs_in: list[str] = Field(default_factory=list)
    readings: str = ""
    also: list["Verdict"] = Field(default_factory=list)

    @property
    def words(self) -> str:
        """The verdict with what it depends on, or with what is in the way of one."""
        if self.verdict == "depends":
            return f"depends on the {' and the '.join(self.depends_on)}"
        return f"{self.verdict}: {self.obstacle}" if self.obstacle else self.verdict

    @property
    def unconverged(self) -> list[Converged]:
        """The models of which some runs had not converged."""
        return [one for one in self.convergence if one.converged < one.runs]


class ClaimsTable(_Part):
    """All claims as judged on one folder of records, in the order of the claims file; notes: sentences for under it."""

    schema_version: int = CLAIMS_SCHEMA_VERSION
    rows: list[Verdict]
    notes: list[str] = Field(default_factory=list)
