"""The report's page in a real browser: answers first, alone, quiet, sortable, within reach of the keyboard."""

import re

import pytest

COLUMN = """(() => { const table = [...document.querySelectorAll('table')].find(
  (one) => one.caption.textContent.startsWith('Test error by model'));
  return [...table.tBodies[%d].rows].map((row) => row.cells[%d].dataset.value ?? row.cells[%d].textContent); })()"""
CLAIMS = "[...document.querySelector('.claims').tBodies].map((body) => body.id)"
OPEN = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
SCREENS = ((1440, 900), (390, 844))
SHOWN = "[...document.querySelectorAll('[data-choose] figure')].filter((one) => one.offsetParent).length"


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


class TestSorting:
    def test_a_click_sorts_and_a_second_one_turns_the_order(self, tab):
        chosen, before = head(tab, "test MSE"), models(tab)
        values = [float(value) for value in tab.run(COLUMN % (0, 2, 2))]
        tab.click(f"{chosen} button")
        assert models(tab) == [name for _, name in sorted(zip(values, before, strict=True))] != before
        assert tab.run(f"document.querySelector('{chosen}').getAttribute('aria-sort')") == "ascending"
        assert tab.run("document.getElementById('status').textContent") == (
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
        tab.run(OPEN)
        before = tab.run(CLAIMS)
        cells = "[...document.querySelector('.claims').querySelectorAll('td[data-label=Verdict]')]"
        values = tab.run(f"{cells}.map((cell) => +cell.dataset.value)")
        tab.click(f"{head(tab, 'Verdict')} button")
        assert tab.run(CLAIMS) == [name for _, name in sorted(zip(values, before, strict=True))] != before
        assert tab.run("[...document.querySelectorAll('.claims > tbody')].every((body) => body.rows.length === 2)")

    def test_what_is_not_known_stays_last(self, tab):
        chosen = head(tab, "ratio to ltc")
        for _ in range(2):
            tab.click(f"{chosen} button")
            assert models(tab)[-1] == "ltc"


class TestFirst:
    @pytest.mark.parametrize(("width", "height"), SCREENS)
    def test_question_answers_and_counts_are_on_the_first_screen(self, browser, written_report, width, height):
        browser.open(written_report.as_uri(), width, height)
        for selector in ("h1", ".answers", ".tally", *((".ranked", ".basis") if width > 1000 else ())):
            bottom = browser.run(f"document.querySelector('{selector}').getBoundingClientRect().bottom")
            assert 0 < bottom <= height, selector

    @pytest.mark.parametrize(("width", "height"), SCREENS)
    def test_a_comparison_takes_few_screens_before_it_is_unfolded(self, browser, written_report, width, height):
        browser.open(written_report.as_uri(), width, height)
        heights = browser.run(
            "[...document.querySelectorAll('section.study')].map((one) => one.getBoundingClientRect().height)"
        )
        assert heights and max(heights) <= 6 * height

    def test_a_count_leads_to_the_claims_of_that_verdict(self, tab):
        tab.click(".tally a[href='#verdict-opposite']")
        tab.run("new Promise((done) => setTimeout(done, 100))")
        top = tab.run("document.getElementById('verdict-opposite').getBoundingClientRect().top")
        assert 0 < top < 900


class TestValues:
    def test_the_keyboard_goes_from_value_to_value(self, tab):
        tab.run("document.querySelector('.points').focus()")
        tab.press("ArrowUp", 38)
        assert tab.run("document.getElementById('tip').textContent").startswith("ltc: 0.003442 [")
        assert tab.run("document.getElementById('status').textContent").startswith("ltc: 0.003442 [")
        tab.press("ArrowDown", 40)
        assert tab.run("document.querySelectorAll('.now').length") == 1
        tab.press("Escape", 27)
        assert tab.run("document.getElementById('tip').hidden")

    def test_a_pointer_over_a_cell_shows_its_value(self, tab):
        place = tab.run(
            "(() => { const cell = document.querySelector('td .mark'); cell.scrollIntoView({ block: 'center' });"
            " const r = cell.getBoundingClientRect(); return [r.x + 3, r.y + 3]; })()"
        )
        tab.send("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
        assert tab.run("document.getElementById('tip').textContent").startswith("gru, test MSE [95%]: 0.00052")

    def test_a_pointer_over_a_point_of_a_figure_shows_its_value(self, tab):
        place = tab.run(
            "(() => { const one = document.querySelector('.of-ranked .tips circle');"
            " one.scrollIntoView({ block: 'center' }); const r = one.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        tab.send("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
        shown = tab.run("document.getElementById('tip').textContent")
        assert re.match(r"\w+.*: 0\.\d+", shown) and not tab.run("document.getElementById('tip').hidden")

    def test_the_keyboard_goes_through_the_points_of_a_figure(self, tab):
        tab.run("document.querySelector('.of-ranked .points').focus()")
        texts = tab.run("[...document.querySelectorAll('.of-ranked .tips circle')].map((one) => one.dataset.tip)")
        for key, code, expected in (
            ("ArrowDown", 40, texts[0]),
            ("ArrowDown", 40, texts[1]),
            ("ArrowUp", 38, texts[0]),
        ):
            tab.press(key, code)
            assert tab.run("document.getElementById('status').textContent") == expected
        tab.press("ArrowRight", 39)
        assert tab.run("document.getElementById('status').textContent") == texts[0], "sideways it scrolls"
        assert tab.run("document.querySelectorAll('.of-ranked .now').length") == 1

    def test_one_wave_is_shown_at_a_time_and_all_are_printed(self, tab):
        tab.run(OPEN)
        assert tab.run(SHOWN) == 1
        first = tab.run("document.querySelector('[data-choose] figure:not([hidden])').textContent")
        tab.run(
            "(() => { const one = document.querySelector('.choose select'); one.value = '1';"
            " one.dispatchEvent(new Event('change')); })()"
        )
        assert tab.run(SHOWN) == 1
        assert tab.run("document.querySelector('[data-choose] figure:not([hidden])').textContent") != first
        tab.send("Emulation.setEmulatedMedia", media="print")
        assert tab.run(SHOWN) == 2
        tab.send("Emulation.setEmulatedMedia", media="")

    def test_a_table_that_goes_on_says_so(self, browser, written_report):
        browser.open(written_report.as_uri(), 390)
        browser.run("new Promise((done) => setTimeout(done, 100))")
        wide = "[...document.querySelectorAll('.study > .chapter-body > .scroll')]"
        assert browser.run(f"{wide}.some((one) => one.classList.contains('more'))")
        browser.run(f"{wide}.forEach((one) => {{ one.scrollLeft = 9999; }})")
        browser.run("new Promise((done) => setTimeout(done, 100))")
        assert not browser.run(f"{wide}.some((one) => one.classList.contains('more'))")


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
