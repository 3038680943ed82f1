"""What claims, tables, curves and the page make of the summary of a multiverse, and of a damaged one."""

import re

import pytest
from claim_records import many, written
from claim_records import records as all_records
from claims_tables import claims_table
from multiverse_toys import reading
from report_folders import folder as report_folder

from lnncmp.claims.judge import judge_folder
from lnncmp.claims.readings import (
    AlternativeWords,
    ChoiceWords,
    ClaimReadings,
    Flip,
    Influence,
    JointTest,
    Multiverse,
    UniverseLine,
    read_multiverses,
    summary_path,
)
from lnncmp.multiverse.summary import write_summary
from lnncmp.report.build.curves import curves, draw_curves
from lnncmp.report.build.write import write_report
from lnncmp.report.figures import style
from lnncmp.report.tables.claims import document_of_claims
from lnncmp.report.tables.multiverse import document_of_multiverse
from lnncmp.report.tables.render import render

CLAIM = "walker2d-ltc-out-of-distribution"
UNITS = ("64", "32")


def claim_readings(**changes) -> ClaimReadings:
    outcomes = (("supports", 0.4), ("opposite", -0.3), ("not shown", 0.1))
    readings = [
        reading(n, effect, outcome, units=UNITS[n % 2], budget="long").model_copy(update={"ci95": (effect - 0.1, 0.5)})
        for n, (outcome, effect) in enumerate(outcomes, start=1)
    ]
    readings[1] = readings[1].model_copy(update={"lost": (2, 0)})
    readings.append(reading(4, None, "no result", units="64", budget="long").model_copy(update={"reason": "no data"}))
    fields = {
        "id": CLAIM,
        "claim": "Out of distribution a liquid network (LTC) predicts better than an LSTM (Walker2d).",
        "models": ["ltc", "lstm"],
        "measure": "perturbed_mse",
        "direction": "lower",
        "effect_kind": "log ratio",
        "supports": 1,
        "opposite": 1,
        "not_shown": 1,
        "no_result": 1,
        "median": 0.1,
        "default": "supports",
        "concerned": ["units"],
        "influences": [Influence(choice="units", share=0.62, ci95=(0.2, 0.8))],
        "rest": 0.38,
        "flips": [Flip(choice="units", alternative="64", alone=True, effect=-0.3)],
        "joint": JointTest(permutations=64, median=0.03125, shown=0.5, z=0.0625),
        "readings": readings,
    }
    return ClaimReadings.model_validate({**fields, **changes})


def multiverse(*claims: ClaimReadings) -> Multiverse:
    words = [AlternativeWords(name=name, why="<b>reasonable</b>") for name in UNITS]
    lines = [UniverseLine(number=n, alternatives={"units": UNITS[n % 2], "budget": "long"}) for n in range(1, 5)]
    return Multiverse(
        case="walker2d",
        preset="quick",
        seeds=[0, 1, 2, 3, 4, 5],
        possible=8,
        choices=[ChoiceWords(name="units", question="How many units?", alternatives=words)],
        universes=lines,
        runs=24,
        shared=3,
        claims=list(claims or (claim_readings(),)),
        notes=["4 of 8 universes."],
    )


@pytest.fixture
def out(tmp_path):
    folder = written(tmp_path / "out", all_records(many("ltc", 0.9), many("lstm", 1.0)))
    write_summary(folder, multiverse())
    return folder


