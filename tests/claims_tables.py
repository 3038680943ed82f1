"""Claims tables for the tests of the report: every number below is chosen, none was measured."""

from lnncmp.claims.schema import ClaimsTable, Converged, Run, Verdict


def verdict(**changes) -> Verdict:
    fields = {
        "id": "walker2d-parameters",
        "claim": "The LTC has fewer parameters than the LSTM.",
        "where": "Zong et al. 2025, section 4.1",
        "case": "walker2d",
        "models": ["ltc", "lstm"],
        "measure": "active parameters",
        "direction": "lower",
        "matched": "hidden",
        "data": "simulated c091d2be",
        "verdict": "supported",
        "reason": "The LTC has 6,963 active parameters, the LSTM 7,217, in every run.",
        "effect": 0.036,
        "effect_kind": "log ratio",
        "n_seeds": 10,
        "iqm": {"ltc": 6963.0, "lstm": 7217.0},
    }
    return Verdict(**{**fields, **changes})


def _depending() -> Verdict:
    turned = verdict(
        verdict="opposite",
        found="opposite",
        matched="params",
        differs_in=["matching"],
        reason="Sizes are equal.",
        effect=0.0,
    )
    return verdict(verdict="depends", found="supported", depends_on=["matching"], also=[turned])


def _opposite() -> Verdict:
    runs = [Run(seed=seed, left=4.9 + 0.01 * seed, right=4.05) for seed in range(9)] + [Run(seed=9, right=4.1)]
    return verdict(
        id="mimic3-accumulation",
        claim="The CfC accumulates less error than the GRU over long horizons.",
        case="mimic3",
        models=["cfc", "gru"],
        measure="z-RMSE at 12 h",
        unit="sd",
        verdict="opposite",
        found="opposite",
        budget="quick, 8 epochs",
        in_favour=0,
        convergence=[
            Converged(model="cfc", runs=10, converged=2, gain=0.21),
            Converged(model="gru", runs=10, converged=10),
        ],
        reason="The error of the CfC grows more, by a tenth, with p = 0.004 (Holm).",
        effect=-0.142,
        ci95=(-0.171, -0.113),
        p=0.00195,
        p_holm=0.0039,
        seeds_needed=7,
        smallest_difference=0.05,
        probability_of_improvement=0.02,
        assumed=["12 hours ahead, because the study names no horizon"],
        differences_of_protocol=["Open demo of MIMIC-III in place of the full data"],
        runs=runs,
        run_ids=["abc", "def"],
    )


def _too_few() -> Verdict:
    few = {"found": "not shown", "verdict": "not shown"}
    other = verdict(id="walker2d-ood", matched="params", reason="Only 3 seeds.", effect=-0.01, **few)
    return verdict(
        id="sine-smoothing",
        claim="The liquid network smooths more than the GRU.",
        case="sine",
        in_favour=2,
        reason="Three seeds, six are the fewest that can be significant.",
        effect=0.2,
        ci95=(-0.1, 0.5),
        p=0.25,
        n_seeds=3,
        also=[other],
        **few,
    )


def claims_table() -> ClaimsTable:
    """One claim of each verdict but support, one of them judged otherwise when sizes are matched by parameters."""
    untestable = verdict(
        id="review-energy",
        claim="CfC needs less energy on neuromorphic hardware.",
        case="all",
        verdict="not testable here",
        obstacle="other design",
        reason="lnncmp measures no energy.",
        effect=None,
        n_seeds=0,
        matched="-",
        data="-",
        iqm={},
    )
    negligible = verdict(id="walker2d-gru", verdict="true but negligible", found="true but negligible", effect=0.02)
    rows = [_depending(), negligible, _opposite(), _too_few(), untestable]
    return ClaimsTable(rows=rows, notes=["p values are adjusted over 3 claims."])
