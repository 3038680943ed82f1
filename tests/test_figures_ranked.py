"""The ranked picture: order, intervals, baselines, what had not converged, and that all of it is readable."""

import pytest
from figure_records import records, write

from lnncmp.comparison.studies import load_studies
from lnncmp.comparison.table import Estimate
from lnncmp.records.metric import Published
from lnncmp.report.build.pictures import picture_set, pictures
from lnncmp.report.figures import legends, ranked, style


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    (study,) = load_studies(write(tmp_path_factory.mktemp("ranked") / "out", records()))
    return picture_set(study, style.model_looks(sorted(study.runs)))


def changed(drawn, **rows):
    """The comparison with fields of its rows changed, by model."""
    table = drawn.study.table
    return table.model_copy(update={"rows": [row.model_copy(update=rows.get(row.model, {})) for row in table.rows]})


def panel_of(drawn, table):
    figure = ranked.draw(table, drawn.caption, drawn.thin)
    return figure, figure.axes[0]


def points(panel):
    """(x, y, marker, filled) of the models' points."""
    found = [line for line in panel.lines if line.get_marker() in {look[1] for look in style.KINDS.values()}]
    return [(line.get_xdata()[0], line.get_ydata()[0], line.get_markerfacecolor() != "#ffffff") for line in found]


def many(drawn, count):
    row = drawn.study.table.rows[0]
    rows = [row.model_copy(update={"model": f"model number {n} of many"}) for n in range(count)]
    return drawn.study.table.model_copy(update={"rows": rows})


class TestRows:
    def test_the_lowest_error_is_first(self, drawn):
        _, panel = panel_of(drawn, drawn.study.table)
        names = [text.get_text() for text in panel.get_yticklabels()]
        assert names == ["gru", "cfc", "ltc (1 lost)"]
        errors = {row.model: row.metrics["test_mse"].geometric_mean for row in drawn.study.table.rows}
        assert [x for x, _, _ in points(panel)] == [errors[name.split()[0]] for name in names]
        assert [y for _, y, _ in points(panel)] == [0, 1, 2]

    def test_lines_are_the_intervals(self, drawn):
        _, panel = panel_of(drawn, drawn.study.table)
        ends = [tuple(line.get_xdata()) for line in panel.lines if list(line.get_ydata()) == [1, 1]]
        (row,) = [row for row in drawn.study.table.rows if row.model == "cfc"]
        assert ends == [row.metrics["test_mse"].geometric_ci95]

    def test_what_had_not_converged_is_open_and_the_legend_says_so(self, drawn):
        converged = {"n_converged": 4, "last_gain": 0.0}
        table = changed(drawn, gru={"n_converged": 1, "last_gain": 0.1}, cfc=converged, ltc=converged)
        figure, panel = panel_of(drawn, table)
        assert [filled for _, _, filled in points(panel)] == [False, True, True]
        assert "open: not converged" in [text.get_text() for text in figure.legends[0].get_texts()]
        assert "Had not converged: gru." in ranked.alt_text(table, drawn.caption)

    def test_a_model_without_an_error_is_last_and_says_so(self, drawn):
        table = changed(drawn, gru={"metrics": {"test_mse": Estimate()}, "n_diverged": 4, "n_ok": 0})
        _, panel = panel_of(drawn, table)
        assert [text.get_text() for text in panel.get_yticklabels()][-1] == "gru (4 lost)"
        assert "no result" in [text.get_text() for text in panel.texts]
        assert "No result: gru." in ranked.alt_text(table, drawn.caption)

    def test_the_published_error_has_a_mark_unless_it_is_of_another_metric(self, drawn):
        number = Published(mean=0.002, source="paper")
        for published, marks in ((number, [0.002]), (number.model_copy(update={"metric": "f1"}), [])):
            _, panel = panel_of(drawn, changed(drawn, gru={"published": published}))
            assert [line.get_xdata()[0] for line in panel.lines if line.get_marker() == "*"] == marks


class TestBaselines:
    def test_they_are_named_lines_over_all_rows(self, drawn):
        _, panel = panel_of(drawn, drawn.study.table)
        lines = [line for line in panel.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]
        assert {line.get_xdata()[0] for line in lines} == {0.3**2}
        assert all(max(line.get_ydata()) > 2 and min(line.get_ydata()) < 0 for line in lines)
        assert {"filter", "persistence"} <= {text.get_text() for text in panel.texts}

    def test_one_far_off_is_named_in_the_title(self, drawn):
        far = [row.model_copy(update={"metrics": {"test_mse": 1e9}}) for row in drawn.study.table.baselines[:1]]
        table = drawn.study.table.model_copy(update={"baselines": far})
        figure, panel = panel_of(drawn, table)
        assert panel.get_xlim()[1] < 1 and f"beyond the axis: {far[0].name} 1e+09" in " ".join(
            figure.get_suptitle().split("\n")
        )


class TestLayout:
    @pytest.mark.parametrize("count", [1, 60])
    def test_nothing_overlaps_or_leaves_the_picture(self, drawn, count):
        with style.fixed_style():
            figure, panel = panel_of(drawn, many(drawn, count))
            style.lay_out(figure)
            figure.draw_without_rendering()
            names = [text.get_window_extent() for text in panel.get_yticklabels()]
            baselines = [text.get_window_extent() for text in panel.texts]
            others = [panel.xaxis.label.get_window_extent(), figure.legends[0].get_window_extent()]
        width, height = figure.get_size_inches() * figure.dpi
        for box in (*names, *baselines, *others):
            assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height
        for boxes in (names, baselines):
            assert not any(one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n])

    def test_letters_are_large_enough_on_a_telephone(self, drawn):
        with style.fixed_style():
            figure, panel = panel_of(drawn, many(drawn, 60))
            scale = 350 / (72 * figure.get_figwidth())  # pixels of a point, where the picture is 350 pixels wide
            texts = [*panel.get_yticklabels(), *panel.get_xticklabels(), *panel.texts, *figure.legends[0].get_texts()]
        assert min(text.get_fontsize() for text in texts) * scale >= 9


def test_it_is_the_first_picture_and_names_are_text(drawn):
    first = next(pictures(drawn))
    assert (first.kind, first.name) == ("ranked", "ranked")
    table = changed(drawn, gru={"model": "_$x_1$"})
    with style.fixed_style():
        _, panel = panel_of(drawn, table)
        assert panel.get_yticklabels()[0].get_text() == "_$x_1$" and not panel.get_yticklabels()[0].get_parse_math()
        entries = legends.entries(table, {**drawn.looks, "_$x_1$": drawn.looks["gru"]}, drawn.thin)
    assert sum(entry.get_label().strip() == "_$x_1$" for entry in entries) == 1
    assert not any(entry.get_label().startswith("_") for entry in entries)
