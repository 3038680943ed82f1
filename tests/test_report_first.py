"""What the report's page says first: question, answer, counts and ranking, and the claims case by case."""

import pytest
from claims_tables import claims_table
from html_pages import Page
from report_folders import small_folder

from lnncmp.report.build.write import write_report


@pytest.fixture(scope="module")
def page(written_report):
    return Page(written_report.read_text(encoding="utf-8"))


def _case(row):
    """Return the place of a claim's case on the page: in the order in which cases first appear."""
    return [*dict.fromkeys(one.case for one in claims_table().rows)].index(row.case)


class TestFirst:
    def test_the_question_and_its_answer_come_before_everything_else(self, page):
        assert page.texts("h1") == ["Do liquid networks do better than recurrent ones?"]
        (answers, *_) = page.texts("ul", **{"class": "answers"})
        assert answers.startswith(
            "Accuracy: mixed (4 claims judged: 1 true but negligible, 1 not shown for too few seeds "
            "(under 6), 1 opposite, 1 depends)."
        )
        order = [e.get("class") for e in page.elements if e.get("class") in ("answers", "tally", "basis", "pictures")]
        assert order[:4] == ["answers", "tally", "basis", "pictures"]

    def test_verdicts_are_counted_and_lead_to_the_claims(self, page):
        (tally,) = page.texts("ul", **{"class": "tally"})
        assert tally == "≈ 1 true but negligible ? 1 not shown ✗ 1 opposite ± 1 depends - 1 not testable here"
        (named,) = [e for e in page.all("div") if e.get("id") == "verdict-opposite"]
        assert "mimic3-accumulation" in named["text"]
        assert page.all("a", href="#verdict-opposite") and page.all("a", href="#claim-mimic3-accumulation")

    def test_what_it_rests_on_is_said(self, page):
        (basis,) = page.texts("dl", **{"class": "basis"})
        assert basis.startswith(
            "Runs 15 in 1 comparison Seeds 3 to 4 (a verdict on errors needs 6) "
            "Data walker2d simulated (dddddddd) Newest record 20"
        )
        assert "Machine A processor, 2 cores" in basis and "runs 0.1.0" in basis

    def test_the_ranking_shows_every_network_and_baseline_with_its_number(self, page):
        ranked = page.all("svg", **{"class": "ranked"})[0]
        words = ranked["aria-label"]
        assert words.startswith("From the lowest error to the highest: gru 0.0005200, cfc 0.001095, ncp 0.001724, ltc")
        assert words.endswith("filter (untrained) 0.09000, persistence (untrained) 0.09000.")
        tips = [e["data-tip"] for e in page.all("g") if "data-tip" in e][:6]
        assert "ncp: 0.001724 [0.001553, 0.001894], 4 seeds" in tips and "persistence 0.0900" in tips


class TestClaims:
    def test_are_folded_by_case_with_counts(self, page):
        found = [e for e in page.all("details") if e.get("class") == "case"]
        assert [e for e in found if "open" in e] == []
        heads = [text for text in page.texts("h3") if "claim" in text]
        assert heads == ["Walker2d: 2 claims", "MIMIC-III: 1 claim", "Damped sine: 1 claim", "all: 1 claim"]

    def test_are_tables_in_the_order_of_the_claims(self, page):
        bodies = [e["id"] for e in page.all("tbody") if e.get("id", "").startswith("claim-")]
        assert bodies == [f"claim-{row.id}" for row in sorted(claims_table().rows, key=_case)]
        heads = page.texts("th", role="columnheader")[:5]
        assert heads == ["Claim", "Verdict", "Effect [95%]", "p (Holm)", "Seeds"]

    def test_what_cannot_be_tested_is_behind_a_count(self, page):
        assert "1 claim not testable here , all" in page.texts("summary")

    def test_say_which_way_they_point_and_what_would_change_the_verdict(self, page):
        texts = {e["id"]: " ".join(e["text"].split()) for e in page.all("tbody") if "id" in e}
        assert "lower is claimed; a ratio above 1 speaks for it" in texts["claim-mimic3-accumulation"]
        for name, words in (
            ("mimic3-accumulation", "Longer training: cfc: 2 of 10 converged."),
            ("sine-smoothing", "More seeds: 3 of the 6 that any verdict needs."),
            ("walker2d-parameters", "Other conditions: same active parameters gives opposite."),
            ("walker2d-gru", "Nothing that these records tell of."),
        ):
            assert f"What would change the verdict {words}" in texts[f"claim-{name}"]

    def test_show_effect_interval_p_seeds_and_conditions(self, page):
        text = " ".join(
            next(e for e in page.all("tbody") if e.get("id") == "claim-mimic3-accumulation")["text"].split()
        )
        assert "x 0.868 [0.843, 0.893]" in text and "p = 0.0039" in text and "10" in text
        assert "same hidden units, simulated c091d2be" in text

    def test_say_where_another_matching_changes_the_answer(self, page):
        text = " ".join(
            next(e for e in page.all("tbody") if e.get("id") == "claim-walker2d-parameters")["text"].split()
        )
        assert "depends on the matching" in text and "same active parameters: opposite" in text
        assert "The same claim under other conditions" in text

    def test_say_which_models_had_not_converged(self, page):
        (claim,) = [e for e in page.all("tbody") if e.get("id") == "claim-mimic3-accumulation"]
        text = " ".join(claim["text"].split())
        assert "cfc: 2 of 10 converged" in text and "gru: 10 of 10 converged" not in text
        assert (
            "Converged runs of cfc 2 of 10; the others still gained 0.21" in text and "budget quick, 8 epochs" in text
        )

    def test_open_to_reason_numbers_runs_and_command(self, page):
        (claim,) = [e for e in page.all("tbody") if e.get("id") == "claim-mimic3-accumulation"]
        text = " ".join(claim["text"].split())
        for part in (
            "The error of the CfC grows more, by a tenth",
            "z-RMSE at 12 h [sd], lower",
            "Smallest effect of interest x 1.05",
            "Seeds needed for that effect 7",
            "Open demo of MIMIC-III in place of the full data",
            "12 hours ahead, because the study names no horizon",
            "10 pairs of runs",
            "8 4.980 4.050 9 - 4.100",
            "lnncmp claims show mimic3-accumulation --out DIR",
        ):
            assert part in text, part


def test_data_that_no_claim_is_about_show_no_claims(tmp_path):
    def nothing(folder):
        row = next(row for row in claims_table().rows if row.case == "sine")
        absent = {"verdict": "not testable here", "obstacle": "no records", "found": None, "also": []}
        return claims_table().model_copy(update={"rows": [row.model_copy(update=absent)]})

    alone = Page(write_report(small_folder(tmp_path), judge=nothing).read_text(encoding="utf-8"))
    assert "No published claim is about these data. 1 claim about other cases (sine): no records here." in alone.texts(
        "p"
    )
    assert not alone.all("ul", **{"class": "tally"}) and not [e for e in alone.all("tbody") if "id" in e]
    first, own = alone.texts("ul", **{"class": "answers"})
    assert first == own and first.startswith("gru has a one-step test MSE of 0.0")
