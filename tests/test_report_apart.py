"""Comparisons that would make the page too large have pages of their own, which the page leads to."""

import re

import pytest
from claims_tables import claims_table
from html_pages import Page
from report_folders import folder, two_comparisons

from lnncmp.comparison.studies import load_studies
from lnncmp.report.build import write
from lnncmp.report.build.write import write_report
from lnncmp.report.page.html import MAX_BYTES, rooms_for_pictures
from lnncmp.report.page.size import text_bytes


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = two_comparisons(tmp_path_factory.mktemp("apart"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write.page, "_WHOLE_BYTES", 1000)
        page = write_report(out, to=out / "given" / "page.html", judge=lambda out: claims_table())
    return page, load_studies(out)


def test_the_page_says_each_comparison_in_brief_and_leads_to_the_rest(written):
    page, studies = written
    main = Page(page.read_text(encoding="utf-8"))
    names = [f"page-files/comparisons/{study.folder}.html" for study in studies]
    assert [e["href"] for e in main.all("a") if ".html" in e["href"]] == names
    assert all((page.parent / name).is_file() for name in names)
    ids = {e["id"] for e in main.elements if "id" in e}
    assert {study.anchor for study in studies} <= ids and "claims" in ids
    assert len(main.texts("ul", **{"class": "answers"})) == 1 + len(studies)
    assert "Accuracy" not in " ".join(main.texts("h3"))


def test_its_own_page_shows_all_of_a_comparison_and_leads_back(written):
    page, studies = written
    for study in studies:
        place = page.parent / f"page-files/comparisons/{study.folder}.html"
        own = Page(place.read_text(encoding="utf-8"))
        assert own.texts("h1") == own.texts("h2") == [study.table.heading]
        assert {"Accuracy", "Cost", "Wiring", "All runs"} <= {text.split(",")[0].strip() for text in own.texts("h3")}
        home, *links = [e["href"] for e in own.all("a") if not e["href"].startswith("#")]
        assert (place.parent / home).resolve() == page.resolve()
        assert len(links) == (study is not studies[0]), "the wiring is drawn for the first"
        for link in links:
            name, _, anchor = link.partition("#")
            assert f'id="{anchor}"' in place.with_name(name).read_text(encoding="utf-8")
        ids = {e["id"] for e in own.elements if "id" in e}
        assert {e["href"][1:] for e in own.all("a") if e["href"].startswith("#")} <= ids


def test_the_size_of_a_comparison_is_known_before(written_report, tmp_path):
    html = written_report.read_text(encoding="utf-8")
    (study,) = load_studies(folder(tmp_path))
    (section,) = re.findall(rf'<section[^>]*labelledby="{study.anchor}".*?</section>', html, re.S)
    text = len(re.sub(r"<svg.*?</svg>", "", section, flags=re.S))
    assert 0.8 < text_bytes(study.table, sum(map(len, study.runs.values()))) / text < 2


def test_pictures_have_the_room_that_text_leaves():
    (one,) = rooms_for_pictures([100_000, 200_000])
    assert 3_000_000 < one < MAX_BYTES - 300_000
    assert rooms_for_pictures([1_900_000, 200_000, 9_000_000]) == [
        MAX_BYTES - 1_200_000 - text for text in (1_900_000, 200_000)
    ] + [0]
    assert rooms_for_pictures([9_000_000]) == [0]
