"""Reading tables of one's own: ways of writing times, rows out of order, repeated times."""

import numpy as np
import pytest
from own_tables import read, said, values, write

from lnncmp.errors import DataError


def table_of(tmp_path, times, **roles):
    rows = "".join(f"{time},{n * n}\n" for n, time in enumerate(times))
    return read(write(tmp_path, "when,x\n" + rows), **{"time": "when", **roles})


class TestWays:
    @pytest.mark.parametrize(
        ("times", "seconds"),
        [
            (["2012-10-02 09:00:00", "2012-10-02 10:00:00.5"], 3600.5),
            (["2012-10-02T09:00", "2012-10-02T09:01"], 60),
            (["2012-10-02T09:00:00Z", "2012-10-02T12:00:00+02:00"], 3600),
            (["2012-10-02 09:00:00 UTC", "2012-10-02 09:00:00-0130"], 5400),
            (["2012-10-02 09:00:00.000000001", "2012-10-02 09:00:00.000000003"], 2e-9),
            (["2012-02-28", "2012-03-01"], 2 * 86400),
            (["2012/02/28", "2012/3/1"], 2 * 86400),
            (["10/2/12 9:00", "10/2/12 10:00"], 3600),
            (["10/2/2012 11:59:59 AM", "10/2/2012 12:00:00 pm"], 1),
            (["31.12.1999 23:59", "01.01.2000 00:01"], 120),
            (["12/31/69", "1/1/70"], 86400),
            (["1349168400", "1349168460"], 60),
            (["1349168400123", "1349168400125"], 0.002),
            (["1349168400.25", "1349168400.75"], 0.5),
            (["20121002", "20121003"], 86400),
        ],
    )
    def test_dates_are_seconds_since_the_first_row(self, tmp_path, times, seconds):
        table = table_of(tmp_path, times)
        assert table.time_kind == "seconds"
        np.testing.assert_allclose(table.series[0].times, [0, seconds], rtol=1e-9)

    @pytest.mark.parametrize("times", [["0.1", "0.25"], ["100", "90000"], ["41184.375", "41185"], ["-5", "7"]])
    def test_plain_numbers_keep_their_unit(self, tmp_path, times):
        table = table_of(tmp_path, times)
        assert table.time_kind == "number" and table.series[0].times.tolist() == [float(time) for time in times]

    @pytest.mark.parametrize(
        ("times", "words", "days"),
        [
            (["1/2/2020", "1/13/2020"], "read as month/day/year", 11),
            (["1/2/2020", "13/2/2020"], "read as day/month/year", 12),
            (["2/1/2020", "3/1/2020", "1/2/2020"], "read as day/month/year", 30),
            (["1/2/2020", "1/3/2020"], "month/day/year; day/month/year would fit as well", 1),
            (["1.2.2020", "1.3.2020"], "read as day/month/year", 29),
            (["1-2-2020", "1-3-2020"], "month/day/year; day/month/year would fit as well", 1),
        ],
    )
    def test_the_order_of_day_and_month_is_decided_over_the_whole_column(self, tmp_path, times, words, days):
        warnings = []
        table = table_of(tmp_path, times, warnings=warnings)
        assert said(table, words) and table.series[0].times[-1] == days * 86400
        assert bool(warnings) == ("fit as well" in words)

    @pytest.mark.parametrize(
        ("times", "line", "words"),
        [
            (["2012-10-02", "2012-10-02 09:00"], 3, "mixes ways"),
            (["2012-10-02 09:00", "2012-10-02 09:00Z"], 3, "mixes ways"),
            (["1/13/2020", "2/3/2020", "13/1/2020"], 4, "mixes ways"),
            (["1", "2", "2012-10-02"], 4, "mixes ways"),
            (["2020-02-28", "2020-02-30"], 3, "mixes ways"),
            (["soon", "later"], 2, "should hold times"),
            (["2020-01-01", ""], 3, "has no time"),
            (["1", "NaN"], 3, "has no time"),
        ],
    )
    def test_other_cells_are_refused_with_their_line(self, tmp_path, times, line, words):
        with pytest.raises(DataError, match=f"line {line} of own.csv") as caught:
            table_of(tmp_path, times)
        assert words in caught.value.message
        assert len(times[line - 2]) < 4 or times[line - 2] not in caught.value.message

    def test_a_clock_alone_is_no_time(self, tmp_path):
        with pytest.raises(DataError, match="times of day without a date"):
            table_of(tmp_path, ["17:24:00", "17:25:00"])
        with pytest.raises(DataError, match="column 'day' holds dates and column 'clock' times of day"):
            read(write(tmp_path, "day,clock,x\n16/12/2006,17:24:00,4\n16/12/2006,17:25:00,?\n"))

    def test_a_feature_that_runs_like_a_clock_is_pointed_out(self, tmp_path):
        warnings = []
        rows = "".join(f"{n % 3},{5 + 0.02 * (n % 4):.2f},{n * n}\n" for n in range(8))
        read(write(tmp_path, "y,zeit,x\n" + rows), targets=("y",), warnings=warnings)
        assert not warnings  # it starts again, so it is no clock
        rows = "".join(f"{n % 3},{5 + 0.02 * n:.2f},{n * n}\n" for n in range(8))
        read(write(tmp_path, "y,zeit,x\n" + rows), targets=("y",), warnings=warnings)
        assert len(warnings) == 1 and "as a clock does: zeit; name it with --time" in warnings[0]

    def test_two_files_may_not_differ(self, tmp_path):
        write(tmp_path, "when,x\n2020-01-01,1\n2020-01-02,2\n", "f/a.csv")
        write(tmp_path, "when,x\n1/1/2020,3\n1/2/2020,4\n", "f/b.csv")
        with pytest.raises(DataError, match=r"mixes ways of writing times; line 2 of b.csv"):
            read(tmp_path / "f")


class TestOrder:
    def test_rows_out_of_order_are_sorted_and_repeats_left_out(self, tmp_path):
        warnings = []
        table = table_of(tmp_path, ["3", "1", "2", "2", "1", "9"], warnings=warnings)
        assert table.series[0].times.tolist() == [1, 2, 3, 9] and values(table, "x") == [1, 4, 0, 25]
        assert said(table, "go backwards at 2 rows") and said(table, "2 rows left out") and len(warnings) == 2

    def test_times_that_are_those_of_many_series_are_refused(self, tmp_path):
        text = "date,shop,x\n" + "".join(
            f"2020-01-0{day},s{shop},{day * shop}\n" for day in (1, 2, 3) for shop in (1, 2, 3)
        )
        with pytest.raises(DataError, match="6 of 9 rows have a time in column 'date' that their series") as caught:
            read(write(tmp_path, text))
        assert "--group" in caught.value.hint
        assert len(read(write(tmp_path, text), group="shop").series) == 3

    def test_each_series_has_its_own_times(self, tmp_path):
        text = "g,when,x\na,5,0\nb,1,1\na,6,2\nb,2,3\nb,2,4\na,4,5\n"
        table = read(write(tmp_path, text), time="when", group="g")
        assert [series.times.tolist() for series in table.series] == [[4, 5, 6], [1, 2]]
        assert values(table, "x") == [5, 0, 2, 1, 3]
        assert said(table, "backwards at 1 row:") and said(table, "1 row left out")

    def test_times_count_from_the_first_row_of_each_series(self, tmp_path):
        text = "g,when,x\na,2020-01-01,0\nb,2021-01-01,1\na,2020-01-03,2\nb,2021-01-02,3\n"
        table = read(write(tmp_path, text), group="g")
        assert [series.times.tolist() for series in table.series] == [[0, 172800], [0, 86400]]