class TestClaims:
    def test_the_table_says_in_how_many_readings_a_claim_holds(self, out):
        table = judge_folder(out)
        assert {row.id: row.readings for row in table.rows if row.readings} == {CLAIM: "1 of 4"}
        shown = render(document_of_claims(table), "md")
        assert "holds in" in shown and "1 of 4" in shown

    def test_without_a_multiverse_there_is_no_column(self, out):
        summary_path(out, "walker2d").unlink()
        assert "holds in" not in render(document_of_claims(judge_folder(out)), "md")

    @pytest.mark.parametrize("content", [b"{", b"{}", b"\xff\xfe", b'{"case": "walker2d", "schema_version": 99}'])
    def test_a_damaged_file_is_named_and_not_fatal(self, out, content):
        summary_path(out, "walker2d").write_bytes(content)
        table = judge_folder(out)
        assert not any(row.readings for row in table.rows)
        assert any("multiverse/walker2d.json" in note for note in table.notes)

    def test_a_file_of_another_case_is_not_used(self, out):
        summary_path(out, "walker2d").rename(summary_path(out, "sine"))
        found, notes = read_multiverses(out)
        assert found == [] and "multiverse/sine.json" in notes[0]


class TestTable:
    def test_a_row_says_counts_effect_choice_and_turn(self):
        shown = render(document_of_multiverse(multiverse()), "table")
        for words in ("1 of 4", "x 1.11", "units", "62% [20%, 80%]", "units=64", "0.062"):
            assert words in shown
        assert "supported in 1 of 4 (25%), opposite in 1 of 4 (25%)" in " ".join(shown.split())

    def test_rows_hold_every_reading_with_its_choices(self):
        header, *lines = render(document_of_multiverse(multiverse()), "csv").splitlines()
        assert len(lines) == 4 and "choice units" in header
        assert "no data" in lines[3]


class TestCurve:
    def test_files_are_the_same_each_time_and_described(self, tmp_path):
        first = draw_curves(multiverse(), tmp_path / "a")
        again = draw_curves(multiverse(), tmp_path / "b")
        assert [path.read_bytes() for one in first for path in one.paths] == [
            path.read_bytes() for one in again for path in one.paths
        ]
        (one,) = first
        assert [path.suffix for path in one.paths] == [".png", ".svg", ".pdf"]
        for words in (
            "Shown in 1, the opposite in 1, not shown in 1, no result in 1",
            "units 62%",
            "x 0.741 to x 1.49",
        ):
            assert words in one.alt
        assert "<desc>" in one.paths[1].read_text(encoding="utf-8")

    def test_effects_are_sorted_and_every_reading_has_its_dots(self):
        with style.fixed_style():
            ((_, picture),) = curves(multiverse())
            curve, matrix = picture.draw().axes
        points = [
            line for line in curve.lines if line.get_marker() in ("o", "s", "v") and line.get_fillstyle() == "full"
        ]
        heights = [float(line.get_ydata()[0]) for line in sorted(points, key=lambda line: float(line.get_xdata()[0]))]
        assert heights == sorted(heights) == [-0.3, 0.1, 0.4]
        assert sum(len(line.get_xdata()) for line in matrix.lines) == 4
        assert sum(line.get_fillstyle() == "none" for line in curve.lines) == 1

    def test_one_effect_is_no_curve(self):
        alone = claim_readings(readings=[reading(1, 0.1, units="64", budget="long")])
        assert list(curves(multiverse(alone))) == []


def test_the_page_shows_tables_curves_and_reasons_as_text(tmp_path):
    folder = report_folder(tmp_path / "out")
    write_summary(folder, multiverse())
    page = write_report(folder, judge=lambda out: claims_table())
    text = page.read_text(encoding="utf-8")
    assert 'id="readings"' in text and "1 of 4" in text
    assert "&lt;b&gt;reasonable&lt;/b&gt;" in text and "<b>reasonable" not in text
    assert re.search(
        r'<figure class="of-\w+" aria-labelledby="multiverse-walker2d-walker2d-ltc-out-of-distribution">\s*<div', text
    )
    markdown = page.with_suffix(".md").read_text(encoding="utf-8")
    assert "figures/multiverse-walker2d/walker2d-ltc-out-of-distribution.svg" in markdown
    assert (page.parent / "figures" / "multiverse-walker2d" / "walker2d-ltc-out-of-distribution.pdf").is_file()
    assert (page.parent / "tables" / "multiverse-walker2d.csv").is_file()
