"""Reading tables of one's own: real ones, with their traps."""

import numpy as np
import pytest
from own_tables import read, said, values

pytestmark = pytest.mark.data


@pytest.fixture
def uci(shared_data):
    if not (shared_data / "uci-ozone").is_dir():
        pytest.skip(f"the tables of UCI are not in {shared_data}")
    return shared_data


def test_gesture(uci):
    files = sorted((uci / "uci-gesture").glob("*_va3.csv"))
    table = read(*files, targets=("phase",))
    assert [len(series.times) for series in table.series] == [1743, 1260, 1830, 1069, 1420, 1107, 1444]
    assert [series.group for series in table.series] == [path.stem for path in files]
    assert sum(len(series.times) for series in table.series) == 9873 and table.time_kind == "row"
    assert table.columns[0].name == "Phase" and table.columns[0].classes == ("D", "H", "P", "R", "S")
    assert [column.name for column in table.columns[1:]] == [str(n) for n in range(1, 33)]
    assert all(column.missing == 0 for column in table.columns)
    assert said(table, "a1_va3.csv: lines end with CR alone")
    raw = read(*sorted((uci / "uci-gesture").glob("*_raw.csv")), targets=("phase",))
    assert raw.time == "timestamp" and len(raw.columns) == 19 and raw.columns[0].kind == "category"


def test_traffic(uci):
    warnings = []
    table = read(
        uci / "uci-traffic" / "Metro_Interstate_Traffic_Volume.csv", targets=("traffic_volume",), warnings=warnings
    )
    times = table.series[0].times
    assert table.time == "date_time" and table.time_kind == "seconds" and len(times) == 40575
    assert said(table, "7,629 rows left out") and said(table, "read as month/day/year") and len(warnings) == 1
    steps = np.diff(times) / 3600
    assert steps.max() == 7387 and (steps > 1).sum() == 2588 and steps.min() == 1
    by_name = {column.name: column for column in table.columns}
    assert by_name["holiday"].kind == "category" and len(by_name["holiday"].classes) == 11
    assert by_name["holiday"].missing > 0.99 and said(table, "'holiday' are read as missing: 48,143 that say None")
    assert min(values(table, "temp")) == 0 and max(values(table, "rain_1h")) == 9831.3
    assert "weather_description" not in by_name and said(table, "different texts: weather_description")


def test_ozone(uci):
    table = read(uci / "uci-ozone" / "eighthr.data", targets=("column_74",), categories=("column_74",))
    assert len(table.series[0].times) == 2534 and table.time == "column_1" and said(table, "has no header")
    assert len(table.columns) == 73 and table.columns[0].classes == ("0", "1")
    assert sum(values(table, "column_74")) == 160
    assert 0.05 < np.mean([column.missing for column in table.columns[1:]]) < 0.15
    days = np.diff(table.series[0].times) / 86400
    assert days.min() == 1 and (table.series[0].times / 86400 == np.round(table.series[0].times / 86400)).all()
