"""From raw figures to rows and tables: ratios, scaling, what is left out, and how it looks."""

import csv
import io
import json

import pytest
from bench_results import CEILINGS, FUSED, LOOP, LSTM, NCPS, OWN_LSTM, WORKLOAD, all_found, found, made_up

from lnncmp.bench.result import BenchRow
from lnncmp.bench.rows import Isolated, explain, output_warnings, rows_of
from lnncmp.errors import UsageError
from lnncmp.report.tables.bench import bench_grids, document_of_bench
from lnncmp.report.tables.render import FORMATS
from lnncmp.report.tables.render import render as rendered

KEYS = {"workload", "model", "wiring", "implementation", "threads", "ms", "spread", "ratio_ncps", "ratio_lstm",
        "saved_bytes", "peak_bytes", "cpu_ms", "inference_ms", "latency_us", "compile_seconds", "scaled",
        "roofline_ms", "roofline_fraction", "rounds", "measured_steps", "stacked_ms", "output_difference"}  # fmt: skip


def render(bench, format, width=100):
    return rendered(document_of_bench(bench), format, width)


@pytest.fixture(scope="module")
def rows():
    return {(row.model, row.implementation): row for row in made_up().rows}


class TestRows:
    def test_times_are_medians_with_quartiles(self, rows):
        fused = rows["ltc", "fused"]
        assert fused.ms == pytest.approx(10.0) and fused.spread == pytest.approx((9.5, 11.5)) and fused.rounds == 3
        assert fused.cpu_ms == pytest.approx(5.0)
        assert fused.inference_ms == pytest.approx(4.0) and fused.latency_us == pytest.approx(20.0)
        assert fused.latency_spread == pytest.approx((19.0, 23.0))
        assert fused.stepper_us == pytest.approx(10.0) and rows["ltc", "loop"].stepper_us is None
        assert (fused.peak_bytes, fused.compile_seconds, fused.scaled) == (2_000_000, 12.5, False)

    def test_what_was_measured_at_fewer_steps_is_scaled(self, rows):
        loop, ncps = rows["ltc", "loop"], rows["ltc", "ncps"]
        assert loop.scaled and loop.measured_steps == 16 and loop.ms == pytest.approx(400.0)
        assert loop.spread == pytest.approx((380.0, 460.0)) and loop.cpu_ms == pytest.approx(200.0)
        assert loop.inference_ms == pytest.approx(160.0)
        assert ncps.ms == pytest.approx(200.0) and ncps.saved_bytes == 8_000_000 and ncps.peak_bytes == 240_000_000
        assert ncps.latency_us == pytest.approx(600.0) and ncps.optimizer_ms == pytest.approx(0.3)

    def test_ratios_above_one_mean_faster_than_the_peer(self, rows):
        fused, ncps, lstm = rows["ltc", "fused"], rows["ltc", "ncps"], rows["lstm", "torch"]
        assert fused.ratio_ncps == pytest.approx(20.0) and fused.ratio_lstm == pytest.approx(0.2)
        assert fused.inference_ratio_ncps == pytest.approx(10.0) and fused.latency_ratio_ncps == pytest.approx(30.0)
        assert fused.stepper_ratio_ncps == pytest.approx(60.0) and fused.stepper_ratio_lstm == pytest.approx(20.0)
        assert ncps.ratio_ncps == 1.0 and ncps.ratio_lstm == pytest.approx(0.01)
        assert lstm.ratio_lstm == 1.0 and lstm.ratio_ncps is None
        assert fused.ratio_peer == fused.ratio_ncps and fused.stepper_ratio_peer == fused.stepper_ratio_ncps
        assert (fused.peer, lstm.peer, lstm.ratio_peer) == ("ncps", "torch", 1.0)
        assert rows["lstm", "loop"].ratio_lstm == pytest.approx(0.25) and rows["lstm", "loop"].ratio_ncps is None

    def test_stacked_steps_stand_against_as_many_of_the_peer(self, rows):
        fused = rows["ltc", "fused"]
        assert (fused.stacked_copies, fused.stacked_ms) == (10, pytest.approx(50.0))
        assert fused.stacked_ratio_ncps == pytest.approx(10 * 200 / 50)
        assert fused.stacked_ratio_lstm == pytest.approx(10 * 2 / 50)
        assert rows["ltc", "loop"].stacked_copies is None

    def test_fraction_of_roofline(self, rows):
        synapses = 6 * 32 * 32 + 4 * 32
        limit = 1e3 * 8 * 64 * synapses * (1 / 5e9 + 1 / 4e9)
        for implementation in ("fused", "loop", "ncps"):
            row = rows["ltc", implementation]
            assert row.roofline_ms == pytest.approx(limit)
            assert row.roofline_fraction == pytest.approx(limit / row.ms)
            assert (row.roofline_bound, row.exponentials) == ("exponentials", 2 * 8 * 64 * synapses)

    def test_without_the_peer_there_is_no_ratio(self):
        (row,) = rows_of(WORKLOAD, [found(FUSED, train=10.0)], Isolated(), CEILINGS, 1, 10)
        assert row.ms and row.ratio_ncps is None and row.ratio_lstm is None

    def test_what_was_not_measured_is_none(self):
        (row,) = rows_of(WORKLOAD, [found(FUSED, latency=1.0)], Isolated(), None, 2, 10)
        assert row.latency_us == pytest.approx(1000.0) and row.threads == 2
        assert (row.ms, row.spread, row.cpu_ms, row.roofline_fraction, row.peak_bytes) == (None,) * 5


