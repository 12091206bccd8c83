"""Reading a CSV file, and continuing its times."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kerasrnn.forecasting.data import (
    DataError,
    Reading,
    air_passengers,
    future_index,
    read_csv,
    season_length,
)
from tests.tables import write

TEN_COLUMNS = "abcdefghij"

HOLES = "ds,y\n1,\n2,2\n3,\n4,8\n5,\n"
FILLED = {"linear": [2, 5, 8, 8], "previous": [2, 2, 8, 8], "drop": [2, 8]}


@pytest.mark.parametrize("fill", FILLED)
def test_fill_does_what_it_says(tmp_path: Path, fill: str) -> None:
    series = read_csv(write(tmp_path, HOLES), Reading(fill=fill))
    assert series.tolist() == FILLED[fill]
    assert series.index.tolist() == ([2, 4] if fill == "drop" else [2, 3, 4, 5])


def test_sort_orders_rows_by_time(tmp_path: Path) -> None:
    series = read_csv(
        write(tmp_path, "ds,y\n2000-03,3\n2000-01,1\n2000-02,2\n"), Reading(sort=True)
    )
    assert series.tolist() == [1, 2, 3]
    assert series.index.freqstr == "MS"


@pytest.mark.parametrize(("keep", "value"), [("first", 2), ("last", 6), ("mean", 4)])
def test_duplicates_keeps_what_it_says(tmp_path: Path, keep: str, value: float) -> None:
    series = read_csv(write(tmp_path, "ds,y\n1,2\n1,4\n1,6\n2,9\n"), Reading(duplicates=keep))
    assert series.to_dict() == {1: value, 2: 9}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_encoding_reads_other_text(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "ds,größe\n1,2\n2,4\n".encode(encoding))
    with pytest.raises(DataError):
        read_csv(path)
    series = read_csv(path, Reading(encoding=encoding))
    assert (series.name, series.tolist()) == ("größe", [2, 4])


def test_target_and_time_choose_among_ten_columns(tmp_path: Path) -> None:
    path = write(tmp_path, ",".join(TEN_COLUMNS) + "\n1,2,3,4,5,6,7,8,9,0\n2,3,4,5,6,7,8,9,0,1\n")
    series = read_csv(path, Reading(target="c"))
    assert (series.name, series.to_dict()) == ("c", {0: 3, 1: 4})
    series = read_csv(path, Reading(target="c", time="e"))
    assert (series.index.name, series.to_dict()) == ("e", {5: 3, 6: 4})


def test_first_of_many_columns_is_the_time_where_it_holds_dates(tmp_path: Path) -> None:
    series = read_csv(
        write(tmp_path, "d,a,b\n2000-01,1,5\n2000-02,2,6\n2000-03,4,7\n"), Reading(target="b")
    )
    assert series.index[0] == pd.Timestamp("2000-01-01")


PLAIN = "ds,y\n2000-01,1\n2000-02,-2.5\n2000-03,4e2\n"
SAME = {
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "bars": PLAIN.replace(",", "|"),
    "byte order mark": "\ufeff" + PLAIN,
    "Windows line ends": PLAIN.replace("\n", "\r\n"),
    "no last line end": PLAIN.rstrip(),
    "blank lines": PLAIN.replace("\n", "\n\n") + "\n \n",
    "blanks": PLAIN.replace(",", " , "),
    "quotes": PLAIN.replace("ds,y", '"ds","y"').replace("-2.5", '"-2.5"'),
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_spellings_of_one_table_read_alike(tmp_path: Path, content: str) -> None:
    series = read_csv(write(tmp_path, content))
    assert (series.name, series.index.name, series.tolist()) == ("y", "ds", [1, -2.5, 400])
    assert series.index.equals(pd.date_range("2000-01-01", periods=3, freq="MS"))


def test_rows_are_numbered_where_there_is_no_column_of_times(tmp_path: Path) -> None:
    series = read_csv(write(tmp_path, "y\n3\n1\n2\n\n"))
    assert series.to_dict() == {0: 3, 1: 1, 2: 2}
    assert future_index(series.index, 2).tolist() == [3, 4]
    assert season_length(series.index) == 1


@pytest.mark.parametrize(
    ("times", "following"),
    [([7, 8, 9], [10, 11]), ([1990, 2000, 2010], [2020, 2030]), ([-3, 0, 9, 12], [15, 18])],
)
def test_whole_numbers_as_times_go_on_in_their_median_step(
    tmp_path: Path, times: list[int], following: list[int]
) -> None:
    rows = "".join(f"{time},{i}\n" for i, time in enumerate(times))
    series = read_csv(write(tmp_path, "t,y\n" + rows))
    assert series.index.tolist() == times
    assert future_index(series.index, 2).tolist() == following


@pytest.mark.parametrize(
    ("cells", "first", "step"),
    [
        (["2020-01", "2020-02", "2020-03"], "2020-01-01", "MS"),
        (["202001", "202002", "202003"], "2020-01-01", "MS"),
        (["Jan 2020", "Feb 2020", "Mar 2020"], "2020-01-01", "MS"),
        (["2020-01-31", "2020-02-29", "2020-03-31"], "2020-01-31", "ME"),
        (["31/01/2020", "29/02/2020", "31/03/2020"], "2020-01-31", "ME"),
        (["20200101", "20200102", "20200103"], "2020-01-01", "D"),
        (["2020-01-01T00:00Z", "2020-01-01T01:00Z", "2020-01-01T02:00Z"], "2020-01-01T00Z", "h"),
        (["2020-Q1", "2020-Q2", "2020-Q3"], "2020-01-01", "QS"),
        (["2020Q3", "2020Q4", "2021Q1"], "2020-07-01", "QS"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_dates_of_many_spellings(tmp_path: Path, cells: list[str], first: str, step: str) -> None:
    series = read_csv(
        write(tmp_path, "ds,y\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))
    )
    assert series.index.equals(pd.date_range(first, periods=3, freq=step))


# Frequency, and the steps in the cycle that is usual there.
SEASONS = {"MS": 12, "ME": 12, "QS": 4, "QE": 4, "YS": 1, "W": 52, "W-WED": 52, "D": 7, "B": 5}
SEASONS |= {"h": 24, "2h": 12, "min": 60, "2MS": 6, "30D": 1}


@pytest.mark.parametrize("frequency", [*SEASONS, "15min"])
def test_frequency_is_inferred_and_continued(tmp_path: Path, frequency: str) -> None:
    times = pd.date_range("2020-01-01", periods=20, freq=frequency, name="ds")
    path = write(tmp_path, pd.DataFrame({"y": range(18)}, times[:18]).to_csv())
    series = read_csv(path)
    assert series.index.equals(times[:18])
    assert future_index(series.index, 2).equals(times[18:])
    if frequency in SEASONS:
        assert season_length(series.index) == SEASONS[frequency]


def test_uneven_dates_go_on_in_their_median_step(tmp_path: Path) -> None:
    series = read_csv(
        write(tmp_path, "ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-07,3\n2020-01-08,4\n")
    )
    assert series.index.freq is None
    assert season_length(series.index) == 1
    assert future_index(series.index, 2).tolist() == list(
        pd.to_datetime(["2020-01-09", "2020-01-10"])
    )


def test_built_in_table_is_box_and_jenkins_series_g() -> None:
    series = air_passengers()
    assert series.index.equals(pd.date_range("1949-01-01", "1960-12-01", freq="MS"))
    assert (series.iloc[0], series.iloc[-1], series.max()) == (112, 432, 622)
    assert series.dtype == np.float64


@given(
    values=st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=30),
    separator=st.sampled_from(",;\t"),
    dated=st.booleans(),
)
def test_written_by_pandas_is_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], separator: str, dated: bool
) -> None:
    assume(len(set(values)) > 1)
    times = pd.date_range("2001-02-03 04:05", periods=len(values), freq="h", name="ds")
    frame = pd.DataFrame({"y": values}, times if dated else None)
    path = tmp_path_factory.mktemp("round") / "table.csv"
    frame.to_csv(path, sep=separator, index=dated)
    series = read_csv(path)
    assert series.to_numpy().tobytes() == np.array(values).tobytes()
    assert series.index.equals(frame.index)


def test_empty_line_between_single_values_is_a_missing_value(tmp_path: Path) -> None:
    path = write(tmp_path, "y\n3\n\n1\n2\n")
    with pytest.raises(DataError, match=r"line 3, column 'y': missing value"):
        read_csv(path)
    assert read_csv(path, Reading(fill="linear")).tolist() == [3, 2, 1, 2]
