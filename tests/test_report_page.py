"""The report's page and Markdown: what stands in them, in which order, for everybody who reads them."""

import os
import re
import signal
import xml.etree.ElementTree as ET
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

import pytest
from claims_tables import claims_table
from html_pages import Page
from report_folders import small_folder

from lnncmp.comparison.studies import load_studies
from lnncmp.errors import LnncmpError
from lnncmp.report.build import drawing, write
from lnncmp.report.build.write import write_report
from lnncmp.report.page.html import MAX_BYTES


def judged(folder):
    return claims_table()


@pytest.fixture(scope="module")
def written(written_report):
    return written_report


@pytest.fixture(scope="module")
def html(written):
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


class TestStudy:
    def test_chapters_stand_in_order(self, page):
        found = [text.split(",")[0].strip() for text in page.texts("h3") if "claim" not in text]
        assert found == [
            "Accuracy",
            "Cost",
            "Error accumulation",
            "Robustness",
            "Accuracy against cost",
            "Training",
            "Wiring",
            "Test waves",
            "Notes",
            "All runs",
            "Machine and versions",
            "Assumptions",
            "Protocol differences",
        ]

    def test_it_begins_with_its_answers(self, page):
        answers = page.texts("ul", **{"class": "answers"})[1]
        assert answers.startswith("gru has the lowest one-step test MSE of the networks (0.000520)")

    def test_the_best_of_a_column_is_marked(self, page):
        cells = page.texts("td")
        assert "0.0005200 † [0.0001685, 0.0008715] (best of the column)" in cells
        assert sum("best of the column" in text for text in cells) >= 4

    def test_diverged_failed_and_missing_runs_are_told(self, page):
        text = " ".join(page.all("main")[0]["text"].split())
        assert "15 runs: 13 ok, 1 diverged, 1 failed" in text
        (lost,) = [e for e in page.all("table") if "did not end well" in e["text"]]
        rows = re.findall(r"(\w+) (\d) (diverged|failed)", " ".join(lost["text"].split()))
        assert rows == [("ltc", "1", "diverged"), ("gru", "2", "failed")]
        assert "cfc lacks seed 3 that other models have." in text
        assert "The preset quick also asks for lstm; there are no runs of it here." in text

    def test_commands_assumptions_machines_and_records_are_named(self, page):
        text = " ".join(page.all("main")[0]["text"].split())
        assert "lnncmp walker2d --preset quick --models ltc,ncp,cfc,gru --seeds 4" in text
        assert "A processor" in text and "torch 2.5" in text
        assert "records/cfc-0.json" in text
        assert any("data.window" in row for row in page.texts("th", scope="row"))
        assert "Open demo of MIMIC-III in place of the full data" in page.texts("li")

    def test_numbers_can_be_sorted(self, page):
        (table,) = [e for e in page.all("table") if e["text"].strip().startswith("Test error by model")]
        assert "data-sortable" in table
        values = [e.get("data-value") for e in page.all("td") if "data-value" in e]
        assert any(value and abs(float(value) - 0.3**2) < 1e-12 for value in values), "full precision behind the cell"

    def test_what_stands_in_records_is_text(self, html, page):
        assert "<script>alert" not in html and "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert len(page.all("script")) == 1


class TestAccess:
    def test_the_page_has_a_language_a_title_and_a_way_past_the_contents(self, page):
        assert page.all("html")[0]["lang"] == "en" and page.texts("title")[0]
        (skip,) = page.all("a", **{"class": "skip"})
        assert skip["href"] == "#main" and page.all("main")[0]["id"] == "main"

    def test_headings_skip_no_level(self, page):
        levels = [int(e["tag"][1]) for e in page.elements if re.fullmatch(r"h[1-6]", e["tag"])]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(b <= a + 1 for a, b in pairwise(levels))

    def test_names_are_unique_and_references_lead_somewhere(self, page):
        names = [e["id"] for e in page.elements if "id" in e]
        assert len(names) == len(set(names))
        for element in page.elements:
            for key in ("aria-labelledby", "aria-describedby"):
                assert set(element.get(key, "").split()) <= set(names), element
            link = element.get("href", "#main")
            assert link.startswith("#") and link[1:] in names, element

    def test_tables_have_captions_and_heads(self, page):
        assert len(page.all("caption")) == len(page.all("table"))
        assert all(e.get("scope") in ("col", "row") for e in page.all("th"))

    def test_every_figure_has_a_name_and_words(self, page):
        figures = page.all("figure")
        images = [image for image in page.all("svg", role="img") if image.get("class") != "effect"]
        assert len(figures) == len(images) == 10
        words = {e["id"]: e["text"] for e in page.all("p") if e.get("id", "").endswith("-words")}
        for image in images:
            assert len(image.get("aria-label") or words[image["aria-describedby"]]) > 60

    def test_legends_are_text_of_the_page(self, page):
        legends = page.texts("ul", **{"class": "legend"})
        assert len(legends) == 9 and legends[1] == "ltc (1 diverged) ncp cfc gru (1 failed) filter persistence"

    def test_areas_that_scroll_can_be_reached_by_keyboard(self, page):
        areas = page.all("div", **{"class": "scroll"})
        assert areas and all(e.get("tabindex") == "0" and e.get("role") == "region" for e in areas)
        assert len({e["aria-label"] for e in areas}) == len(areas), "each area has a name of its own"