class TestFormats:
    def test_json_has_the_keys(self):
        document = json.loads(render(made_up(), "json"))
        assert set(document) == {"schema_version", "machine", "workloads", "rows", "notes", "warnings", "failed"}
        assert document["schema_version"] == 1 and len(document["rows"]) == 5
        assert all(set(row) >= KEYS for row in document["rows"])
        assert document["rows"][0]["spread"] == pytest.approx([9.5, 11.5])

    def test_numbers_that_are_not_finite_are_null(self):
        row = BenchRow(workload="W4", model="ltc", wiring="full", implementation="loop", threads=1, measured_steps=1)
        broken = row.model_copy(update={"output_difference": float("nan")})
        assert json.loads(render(made_up(rows=[broken]), "json"))["rows"][0]["output_difference"] is None

    def test_csv(self):
        lines = list(csv.DictReader(io.StringIO(render(made_up(), "csv"))))
        assert [line["implementation"] for line in lines] == ["fused", "loop", "ncps", "loop", "torch"]
        assert float(lines[0]["spread_low"]) == pytest.approx(9.5) and lines[3]["stacked_spread_high"] == ""
        assert set(lines[0]) >= KEYS - {"spread"} and lines[1]["scaled"] == "True"

    @pytest.mark.parametrize("format", ["table", "md", "latex"])
    def test_tables(self, format):
        text = render(made_up(), format, width=200)
        assert "W4: batch 8, 64 steps, 4 inputs, 32 hidden, 4 outputs, regular times, 1 thread" in text
        assert all(label in text for label in ("ltc fused", "ltc loop", "ltc ncps", "lstm loop", "lstm torch"))
        assert "Warning: W4: busy." in text and "A note." in text and "100 GFLOP/s" in text

    def test_scaled_numbers_are_marked(self):
        main, apart = bench_grids(made_up())
        step = main.columns[0]
        assert step.heading == "training\nstep" and step.cells == (
            "10.0 ms",
            "~400 ms",
            "~200 ms",
            "8.00 ms",
            "2.00 ms",
        )
        assert main.sections == (3, 2) and main.columns[2].cells == ("20.0", "~0.500", "~1.00", "0.250", "1.00")
        latency = next(column for column in main.columns if column.heading == "streaming\nlatency")
        assert not any("~" in cell for cell in latency.cells)
        assert apart.labels == ("ltc fused", "ltc ncps") and apart.columns[0].cells == ("12.5 s", "-")

    def test_columns_without_numbers_are_left_out(self):
        rows = rows_of(WORKLOAD, [found(FUSED, latency=1.0), found(LOOP, latency=2.0)], Isolated(), CEILINGS, 1, 10)
        (main,) = bench_grids(made_up(rows=rows))
        assert [column.heading for column in main.columns] == ["streaming\nlatency", "saved for\nbackward"]

    def test_no_line_is_longer_than_the_page(self):
        for width in (80, 100, 160):
            assert max(map(len, render(made_up(), "table", width).splitlines())) <= width

    def test_another_format_is_refused(self):
        with pytest.raises(UsageError, match="unknown format 'html'"):
            render(made_up(), "html")

    @pytest.mark.parametrize("format", FORMATS)
    def test_a_bench_without_rows_is_shown_in_every_format(self, format):
        text = render(made_up(rows=[]), format)
        assert ("A note." in text) == (format != "csv")


class TestNotes:
    def test_say_which_rows_are_scaled(self):
        (scaled, *_) = explain(made_up().rows, frozenset({"train"}))
        assert scaled.startswith("~ scaled") and "W4 ltc loop (16 steps), W4 ltc ncps (8 steps)." in scaled

    def test_belong_to_what_was_measured(self):
        rows = rows_of(WORKLOAD, [found(LSTM, latency=1.0)], Isolated(), CEILINGS, 1, 10)
        text = " ".join(explain(rows, frozenset({"latency"})))
        assert "Latency" in text
        assert not any(word in text for word in ("scaled", "compile", "Stacked", "Adam", "Peak", "roofline"))

    def test_different_outputs_are_a_warning(self):
        figures = all_found()
        assert output_warnings(rows_of(WORKLOAD, figures, Isolated(), CEILINGS, 1, 10)) == []
        figures[0].difference, figures[3].difference = 0.02, float("nan")
        told = output_warnings(rows_of(WORKLOAD, figures, Isolated(), CEILINGS, 1, 10))
        assert [warning.split(" differ")[0] for warning in told] == [
            "W4: outputs of ltc fused",
            "W4: outputs of lstm loop",
        ]
        assert {LOOP, NCPS, OWN_LSTM} <= {one.candidate for one in figures}
