"""What a study shows by default: sentences that follow the numbers, one ranked table, few lines, nothing torn."""

import pytest
from claims_tables import verdict
from synthetic_records import baseline, measurement, run, runs, study, table

from lnncmp.baselines.words import baseline_words
from lnncmp.claims.schema import ClaimsTable
from lnncmp.comparison.compare import compare
from lnncmp.report.answers.comparison import answers
from lnncmp.report.answers.ranking import ranking
from lnncmp.report.answers.study import study_answers
from lnncmp.report.tables.brief import brief_section, study_section
from lnncmp.report.tables.claims import brief_of_claims
from lnncmp.report.tables.comparison import brief_of_comparison
from lnncmp.report.tables.render import render

WAVE = [0.03, -0.02, 0.01, -0.04, 0.02, 0.0, -0.01, 0.04, -0.03, 0.05]


def said(comparison, start):
    """Return the one answer that begins so."""
    return next(sentence for sentence in answers(comparison) if sentence.startswith(start))


def group(comparison, **groups):
    rows = [row.model_copy(update={"group": groups.get(row.model, "other")}) for row in comparison.rows]
    return comparison.model_copy(update={"rows": rows})


class TestAnswers:
    def test_the_best_is_named_with_its_difference(self):
        made = compare(**study())
        sentence = said(made, "cfc has the lowest one-step test MSE of the networks (0.802), x 0.88")
        assert sentence.endswith("the error of lstm; it is significantly lower than that of every other network.")

    def test_a_lead_that_is_not_shown_is_said_to_be_none(self):
        made = table([*runs("lstm", [1.0 + w for w in WAVE]), *runs("gru", [0.999 + w for w in WAVE])])
        assert "it is not shown to be lower" in said(made, "gru has the lowest")
        assert "significantly lower" not in said(made, "gru has the lowest")

    def test_liquid_networks_stand_against_the_reference(self):
        made = group(compare(**study()), cfc="liquid", ltc="liquid", lstm="recurrent")
        assert said(made, "cfc is a liquid network") == (
            "cfc is a liquid network; of the 2, significantly lower: cfc, significantly higher: ltc."
        )
        second = group(compare(**study()), ltc="liquid", lstm="recurrent")
        assert said(second, "The best liquid network is ltc, x 1.2").endswith("the error of lstm.")

    def test_a_baseline_that_beats_all_networks_is_named_in_words(self):
        records = [*runs("lstm", [1.0, 1.1]), *runs("gru", [1.2, 1.3])]
        beaten = table(records, baselines=[baseline("ar4_ridge", 0.5), baseline("persistence", 3.0)])
        assert said(beaten, "An untrained baseline beats every network").endswith(
            ": ar4_ridge, a linear autoregression on the last 4 inputs (0.500)."
        )
        between = table(records, baselines=[baseline("ar4_ridge", 1.1)])
        assert said(between, "1 of 2 networks are no better than ar4_ridge").endswith(": gru.")
        beating = table(records, baselines=[baseline("ar4_ridge", 9.0)])
        assert said(beating, "Every network beats the untrained baselines")

    def test_the_furthest_step_ahead_and_networks_that_left_the_range(self):
        made = table([*runs("lstm", [1.0, 1.1]), *runs("gru", [1.2, 1.3])], baselines=[baseline("mean", 0.1)])
        assert "at step 50 the best network is lstm (5.25); mean, the training mean, is better (0.500)" in said(
            made, "Free-running"
        )

    def test_few_seeds_lost_runs_and_unconverged_ones_are_said_once(self):
        made = table([*runs("lstm", [1.0, 1.1]), *runs("gru", [1.2, None])])
        assert "1 seed each: under 6 no difference is called significant; 1 run lost" in answers(made)[-1]
        assert sum("under 6" in sentence for sentence in answers(made)) == 1

    def test_no_run_that_ended_well_is_no_answer(self):
        assert answers(table(runs("lstm", [None, None]))) == []

    def test_one_network_is_compared_with_nothing(self):
        assert "nothing was compared with it" in answers(table(runs("lstm", [1.0])))[0]

    @pytest.mark.parametrize("name", ["persistence", "var6_ridge", "ridge4", "logistic1", "majority", "kalman_bank"])
    def test_known_baselines_have_words_of_their_own(self, name):
        assert baseline_words(name) != baseline_words("of a plugin") == "an untrained baseline"


