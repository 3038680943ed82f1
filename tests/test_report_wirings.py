"""A wiring that several comparisons of a page share is drawn once; the others lead to it."""

import pytest
from html_pages import Page
from report_folders import two_comparisons

from lnncmp.report.build.write import write_report

FIRST, SECOND = "walker2d-quick-noise-0-1-abcdef01", "walker2d-quick-noise-0-2-abcdef02"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_report(two_comparisons(tmp_path_factory.mktemp("wirings")))


def test_a_wiring_is_drawn_once_and_linked(written):
    page = Page(written.read_text(encoding="utf-8"))
    figures = {e["aria-labelledby"]: " ".join(e["text"].split()) for e in page.all("figure", **{"class": "of-wiring"})}
    assert list(figures) == [f"{FIRST}-wiring-ncp", f"{SECOND}-wiring-ncp"]
    assert figures[f"{SECOND}-wiring-ncp"].startswith("Wiring of ncp. The same as under Walker2d")
    (link,) = page.all("a", href=f"#{FIRST}-wiring-ncp")
    assert link["text"].strip() == " ".join(page.texts("h2", id=FIRST))
    drawn = [e for e in page.all("svg", role="img") if "wiring" in e.get("aria-labelledby", "")]
    assert len(drawn) == 1 and drawn[0]["aria-labelledby"] == f"{FIRST}-wiring-ncp"


def test_it_has_one_file_and_the_markdown_leads_to_it(written):
    files = [path.parent.name for path in written.parent.rglob("wiring-ncp.svg")]
    assert files == [FIRST.replace("-0-1", "-0.1")]
    text = written.with_suffix(".md").read_text(encoding="utf-8")
    assert "*wiring of ncp: the same as under Walker2d" in text and text.count("![wiring of ncp]") == 1
