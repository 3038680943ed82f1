"""How the report's page looks in a real browser: legible in light and dark, on phones and on paper."""

import os
from pathlib import Path

import pytest

WIDTHS = (390, 1440)
OPEN = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
AXE = os.environ.get("LNNCMP_AXE", "")
AXE_SECONDS = 900
LEGIBLE = (
    "body",
    ".meta",
    "caption",
    ".depends",
    ".true-but-negligible",
    ".opposite",
    ".not-shown",
    "a",
    "summary",
    ".mark",
)


class TestSight:
    @pytest.mark.parametrize("width", WIDTHS)
    @pytest.mark.parametrize("dark", [False, True])
    def test_nothing_is_wider_than_the_window(self, browser, written_report, width, dark):
        browser.open(written_report.as_uri(), width, dark=dark)
        browser.run(OPEN)
        assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        beyond = browser.run(
            "[...document.querySelectorAll('body *')].filter((one) => !one.closest('.scroll, .vh, .skip, svg')"
            " && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)"
            ".map((one) => one.outerHTML.slice(0, 80))"
        )
        assert beyond == []

    @pytest.mark.parametrize("width", WIDTHS)
    def test_every_figure_has_a_size_and_ink(self, browser, written_report, width):
        browser.open(written_report.as_uri(), width)
        browser.run(OPEN)
        browser.run("document.querySelectorAll('figure[hidden]').forEach((one) => { one.hidden = false; })")
        boxes = browser.run(
            "[...document.querySelectorAll('figure .scroll > svg')].map((one) => {"
            " const box = one.getBoundingClientRect(); const ink = one.getBBox();"
            " return [box.width, box.height, ink.width, ink.height]; })"
        )
        assert len(boxes) == 9 and all(min(box) > 100 for box in boxes)
        inside = browser.run(
            "[...document.querySelectorAll('.legend li')].every((one) =>"
            " one.getBoundingClientRect().right <= document.documentElement.clientWidth)"
        )
        assert inside, "no legend has to be scrolled to"
        assert browser.run(
            "[...document.querySelectorAll('use')].every((one) => document.querySelector(one.getAttribute('href')))"
        ), "every letter and marker has its shape"

    def test_dark_mode_is_dark_and_legible(self, browser, written_report):
        browser.open(written_report.as_uri(), dark=True)
        for selector in LEGIBLE:
            assert contrast(browser, selector) >= 4.5, selector
        ink = browser.run("getComputedStyle(document.querySelector('figure .scroll > svg')).fill")
        assert ratio(numbers(ink), page_color(browser)) > 7 and luminance(page_color(browser)) < 0.05

    def test_light_mode_is_legible(self, tab):
        for selector in LEGIBLE:
            assert contrast(tab, selector) >= 4.5, selector

    def test_it_prints(self, tab, tmp_path):
        tab.pdf(tmp_path / "page.pdf")
        assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
        tab.send("Emulation.setEmulatedMedia", media="print")
        assert tab.run("getComputedStyle(document.querySelector('nav')).display") == "none"
        assert tab.run("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
        heights = tab.run("[...document.querySelectorAll('.chapter-body')].map((one) => one.offsetHeight)")
        assert heights and min(heights) > 50, "what is folded is printed"
        listed = "document.querySelector('.reference table').checkVisibility()"
        assert not tab.run(listed), "but for what is there to be looked up"
        tab.run("document.querySelector('.reference').open = true")
        assert tab.run(listed)
        tab.send("Emulation.setEmulatedMedia", media="")

    @pytest.mark.skipif(not AXE, reason="LNNCMP_AXE does not name axe.min.js (npm install axe-core)")
    @pytest.mark.parametrize("width", WIDTHS)
    @pytest.mark.parametrize("dark", [False, True])
    def test_axe_finds_nothing_serious(self, browser, written_report, width, dark):
        browser.open(written_report.as_uri(), width, dark=dark)
        browser.run(OPEN)
        browser.run(Path(AXE).read_text(encoding="utf-8") + "; true")
        found = browser.run(
            "axe.run().then((all) => all.violations.filter((one) => ['serious', 'critical'].includes(one.impact))"
            ".map((one) => [one.id, one.nodes.map((node) => node.target.join(' ')).slice(0, 5)]))",
            patience=AXE_SECONDS,
        )
        assert found == []


def numbers(color):
    return [float(part) for part in color[color.index("(") + 1 : -1].replace(",", " ").split()[:3]]


def page_color(tab):
    return numbers(tab.run("getComputedStyle(document.documentElement).backgroundColor"))


def contrast(tab, selector):
    """Return the contrast of the first match's text to the paper behind it (WCAG 2)."""
    ink, paper = tab.run(
        f"(() => {{ const one = document.querySelector('{selector}'); let under = one;"
        " const paper = () => getComputedStyle(under ?? document.documentElement).backgroundColor;"
        " while (under && paper() === 'rgba(0, 0, 0, 0)') under = under.parentElement;"
        " return [getComputedStyle(one).color, paper()]; })()"
    )
    return ratio(numbers(ink), numbers(paper))


def ratio(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(color):
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