class TestAlone:
    def test_the_page_needs_nothing_else(self, html, page):
        assert not re.search(r"https?://|url\((?!#)|@import|<link|<img|src=", html.replace("http-equiv", ""))
        (policy,) = [e["content"] for e in page.all("meta") if e.get("http-equiv")]
        assert "default-src 'none'" in policy

    def test_it_is_small(self, html):
        assert len(html.encode()) < MAX_BYTES

    def test_the_same_records_give_the_same_bytes(self, tmp_path):
        made = [write_report(small_folder(tmp_path / name), judge=judged).parent for name in "ab"]
        files = [{path.name: path.read_bytes() for path in one.rglob("*") if path.is_file()} for one in made]
        assert files[0] == files[1] and len(files[0]) == 13

    def test_several_processes_draw_the_same(self, tmp_path):
        _, tasks, _ = drawing._tasks(load_studies(small_folder(tmp_path)))
        assert list(drawing._drawn(tasks * 4, 2)) == list(drawing._drawn(tasks * 4, 1))

    def test_what_a_killed_process_leaves_is_drawn(self, tmp_path, monkeypatch):
        _, tasks, _ = drawing._tasks(load_studies(small_folder(tmp_path)))

        class Killed(ProcessPoolExecutor):
            def map(self, function, tasks):
                yield function(tasks[0])
                os.kill(self.submit(os.getpid).result(), signal.SIGKILL)
                yield self.submit(function, tasks[1]).result()

        monkeypatch.setattr(drawing, "ProcessPoolExecutor", Killed)
        assert list(drawing._drawn(tasks * 4, 2)) == list(drawing._drawn(tasks * 4, 1))

    def test_a_picture_too_many_is_left_next_to_it(self, tmp_path, monkeypatch):
        monkeypatch.setattr(write.page, "rooms_for_pictures", lambda texts: [100])
        small = Page(write_report(small_folder(tmp_path), judge=judged).read_text(encoding="utf-8"))
        assert len(small.all("svg")) == 2 and len(small.all("figure")) == 4, "the ranking stays"
        said, *_ = [text for text in small.texts("p") if "left out to keep the page under 5 MB" in text]
        assert (tmp_path / "report" / said.rpartition(": ")[2].split(", ")[0]).is_file()

    def test_a_page_that_stays_too_large_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(write.page, "MAX_BYTES", 1000)
        with pytest.raises(LnncmpError, match="more than 1,000"):
            write_report(small_folder(tmp_path), judge=judged)
        assert not (tmp_path / "report").exists()

    def test_inline_pictures_follow_the_color_scheme(self, html, page):
        bodies = re.findall(r"<svg role.*?</svg>", html, re.S)
        assert len(bodies) == 9
        assert not any(re.search(r"#(ffffff|000000|1a1a1a|e3e3e3)", body) for body in bodies)
        for body in bodies:
            shapes = {e.get("id") for e in ET.fromstring(body).iter()}
            assert {name[1:] for name in re.findall(r'href="(#[^"]+)"', body)} <= shapes, "every letter has its shape"


class TestBeside:
    def test_figures_and_tables_for_a_paper(self, written):
        files = sorted(path.relative_to(written.parent) for path in written.parent.rglob("*") if path.is_file())
        names = [path.as_posix() for path in files]
        figures = "figures/walker2d-quick-noise-0.1-abcdef01"
        for name in (
            "free_running",
            "robustness",
            "accuracy_cost",
            "training",
            "budget",
            "wiring-ncp",
            "fit-slow-wave",
        ):
            assert f"{figures}/{name}.svg" in names and f"{figures}/{name}.pdf" in names
        assert {"tables/claims.csv", "tables/claims.tex", "report.md", "report.html"} <= set(names)
        assert (written.parent / "tables/walker2d-quick-noise-0.1-abcdef01.tex").read_text().count("\\toprule") >= 3

    def test_markdown_says_the_same(self, written):
        text = written.with_suffix(".md").read_text(encoding="utf-8")
        assert text.startswith(
            "# Do liquid networks do better than recurrent ones?\n\n- Accuracy: mixed (4 claims judged: "
        )
        assert "\n\nClaims: 1 true but negligible, 1 not shown, 1 opposite, 1 depends, 1 not testable here.\n" in text
        assert (
            "| The CfC accumulates less error than the GRU over long horizons. "
            "(mimic3-accumulation; lower is claimed; a ratio above 1 speaks for it) | opposite |" in text
        )
        assert text.index("- Baselines: ") < text.index("## Claims") < text.index("## Walker2d") < text.index("## How")
        assert "\\<script\\>" in text and "<script>" not in text
        for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
            assert (written.parent / path).is_file()
