"""The report's page in a real browser: alone, quiet, sortable, legible at both widths, in both schemes and printed."""

import pytest
from chromium import find_chromium, running

WIDTHS = (390, 1440)
COLUMN = """(() => { const table = [...document.querySelectorAll('table')].find(
  (one) => one.caption.textContent.startsWith('Test error by model'));
  return [...table.tBodies[%d].rows].map((row) => row.cells[%d].dataset.value ?? row.cells[%d].textContent); })()"""
CLAIMS = "[...document.querySelectorAll('.claims > tbody')].map((body) => body.id)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = find_chromium()
    if program is None:
        pytest.skip("no chromium on the path (Debian: apt-get install chromium)")
    with running(program, tmp_path_factory.mktemp("browser") / "profile") as tab:
        yield tab


@pytest.fixture
def tab(browser, written_report):
    browser.open(written_report.as_uri())
    return browser


def models(tab, body=0):
    return tab.run(COLUMN % (body, 0, 0))


def head(tab, text):
    """Return a selector of the first column head that begins with `text`."""
    tab.run(
        "document.querySelectorAll('[data-chosen]').forEach((one) => delete one.dataset.chosen);"
        f"[...document.querySelectorAll('thead th')].find((one) => one.textContent.startsWith({text!r}))"
        ".dataset.chosen = ''"
    )
    return "[data-chosen]"


class TestQuiet:
    def test_the_page_asks_for_nothing_and_complains_of_nothing(self, tab, written_report):
        tab.run("new Promise((done) => setTimeout(done, 300))")
        assert tab.requests() == [written_report.as_uri()]
        assert tab.complaints() == []
        assert tab.run("performance.getEntriesByType('resource').length") == 0

    def test_a_broken_page_would_be_noticed(self, browser, tmp_path):
        bad = tmp_path / "bad.html"
        bad.write_text("<script>missing()</script><img src='other.png'>")
        browser.open(bad.as_uri())
        assert browser.complaints() and len(browser.requests()) == 2


LEGIBLE = ("body", ".meta", "caption", ".depends", ".true-but-negligible", ".opposite", ".not-shown", "a", "summary")


class TestSorting:
    def test_a_click_sorts_and_a_second_one_turns_the_order(self, tab):
        chosen, before = head(tab, "test MSE"), models(tab)
        values = [float(value) for value in tab.run(COLUMN % (0, 2, 2))]
        tab.click(f"{chosen} button")
        assert models(tab) == [name for _, name in sorted(zip(values, before, strict=True))] != before
        assert tab.run(f"document.querySelector('{chosen}').getAttribute('aria-sort')") == "ascending"
        assert tab.run("document.getElementById('sort-status').textContent") == (
            "Test error by model: sorted by test MSE [95%], ascending"
        )
        tab.click(f"{chosen} button")
        assert models(tab) == [name for _, name in sorted(zip(values, before, strict=True), reverse=True)]
        assert tab.run(f"document.querySelector('{chosen}').getAttribute('aria-sort')") == "descending"
        assert models(tab, body=1) == ["filter", "persistence"], "baselines stay below the models"

    @pytest.mark.parametrize(("key", "code", "text"), [("Enter", 13, "\r"), (" ", 32, " ")])
    def test_the_keyboard_sorts(self, tab, key, code, text):
        chosen = head(tab, "test MSE")
        tab.run(f"document.querySelector('{chosen} button').focus()")
        tab.press(key, code, text)
        assert tab.run(f"document.querySelector('{chosen}').getAttribute('aria-sort')") == "ascending"
        values = [float(value) for value in tab.run(COLUMN % (0, 2, 2))]
        assert values == sorted(values)

    def test_claims_move_with_their_details(self, tab):
        before = tab.run(CLAIMS)
        values = tab.run("[...document.querySelectorAll('td[data-label=Verdict]')].map((cell) => +cell.dataset.value)")
        for _ in range(2):
            tab.click(f"{head(tab, 'Verdict')} button")
        assert tab.run(CLAIMS) == [name for _, name in sorted(zip(values, before, strict=True), reverse=True)] != before
        assert tab.run("[...document.querySelectorAll('.claims > tbody')].every((body) => body.rows.length === 2)")

    def test_what_is_not_known_stays_last(self, tab):
        for _ in range(2):
            tab.click(f"{head(tab, 'p (Holm)')} button")
            assert tab.run(CLAIMS)[0] == "claim-mimic3-accumulation"


class TestReach:
    def test_the_first_key_leads_past_the_contents(self, tab):
        tab.press("Tab", 9)
        assert tab.run("document.activeElement.className") == "skip"
        assert tab.run("document.activeElement.getBoundingClientRect().left >= 0"), "visible once it has the focus"
        tab.press("Enter", 13, "\r")
        assert tab.run("location.hash") == "#main"

    def test_a_link_to_a_claim_opens_it(self, browser, written_report):
        browser.open(written_report.as_uri())
        browser.run("location.hash = '#claim-sine-smoothing'")
        browser.run("new Promise((done) => setTimeout(done, 100))")
        assert browser.run("document.querySelector('#claim-sine-smoothing details').open")

    def test_controls_can_be_hit(self, tab):
        small = tab.run(
            "[...document.querySelectorAll('thead button, summary')].filter((one) => one.offsetParent)"
            ".map((one) => one.getBoundingClientRect()).filter((box) => box.width < 24 || box.height < 24).length"
        )
        assert small == 0


class TestSight:
    @pytest.mark.parametrize("width", WIDTHS)
    @pytest.mark.parametrize("dark", [False, True])
    def test_nothing_is_wider_than_the_window(self, browser, written_report, width, dark):
        browser.open(written_report.as_uri(), width, dark=dark)
        browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
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
        boxes = browser.run(
            "[...document.querySelectorAll('figure svg')].map((one) => { const box = one.getBoundingClientRect();"
            " const ink = one.getBBox(); return [box.width, box.height, ink.width, ink.height]; })"
        )
        assert len(boxes) == 8 and all(min(box) > 100 for box in boxes)
        assert browser.run(
            "[...document.querySelectorAll('use')].every((one) => document.querySelector(one.getAttribute('href')))"
        ), "every letter and marker has its shape"

    def test_dark_mode_is_dark_and_legible(self, browser, written_report):
        browser.open(written_report.as_uri(), dark=True)
        for selector in LEGIBLE:
            assert contrast(browser, selector) >= 4.5, selector
        ink = browser.run("getComputedStyle(document.querySelector('figure svg')).fill")
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
        tab.send("Emulation.setEmulatedMedia", media="")


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