class TestStudyAnswers:
    def test_verdicts_are_counted_by_subject(self):
        rows = [
            verdict(id="a", measure="nmse", verdict="supported"),
            verdict(id="b", measure="nmse", verdict="opposite"),
            verdict(id="c", measure="active_parameters", verdict="supported"),
            verdict(id="d", measure="peak_memory", verdict="not testable here", obstacle="no records"),
        ]
        found = study_answers(ClaimsTable(rows=rows), [])
        assert found == [
            "Accuracy: mixed (2 claims judged: 1 supported, 1 opposite).",
            "Parameters and energy: the one claim judged is supported.",
        ]
        rows += [verdict(id="e", measure="nmse", verdict="opposite")]
        most = "mostly the opposite of what is claimed (3 claims judged: 1 supported, 2 opposite)"
        assert study_answers(ClaimsTable(rows=rows), [])[0] == f"Accuracy: {most}."

    def test_too_few_seeds_are_named_as_the_reason(self):
        rows = [verdict(id=f"a{n}", measure="nmse", verdict="not shown", n_seeds=2) for n in range(3)]
        said = "Accuracy: all 3 claims judged are not shown for too few seeds (under 6)."
        assert study_answers(ClaimsTable(rows=rows), []) == [said]
        rows.append(verdict(id="b", measure="nmse", verdict="not shown", n_seeds=6))
        rows.append(verdict(id="c", measure="nmse", verdict="opposite", n_seeds=6))
        parts = "4 not shown, 3 of these for too few seeds (under 6), 1 opposite"
        said = f"Accuracy: mostly not shown (5 claims judged: {parts})."
        assert study_answers(ClaimsTable(rows=rows), []) == [said]

    def test_baselines_that_beat_all_are_named_with_their_data(self):
        beaten = table(runs("lstm", [1.0, 1.1]), baselines=[baseline("ar4_ridge", 0.5)])
        found = study_answers(ClaimsTable(rows=[]), [beaten])
        words = "a linear autoregression on the last 4 inputs on walker2d (simulated)"
        assert found == [f"Baselines: every network is beaten by {words}."]
        fine = table(runs("lstm", [1.0, 1.1]), baselines=[baseline("ar4_ridge", 5.0)])
        assert "no data set" in study_answers(ClaimsTable(rows=[]), [fine])[0]


class TestBriefTable:
    def test_networks_and_baselines_are_one_ranking(self):
        made = table(
            [*runs("lstm", [1.0, 1.1]), *runs("gru", [None])], baselines=[baseline("mean", 7.0), baseline("ar", 0.5)]
        )
        assert [(place.rank, place.name, place.beats_all) for place in ranking(made)] == [
            (1, "ar", True),
            (2, "lstm", False),
            (3, "mean", False),
            (None, "gru", False),
        ]

    @pytest.mark.parametrize("networks", [1, 6, 60])
    def test_it_fits_forty_lines_of_eighty_columns_in_one_piece(self, networks):
        records = [run(f"a_network_{n}", seed, 1.0 + n / 50) for n in range(networks) for seed in range(6)]
        measured = [measurement(f"a_network_{n}") for n in range(networks)]
        last = f"a_network_{networks - 1}"
        baselines = [baseline("persistence", 6.5), baseline("ar4_ridge", 0.9), baseline("mean", 7.4)]
        made = table(records, reference=last, measurements=measured, baselines=baselines)
        lines = render(brief_of_comparison(made, ["Elsewhere."]), "table", 80).splitlines()
        assert len(lines) <= 40
        assert max(map(len, lines)) <= 80
        assert sum("parameters" in line and "epoch" in line for line in lines) == 1  # its head stands once: not torn
        assert any("reference" in line for line in lines)
        assert any("untrained, beats all" in line for line in lines)

    def test_marks_are_explained_only_where_they_are_used(self):
        clear = compare(**study())
        assert "differs significantly from lstm" in str(brief_section(clear).notes["Marks"])
        few = table([*runs("lstm", [1.0, 1.1]), *runs("gru", [1.2, 1.3])])
        assert brief_section(few).notes["Marks"] == []

    def test_a_whole_study_is_sentences_with_the_other_comparisons_named(self):
        first = compare(**study())
        other = first.model_copy(update={"title": "Walker2d, irregular: one-step test MSE"})
        section = study_section([first, other], ClaimsTable(rows=[verdict()]), ["Elsewhere."])
        assert len(section.notes["Also"]) == 1
        assert section.notes["Also"][0].startswith("Walker2d, irregular")
        assert section.notes["Verdicts"] == ["supported: 1 (walker2d-parameters)"]


def test_brief_claims_leave_out_what_cannot_be_tested_and_count_it():
    untested = verdict(id="walker2d-untested", verdict="not testable here", obstacle="no records", effect=None)
    text = render(brief_of_claims(ClaimsTable(rows=[verdict(), untested])), "table", 80)
    assert "walker2d-untested" not in text
    assert "walker2d-parameters" in text
    assert "2 claims: 1 supported, 1 not testable here." in text
    assert "Not testable here: 1 no records." in text
