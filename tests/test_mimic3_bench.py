"""The bench of the extraction: made-up rows of the real shape, a measurement in an isolated process, no leftovers."""

import csv
import gzip
import json
from collections import namedtuple

import bench_work
import pytest
from cli_runs import refused, run_here

from lnncmp.common.process import WorkerCrashedError, in_fresh_process
from lnncmp.errors import DataError, UsageError
from lnncmp.sources.mimic3.extraction import bench
from lnncmp.sources.mimic3.extraction.bench import FULL_ROWS, BenchResult, render, run_bench
from lnncmp.sources.mimic3.extraction.bench_rows import MOST_ROWS, ROWS_PER_STAY, STAYS, make_rows
from lnncmp.sources.mimic3.extraction.items import CHART_ITEMS, itemids

BLOCK = STAYS * ROWS_PER_STAY
RESULT = BenchResult(
    rows=1_000_000,
    bytes=110_000_000,
    compressed=False,
    wall_seconds=0.5,
    cpu_seconds=0.75,
    rows_per_second=2e6,
    peak_rss_bytes=250_000_000,
    recordings=193,
    cells=168_859,
    full_file_seconds_estimate=165.4,
    polars="2.1.0",
    threads=2,
)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Ten whole stays."""
    return make_rows(tmp_path_factory.mktemp("rows"), 10 * ROWS_PER_STAY)


class TestRows:
    def test_have_the_shape_of_real_ones(self, made):
        rows = read(made["CHARTEVENTS"])
        assert len(rows) == 10 * ROWS_PER_STAY
        assert all(len(row) == 15 and None not in row.values() for row in rows)
        asked = {str(item) for item in itemids(CHART_ITEMS)}
        assert sum(row["ITEMID"] in asked for row in rows) / len(rows) == pytest.approx(0.156, abs=0.003)
        assert sum(not row["VALUENUM"] for row in rows) / len(rows) == pytest.approx(0.57, abs=0.03)
        assert made["CHARTEVENTS"].stat().st_size / len(rows) == pytest.approx(106, abs=8)
        assert {'1/8 "Inch', "Aloe Vesta Skin Foam, see note"} <= {row["VALUE"] for row in rows}

    def test_other_tables_know_the_same_stays(self, made):
        keys = ("SUBJECT_ID", "HADM_ID", "ICUSTAY_ID")
        stays = {tuple(row[key] for key in keys) for row in read(made["ICUSTAYS"])}
        assert len(stays) == 10
        for table in ("CHARTEVENTS", "OUTPUTEVENTS"):
            assert {tuple(row[key] for key in keys) for row in read(made[table])} == stays
        assert {row["SUBJECT_ID"] for row in read(made["PATIENTS"])} == {subject for subject, _, _ in stays}

    def test_a_repeated_block_holds_other_stays(self, tmp_path):
        made = make_rows(tmp_path, BLOCK + 7_000)
        rows = read(made["CHARTEVENTS"])
        assert len(rows) == BLOCK + 7_000 and len({row["ROW_ID"] for row in rows}) == len(rows)
        assert len({row["SUBJECT_ID"] for row in rows}) == len(read(made["ICUSTAYS"])) == STAYS + 2
        kept = {key: value for key, value in rows[5].items() if not key.endswith("_ID")}
        again = {key: value for key, value in rows[BLOCK + 5].items() if not key.endswith("_ID")}
        assert kept == again and rows[5]["SUBJECT_ID"] != rows[BLOCK + 5]["SUBJECT_ID"]

    @pytest.mark.parametrize("rows", [1, 51, 5_201])
    def test_are_as_many_as_wanted(self, tmp_path, rows):
        assert len(read(make_rows(tmp_path, rows)["CHARTEVENTS"])) == rows

    def test_follow_the_seed_and_may_be_packed(self, tmp_path):
        for name in "abc":
            (tmp_path / name).mkdir()
        first = make_rows(tmp_path / "a", 3_000)["CHARTEVENTS"].read_bytes()
        packed = make_rows(tmp_path / "b", 3_000, compress=True)["CHARTEVENTS"]
        assert packed.name == "CHARTEVENTS.csv.gz" and gzip.decompress(packed.read_bytes()) == first
        assert make_rows(tmp_path / "c", 3_000, seed=1)["CHARTEVENTS"].read_bytes() != first

    def test_progress_ends_at_the_number_of_rows(self, tmp_path):
        told = []
        make_rows(tmp_path, BLOCK + 1, progress=lambda *report: told.append(report))
        assert [done for _, done, _ in told] == [BLOCK, BLOCK + 1] and {total for *_, total in told} == {BLOCK + 1}

    @pytest.mark.parametrize("rows", [0, -5, MOST_ROWS + 1])
    def test_a_number_out_of_range_is_refused(self, tmp_path, rows):
        with pytest.raises(UsageError, match="has to lie in 1"):
            make_rows(tmp_path, rows)
        assert not list(tmp_path.iterdir())


class TestBench:
    def test_counts_every_cell_and_leaves_nothing_behind(self, tmp_path, made):
        told = []
        folder, cache = tmp_path / "tables", tmp_path / "cache"
        result = run_bench(10 * ROWS_PER_STAY, folder, cache, progress=lambda *report: told.append(report))
        asked = {str(item) for item in itemids(CHART_ITEMS)}
        rows = [row for row in read(made["CHARTEVENTS"]) if row["ITEMID"] in asked]
        cells = {(row["SUBJECT_ID"], row["CHARTTIME"], row["ITEMID"]) for row in rows}
        assert result.recordings == 10 and result.cells == len(cells) + len(read(made["OUTPUTEVENTS"]))
        assert not list(folder.iterdir()) and not list(cache.iterdir())
        assert len({description for description, _, _ in told}) > 1

    def test_result_is_plausible(self, tmp_path):
        result = run_bench(50_000, tmp_path / "t", tmp_path / "c", compress=True)
        assert result.rows == 50_000 and result.compressed and 100_000 < result.bytes < 3_000_000
        assert result.recordings == 10 and 7_000 < result.cells < 10_000
        assert result.wall_seconds > 0 and result.cpu_seconds > 0 and result.threads >= 1
        assert 30e6 < result.peak_rss_bytes < 4e9
        assert result.rows_per_second == pytest.approx(50_000 / result.wall_seconds)
        assert result.full_file_seconds_estimate == pytest.approx(FULL_ROWS / 50_000 * result.wall_seconds)

    def test_a_full_disk_is_noticed_before(self, tmp_path, monkeypatch):
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(bench.shutil, "disk_usage", lambda place: usage(100, 90, 10))
        with pytest.raises(DataError, match=r"1,000 rows need about 0\.0 GB below .* has 0\.0 GB left") as caught:
            run_bench(1_000, tmp_path / "t", tmp_path / "c")
        assert "--rows" in caught.value.hint
        assert not list((tmp_path / "t").iterdir()) and not list((tmp_path / "c").iterdir())

    def test_an_error_of_the_extraction_comes_back_as_it_is(self, tmp_path):
        with pytest.raises(DataError, match="CHARTEVENTS"):
            in_fresh_process(bench._measured, tmp_path, tmp_path / "c", tell=lambda *report: None, hint="")

    def test_a_process_that_dies_is_reported(self, tmp_path, monkeypatch):
        monkeypatch.setattr(bench, "_measured", bench_work.die)
        with pytest.raises(WorkerCrashedError, match=r"ended without a result \(exit code 7\)") as caught:
            run_bench(1_000, tmp_path / "t", tmp_path / "c")
        assert "--rows" in caught.value.hint and not list((tmp_path / "t").iterdir())

    def test_leftovers_are_removed_after_an_error(self, tmp_path, monkeypatch):
        monkeypatch.setattr(bench, "make_rows", lambda folder, *rest: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_bench(1_000, tmp_path / "t", tmp_path / "c")
        assert not list((tmp_path / "t").iterdir()) and not list((tmp_path / "c").iterdir())


class TestRender:
    def test_table(self):
        assert render(RESULT).splitlines() == [
            "rows            1,000,000",
            "size (csv)      110.0 MB",
            "wall time       0.50 s",
            "CPU time        0.75 s",
            "speed           2,000,000 rows/s",
            "peak memory     250 MB",
            "recordings      193",
            "cells           168,859",
            "full MIMIC-III  about 2.8 min for 330,712,483 rows",
            "polars          2.1.0, 2 threads",
        ]

    def test_json_holds_every_field(self):
        assert BenchResult(**json.loads(render(RESULT, "json"))) == RESULT

    def test_another_format_is_refused(self, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "data", "bench", "mimic3", "--format", "jsn")
        refused(answer, 2, "unknown format 'jsn'", "'json'")
