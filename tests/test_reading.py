"""Reading one or many series from files and data frames."""

import gzip
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kerasrnn.forecasting.data.ahead import future_values
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.data.reading import Reading, air_passengers, read
from kerasrnn.forecasting.errors import DataError
from tests.tables import write

TEN_COLUMNS = "abcdefghij"


def only(data: Any, **options: Any) -> pd.Series:
    """Read what holds one series."""
    panel = read(data, **options)
    assert (panel.num_series, panel.form) == (1, "series")
    return panel.series(0)


def long_frame(lengths: dict[str, int], freq: str = "D", **columns: Any) -> pd.DataFrame:
    """Return series of these lengths, each from a later start on, of running numbers."""
    parts = []
    for i, (name, rows) in enumerate(lengths.items()):
        times = pd.date_range("2020-01-01", periods=rows + i, freq=freq)[i:]
        parts.append(pd.DataFrame({"unique_id": name, "ds": times}))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(y=np.arange(float(len(frame))), **columns)


HOLES = "ds,y\n1,\n2,2\n3,\n4,8\n5,\n"
FILLED = {"linear": [2, 5, 8], "previous": [2, 2, 8], "zero": [2, 0, 8], "drop": [2, 8]}


@pytest.mark.parametrize("fill", FILLED)
def test_fill_does_what_it_says_about_missing_values(tmp_path: Path, fill: str) -> None:
    series = only(write(tmp_path, HOLES), fill=fill)
    assert series.tolist() == FILLED[fill]
    assert series.index.tolist() == ([2, 4] if fill == "drop" else [2, 3, 4])


@pytest.mark.parametrize("fill", ["linear", "previous", "zero"])
def test_missing_rows_are_filled_as_missing_values_are(tmp_path: Path, fill: str) -> None:
    """The same numbers come out whether a row is there without a value, or is not there."""
    rng = np.random.default_rng(1)
    frame = long_frame({"a": 50, "b": 80, "c": 3}, x=rng.normal(size=133))
    inner = frame.groupby("unique_id").cumcount().between(1, 47) & (frame["unique_id"] != "c")
    holes = inner & (rng.random(len(frame)) < 0.4)
    options = {"fill": fill, "future": "x"}
    emptied = read(frame.assign(y=frame.y.mask(holes), x=frame.x.mask(holes)), **options)
    without = read(frame[~holes], **options)
    assert emptied.to_frame().equals(without.to_frame())
    for panel in (emptied, without):
        assert panel.observed.tolist() == (~holes).tolist()
        assert panel.num_filled == holes.sum()
    expected = frame.y.mask(holes)
    expected = {"linear": expected.interpolate, "previous": expected.ffill}.get(
        fill, lambda: expected.fillna(0)
    )()
    np.testing.assert_allclose(emptied.values, expected, rtol=1e-12)
    assert emptied.times.tolist() == frame["ds"].tolist()


def test_seasonal_fill_takes_the_value_one_season_earlier() -> None:
    times = pd.date_range("2020-01-01", periods=28, freq="D")
    values = np.arange(28.0)
    values[[9, 16, 20]] = np.nan  # the same weekday twice running
    series = only(pd.Series(values, times), fill="seasonal")
    assert series.iloc[[9, 16, 20]].tolist() == [2, 2, 13]
    values[2] = np.nan  # and no earlier one: the next that has a value
    assert only(pd.Series(values, times), fill="seasonal").iloc[[2, 9, 16]].tolist() == [23] * 3
    values[23] = np.nan
    with pytest.raises(DataError, match=r"2020-01-03.*none in any other season of 7 steps"):
        read(pd.Series(values, times), fill="seasonal")


def test_seasonal_fill_needs_a_season() -> None:
    series = pd.Series([1, 2, 3, 4, np.nan, 6])
    with pytest.raises(
        DataError, match=r"seasonal needs a season.*Got a frequency of 1; name another"
    ):
        read(series, fill="seasonal")
    with pytest.raises(DataError, match=r"of 2 steps or more\. Got season 1; name another"):
        read(series, fill="seasonal", season=1)
    panel = read(series, fill="seasonal", season=3)
    assert panel.values[4] == 2
    assert panel.season == 3
    with pytest.raises(DataError, match=r"season must be at least 1\. Got 0"):
        read(series, season=0)


def test_series_are_filled_from_their_own_values_only() -> None:
    frame = long_frame({"a": 4, "b": 4}).assign(y=[1, 2, np.nan, np.nan, np.nan, 6, np.nan, 8])
    panel = read(frame, fill="linear")
    assert panel.values.tolist() == [1, 2, 6, 7, 8]
    assert panel.lengths.tolist() == [2, 3]


def test_series_end_at_their_last_given_target() -> None:
    frame = long_frame({"a": 5, "b": 5}).assign(y=[1, np.nan, 3, np.nan, np.nan, 1, 2, 3, 4, 5])
    frame["x"] = [1, 2, np.nan, 4, 5] * 2
    for fill in ("linear", "previous", "zero"):
        panel = read(frame, fill=fill, past="x")
        assert panel.lengths.tolist() == [3, 5]
        assert panel.observed.tolist() == [True, False, *[True] * 6]
    wide = pd.DataFrame({"a": [1, 2, np.nan], "b": [1, np.nan, 3]}, frame["ds"][:3])
    assert read(wide, fill="linear").values.tolist() == [1, 2, 1, 2, 3]


def test_drop_takes_what_remains_as_equal_steps() -> None:
    values = [1, 2, np.nan, 4, 5, 6]
    panel = read(pd.Series(values, pd.date_range("2020-01-01", periods=6)), fill="drop")
    assert panel.values.tolist() == [1, 2, 4, 5, 6]
    assert panel.frequency is None
    assert panel.positions().tolist() == [0, 1, 2, 3, 4]


def test_business_days_with_holidays_are_dropped_or_filled() -> None:
    days = pd.bdate_range("2024-12-02", "2025-01-31").drop(["2024-12-25", "2025-01-01"])
    series = pd.Series(np.arange(len(days)) % 7, days)
    with pytest.raises(DataError, match=r"2 rows are missing.*frequency B.*2024-12-24.*fill drop"):
        read(series)
    assert len(read(series, fill="drop").values) == len(days)
    filled = read(series, fill="previous")
    assert filled.series(0).index.equals(pd.bdate_range("2024-12-02", "2025-01-31"))


def test_infinite_values_count_as_missing_under_a_fill() -> None:
    assert only(pd.Series([1, np.inf, 3]), fill="linear").tolist() == [1, 2, 3]


def test_covariates_are_filled_and_begin_with_their_series() -> None:
    frame = long_frame({"a": 5}).assign(y=[1, 2, 3, 4, 5], x=[np.nan, 20, np.nan, 40, np.nan])
    panel = read(frame, past="x", fill="linear")
    assert panel.past[:, 0].tolist() == [20, 30, 40, 40]
    assert panel.values.tolist() == [2, 3, 4, 5]
    assert read(frame, past="x", fill="zero").past[:, 0].tolist() == [0, 20, 0, 40, 0]


def test_sort_orders_rows_by_time(tmp_path: Path) -> None:
    series = only(write(tmp_path, "ds,y\n2000-03,3\n2000-01,1\n2000-02,2\n"), sort=True)
    assert series.tolist() == [1, 2, 3]
    assert series.index.freqstr == "MS"


def test_series_may_be_interleaved_and_their_rows_shuffled() -> None:
    frame = long_frame({"a": 20, "b": 30, "c": 5}, x=np.arange(55) ** 2.0)
    whole = read(frame, past="x")
    interleaved = read(frame.sort_values("ds", kind="stable"), past="x")
    shuffled = read(frame.sample(frac=1, random_state=0), past="x", sort=True).select(whole.ids)
    for panel in (interleaved, shuffled):
        pd.testing.assert_frame_equal(panel.to_frame(), whole.to_frame())


@pytest.mark.parametrize(("keep", "value"), [("first", 2), ("last", 6), ("mean", 4)])
def test_duplicates_keeps_what_it_says(tmp_path: Path, keep: str, value: float) -> None:
    series = only(write(tmp_path, "ds,y\n1,2\n1,4\n1,6\n2,9\n"), duplicates=keep)
    assert series.to_dict() == {1: value, 2: 9}


def test_mean_of_duplicates_is_that_of_each_series_and_column() -> None:
    rng = np.random.default_rng(2)
    frame = long_frame({"a": 40, "b": 40}, x=rng.normal(size=80))
    frame = pd.concat([frame, frame.sample(30, random_state=3).assign(y=1.0, x=2.0)])
    panel = read(frame, past="x", sort=True, duplicates="mean")
    expected = frame.groupby(["unique_id", "ds"])[["y", "x"]].mean()
    np.testing.assert_allclose(np.column_stack([panel.values, panel.past]), expected)


def test_a_mean_of_duplicates_is_observed_where_one_of_them_was() -> None:
    frame = pd.DataFrame({"ds": [1, 1, 2, 2, 3], "y": [1, None, None, None, 5]})
    panel = read(frame, duplicates="mean", fill="linear")
    assert panel.values.tolist() == [1, 3, 5]
    assert panel.observed.tolist() == [True, False, True]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_encoding_reads_other_text(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "ds,größe\n1,2\n2,4\n".encode(encoding))
    with pytest.raises(DataError):
        read(path)
    series = only(path, encoding=encoding)
    assert (series.name, series.tolist()) == ("größe", [2, 4])


def test_target_and_time_choose_among_ten_columns(tmp_path: Path) -> None:
    path = write(tmp_path, ",".join(TEN_COLUMNS) + "\n1,2,3,4,5,6,7,8,9,0\n2,3,4,5,6,7,8,9,0,1\n")
    series = only(path, target="c")
    assert (series.name, series.to_dict()) == ("c", {0: 3, 1: 4})
    series = only(path, target="c", time="e")
    assert (series.index.name, series.to_dict()) == ("e", {5: 3, 6: 4})


def test_first_of_many_columns_is_the_time_where_it_holds_dates(tmp_path: Path) -> None:
    table = "d,a,b\n2000-01,1,5\n2000-02,2,6\n2000-03,4,7\n"
    assert only(write(tmp_path, table), target="b").index[0] == pd.Timestamp("2000-01-01")


PLAIN = "ds,y\n2000-01,1\n2000-02,-2.5\n2000-03,4e2\n"
SAME = {
    "plain": PLAIN,
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "bars": PLAIN.replace(",", "|"),
    "byte order mark": "\ufeff" + PLAIN,
    "Windows line ends": PLAIN.replace("\n", "\r\n"),
    "old Macintosh line ends": PLAIN.replace("\n", "\r"),
    "no last line end": PLAIN.rstrip(),
    "blank lines": PLAIN.replace("\n", "\n\n") + "\n \n",
    "lines of separators": PLAIN.replace("\n", "\n,\n"),
    "blanks": PLAIN.replace(",", " , "),
    "quotes": PLAIN.replace("ds,y", '"ds","y"').replace("-2.5", '"-2.5"'),
    "zipped": gzip.compress(PLAIN.encode()),
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_spellings_of_one_table_read_alike(tmp_path: Path, content: str | bytes) -> None:
    series = only(write(tmp_path, content))
    assert (series.name, series.index.name, series.tolist()) == ("y", "ds", [1, -2.5, 400])
    assert series.index.equals(pd.date_range("2000-01-01", periods=3, freq="MS"))


def test_empty_line_between_single_values_is_a_missing_value(tmp_path: Path) -> None:
    path = write(tmp_path, "y\n3\n\n1\n2\n")
    with pytest.raises(DataError, match=r"line 3, column 'y': missing value"):
        read(path)
    assert only(path, fill="linear").tolist() == [3, 2, 1, 2]


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
        (["Nov-09", "Dec-09", "Jan-10"], "2009-11-01", "MS"),
        (["JAN2010", "FEB2010", "MAR2010"], "2010-01-01", "MS"),
        (["dec 1999", "jan 2000", "feb 2000"], "1999-12-01", "MS"),
        (["December 1999", "January 2000", "February 2000"], "1999-12-01", "MS"),
        (["10-Jan", "10-Feb", "10-Mar"], "2010-01-01", "MS"),
        (["2010 Jan", "2010 Feb", "2010 Mar"], "2010-01-01", "MS"),
        (["Jan'98", "Jul'98", "Jan'99"], "1998-01-01", "6MS"),
        (["2020-W52", "2020-W53", "2021-W01"], "2020-12-21", "W-MON"),
        (["2020W05-3", "2020W06-3", "2020W07-3"], "2020-01-29", "W-WED"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_dates_of_many_spellings(tmp_path: Path, cells: list[str], first: str, step: str) -> None:
    rows = "".join(f"{cell},{i}\n" for i, cell in enumerate(cells))
    expected = pd.date_range(first, periods=3, freq=step)
    assert only(write(tmp_path, "ds,y\n" + rows)).index.equals(expected)
    assert only(pd.DataFrame({"ds": cells, "y": range(3)})).index.equals(expected)
    if cells[0].isdigit():
        assert only(pd.DataFrame({"ds": map(int, cells), "y": range(3)})).index.equals(expected)


@pytest.mark.parametrize("order", ["day-first", "month-first"])
def test_dates_that_can_be_read_in_two_ways(tmp_path: Path, order: str) -> None:
    path = write(tmp_path, "ds,y\n01/02/2020,1\n01/03/2020,2\n01/04/2020,3\n")
    with pytest.raises(DataError, match=r"'01/02/2020' can be read in two ways; use dates"):
        read(path)
    assert only(path, dates=order).index.freqstr == {"day-first": "MS", "month-first": "D"}[order]


def test_built_in_table_is_box_and_jenkins_series_g() -> None:
    series = air_passengers()
    assert series.index.equals(pd.date_range("1949-01-01", "1960-12-01", freq="MS"))
    assert (series.iloc[0], series.iloc[-1], series.max()) == (112, 432, 622)
    assert series.dtype == np.float64
    assert read(series).series(0).equals(series)


@given(
    values=st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=30),
    separator=st.sampled_from(",;\t"),
    dated=st.booleans(),
    quoted=st.booleans(),
)
def test_written_by_pandas_is_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[float],
    separator: str,
    dated: bool,
    quoted: bool,
) -> None:
    assume(len(set(values)) > 1)
    times = pd.date_range("2001-02-03 04:05", periods=len(values), freq="h", name="ds")
    frame = pd.DataFrame({"y": values}, times if dated else None)
    path = tmp_path_factory.mktemp("round") / "table.csv"
    frame.to_csv(path, sep=separator, index=dated, quoting=int(quoted))
    series = only(path, decimal=".")
    assert series.to_numpy().tobytes() == np.array(values).tobytes()
    assert series.index.equals(frame.index)


def same(panel: Panel, other: Panel) -> None:
    """Hold that two panels are of the same rows."""
    assert panel.ids == other.ids
    assert panel.columns == other.columns
    assert panel.frequency == other.frequency
    pd.testing.assert_frame_equal(panel.to_frame(), other.to_frame())
    pd.testing.assert_frame_equal(panel.static, other.static)


@given(
    lengths=st.lists(st.integers(2, 20), min_size=1, max_size=6),
    freq=st.sampled_from(["h", "D", "B", "W-WED", "MS", "ME", "QS-FEB", "YE", "15min", "3D"]),
    seed=st.integers(0, 2**16),
)
def test_long_form_comes_back_from_its_frame(lengths: list[int], freq: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    named = {f"s{i}": rows + 8 for i, rows in enumerate(lengths)}
    frame = long_frame(named, freq)
    for name in ("temperature", "promotion"):
        frame[name] = rng.normal(size=len(frame))
    frame["kind"] = frame["unique_id"].str.upper()
    frame["size"] = frame["unique_id"].str[1:].astype(float)
    options = {"past": "temperature", "future": ["promotion"], "static": ("kind", "size")}
    panel = read(frame, **options)
    assert panel.form == "long"
    assert panel.lengths.tolist() == list(named.values())
    pd.testing.assert_frame_equal(panel.to_frame(), frame, check_dtype=False)
    same(read(panel.to_frame(), **options), panel)


def test_columns_of_a_long_table_may_have_any_names(tmp_path: Path) -> None:
    frame = long_frame({"north": 5, "south": 6})
    other = frame.rename(columns={"unique_id": "store", "ds": "day", "y": "sales"})
    path = tmp_path / "stores.csv"
    other.assign(note="x").to_csv(path, index=False)
    panel = read(path, unique_id="store", time="day", target="sales")
    assert panel.columns.unique_id == "store"
    assert panel.values.tolist() == read(frame).values.tolist()
    pd.testing.assert_frame_equal(panel.to_frame(), other, check_dtype=False)


def test_index_of_series_and_times_is_long() -> None:
    frame = long_frame({"a": 5, "b": 6})
    same(read(frame.set_index(["unique_id", "ds"])), read(frame))
    by_series = read(frame.set_index("unique_id"))
    same(by_series, read(frame))


def test_numbers_as_names_of_series() -> None:
    frame = long_frame({"1": 5, "2": 6})
    assert read(frame.assign(unique_id=frame["unique_id"].astype(int))).ids == ("1", "2")


def test_rows_of_many_series_without_times_are_numbered(tmp_path: Path) -> None:
    panel = read(write(tmp_path, "unique_id,y\na,1\nb,5\na,2\nb,6\na,4\n"))
    assert panel.to_frame().to_dict("list") == {
        "unique_id": ["a", "a", "a", "b", "b"],
        "ds": [0, 1, 2, 0, 1],
        "y": [1, 2, 4, 5, 6],
    }


def test_index_of_dates_makes_several_columns_wide() -> None:
    times = pd.date_range("2020-01-31", periods=6, freq="ME", name="month")
    frame = pd.DataFrame({"a": range(6), "b": [np.nan, np.nan, 3, 4, 5, 7]}, times)
    panel = read(frame)
    assert (panel.form, panel.ids, panel.lengths.tolist()) == ("wide", ("a", "b"), [6, 4])
    assert panel.series(1).index.equals(times[2:])
    assert panel.series(1).name == "b"
    assert read(frame.to_period()).times[0] == pd.Timestamp("2020-01-01")
    one = read(frame, target="a")
    assert (one.form, one.values.tolist()) == ("series", [0, 1, 2, 3, 4, 5])


def test_wide_takes_every_column_of_a_file_as_a_series(tmp_path: Path) -> None:
    path = write(tmp_path, "day,a,b\n2020-01-01,1,5\n2020-01-02,2,6\n2020-01-03,3,8\n")
    with pytest.raises(DataError, match=r"3 columns; choose.*target, out of a, b.*wide"):
        read(path)
    panel = read(path, wide=True)
    assert (panel.ids, panel.values.tolist()) == (("a", "b"), [1, 2, 3, 5, 6, 8])
    assert panel.columns.time == "day"
    numbered = read(pd.DataFrame({"a": [1, 2], "b": [3, 4]}, [10, 20]), wide=True)
    assert (numbered.times.tolist(), numbered.frequency) == ([10, 20, 10, 20], 10)


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2020-01-01", periods=5, freq="MS", tz="Europe/Berlin"),
        pd.period_range("2020-01", periods=5, freq="M"),
        pd.RangeIndex(3, 13, 2),
        pd.Index([4, 5, 6, 7, 8]),
        pd.Index(["2020-01", "2020-02", "2020-03", "2020-04", "2020-05"]),
    ],
    ids=lambda index: type(index).__name__,
)
def test_series_with_any_index_of_times(index: pd.Index) -> None:
    series = only(pd.Series([1, 2, 4, 8, 16], index, name="power"))
    assert series.name == "power"
    times = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    if isinstance(times[0], str):
        times = pd.DatetimeIndex(times)
    assert series.index.tolist() == times.tolist()
    assert only(series.to_frame()).tolist() == series.tolist()


def test_frequency_of_the_index_is_kept_where_rows_are_too_few_to_tell() -> None:
    days = pd.bdate_range("2024-01-01", periods=3)
    assert read(pd.Series([1, 2, 3], days)).frequency == pd.offsets.BDay()
    assert read(pd.Series([1], days[:1])).frequency == pd.offsets.BDay()


@pytest.mark.parametrize("dtype", ["Int64", "float32", "object", "string", "bool"])
def test_numbers_of_any_type(dtype: str) -> None:
    values = pd.Series([True, False, True]) if dtype == "bool" else pd.Series([1, 0, 1])
    assert only(values.astype(dtype)).tolist() == [1, 0, 1]


NUMBERS = [1234.5, -0.25, 1234567, 12, 3e5, np.nan, 7]
SPELLED = {
    (",", "."): ["1.234,5", "-,25", "1.234.567", "12", "3e5", "", "+7,"],
    (",", None): ["1234,5", "-0,25", "1234567", "12,0", "3,0E+05", "n/a", "7"],
    (None, "."): ["1.234,5", "-0,25", "1.234.567", "12", "3e5", "NaN", "7"],
    (None, ","): ["1,234.5", "-.25", "1,234,567", "12", "300,000", "-", "7."],
    (",", " "): ["1\u202f234,5", "-0,25", "1 234 567", "12", "300\u00a0000", "", "7"],
    (".", "'"): ["1'234.5", "-0.25", "1'234'567", "12", "300'000", "", "7"],
}


@pytest.mark.parametrize(("decimal", "thousands"), SPELLED)
def test_numbers_of_many_spellings(
    tmp_path: Path, decimal: str | None, thousands: str | None
) -> None:
    cells = SPELLED[decimal, thousands]
    options: dict[str, Any] = {"decimal": decimal, "thousands": thousands, "fill": "drop"}
    expected = [number for number in NUMBERS if number == number]
    frame = pd.DataFrame({"y": cells, "ds": range(7)})
    assert only(frame, **options).tolist() == expected
    path = tmp_path / "table.csv"
    frame.to_csv(path, sep=";", index=False)
    assert only(path, target="y", **options).tolist() == expected
    mixed = frame.astype({"y": object})
    mixed.loc[0, "y"] = 1234.5  # a number is one, whatever the signs
    assert only(mixed, **options).tolist() == expected


@pytest.mark.parametrize("name", ["Mayfair 12", "Janesville 2010", "MAR12", "Decades-20"])
def test_names_like_months_are_no_dates(name: str) -> None:
    frame = long_frame({name: 4}).rename(columns={"unique_id": "store", "ds": "day"})
    assert read(frame, target="y").columns.time == "day"


def test_decimal_commas_are_no_dates(tmp_path: Path) -> None:
    path = write(tmp_path, "day;load;wind\n2020-01-01;12,5;1,5\n2020-01-02;13,5;2,5\n")
    panel = read(path, target="load", past="wind", decimal=",")
    assert (panel.columns.time, panel.values.tolist()) == ("day", [12.5, 13.5])
    assert panel.past.tolist() == [[1.5], [2.5]]
    with pytest.raises(DataError, match="choose the one to forecast with target, out of load, w"):
        read(path)


@pytest.mark.parametrize("words", [["true", "false"], ["Yes", "NO"], [True, False]])
def test_booleans_are_covariates(tmp_path: Path, words: list[Any]) -> None:
    frame = long_frame({"a": 4, "b": 4}, open=words * 4)
    frame["large"] = frame["unique_id"].map({"a": words[0], "b": words[1]})
    frame["later"] = frame["open"].astype("boolean" if words[0] is True else object)
    frame.loc[2, "later"] = None
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    for data in (frame, path):
        panel = read(data, past="later", future="open", static="large", fill="linear")
        assert panel.future[:, 0].tolist() == [1, 0] * 4
        assert panel.past[:, 0].tolist() == [1, 0, 0, 0, *[1, 0] * 2]
        assert panel.static["large"].tolist() == [1, 0]
        values = future_values(frame.assign(y=frame["y"].mask(frame["y"] > 5)), panel.until(1), 1)
        assert values[:, 0, 0].tolist() == [0, 0]


def test_words_beside_those_for_booleans_stay_words() -> None:
    frame = long_frame({"a": 2, "b": 2, "c": 2}, kind=["yes"] * 2 + ["no"] * 2 + ["maybe"] * 2)
    assert read(frame, static="kind").static["kind"].tolist() == ["yes", "no", "maybe"]
    with pytest.raises(DataError, match="row 4, column 'kind': expected a number, got 'maybe'"):
        read(frame, past="kind")
    with pytest.raises(DataError, match="row 0, column 'kind': expected a number, got 'yes'"):
        read(frame.drop(columns="y"), target="kind")


def test_missing_cells_of_any_type() -> None:
    values = [1.5, None, "3"]
    assert only(pd.Series(values, dtype=object), fill="drop").tolist() == [1.5, 3]
    assert only(pd.Series([1, pd.NA, 3], dtype="Int64"), fill="linear").tolist() == [1, 2, 3]


def test_a_panel_is_returned_as_it_is() -> None:
    panel = read(air_passengers())
    assert read(panel) is panel
    with pytest.raises(DataError, match="a Panel was read before: leave fill, sort out"):
        read(panel, fill="linear", sort=True)
    with pytest.raises(DataError, match="leave the reading out"):
        read(panel, Reading())


def test_static_covariates_are_numbers_or_text() -> None:
    frame = long_frame({"a": 3, "b": 3}).assign(size=["7"] * 3 + ["8.5"] * 3)
    frame["kind"] = frame["unique_id"] * 2
    static = read(frame, static=("size", "kind")).static
    assert static.to_dict("list") == {"size": [7.0, 8.5], "kind": ["aa", "bb"]}
    assert static["size"].dtype == np.float64


def future_frame(lengths: dict[str, int], steps: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table whose last rows of each series have covariates and no target."""
    rng = np.random.default_rng(5)
    frame = long_frame({name: rows + steps for name, rows in lengths.items()}, "h")
    frame[["promotion", "holiday"]] = rng.normal(size=(len(frame), 2))
    ahead = frame.groupby("unique_id").cumcount(ascending=False) < steps
    known = frame.loc[ahead, ["promotion", "holiday"]].to_numpy()
    return frame.assign(y=frame.y.mask(ahead)), known.reshape(len(lengths), steps, 2)


@pytest.mark.parametrize("lengths", [{"a": 9}, {"a": 9, "b": 20, "c": 5}])
def test_rows_of_the_future_are_read_apart(lengths: dict[str, int]) -> None:
    frame, known = future_frame(lengths, 4)
    covariates = ("promotion", "holiday")
    panel = read(frame, future=covariates)
    assert panel.lengths.tolist() == list(lengths.values())
    assert np.array_equal(future_values(frame, panel, 4), known)
    assert np.array_equal(future_values(frame, panel, 3), known[:, :3])
    apart = frame[frame["y"].isna()].drop(columns="y").iloc[::-1]
    assert np.array_equal(future_values(apart, panel, 4, sort=True), known)
    others = len(lengths) - 1
    shortage = f"; 1 row is missing of the 5 to forecast{', and some of 2 more' * (others > 0)}"
    with pytest.raises(DataError, match=shortage):
        future_values(frame, panel, 5)
    message = r"^the data frame: expected a row of promotion, holiday.* at 2020-01-01 10:00:00;"
    with pytest.raises(DataError, match=message):
        future_values(frame[frame["ds"] != "2020-01-01 10:00"], panel, 4)


def test_rows_of_the_future_of_one_series_by_index_and_number(tmp_path: Path) -> None:
    times = pd.date_range("2020-01-01", periods=6, name="ds")
    frame = pd.DataFrame({"y": [1, 2, 3, 4, None, None], "x": [5, 6, 7, 8, 9, 10]}, times)
    panel = read(frame, target="y", future="x")
    assert future_values(frame, panel, 2).tolist() == [[[9], [10]]]
    assert future_values(frame[["x"]].iloc[4:].rename_axis(None), panel, 2).tolist() == [
        [[9], [10]]
    ]
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    panel = read(path, target="y", future="x")
    assert future_values(path, panel, 2).tolist() == [[[9], [10]]]
    assert future_values(frame[["x"]].iloc[4:].reset_index(drop=True), panel, 1).tolist() == [[[9]]]


def test_missing_values_of_the_future_are_told_or_filled() -> None:
    frame, known = future_frame({"a": 5, "b": 6}, 3)
    panel = read(frame, future=("promotion", "holiday"))
    row = frame.index[frame["unique_id"] == "b"][-2]
    frame.loc[row, "holiday"] = np.nan
    with pytest.raises(DataError, match=rf"row {row}, column 'holiday', series 'b': missing"):
        future_values(frame, panel, 3)
    values = future_values(frame, panel, 3, fill="linear")
    assert values[1, 1, 1] == pytest.approx((known[1, 0, 1] + known[1, 2, 1]) / 2)
    assert future_values(frame, panel, 3, fill="zero")[1, 1, 1] == 0
    assert np.isfinite(future_values(frame, panel, 3, fill="previous")).all()


def test_times_of_the_future_off_the_frequency() -> None:
    frame, _ = future_frame({"a": 5, "b": 6}, 3)
    panel = read(frame, future=("promotion", "holiday"))
    frame.loc[frame.index[-1], "ds"] += pd.Timedelta(minutes=7)
    with pytest.raises(DataError, match=r"row 16, column 'ds', series 'b': .*07:00 is not at"):
        future_values(frame, panel, 3)
    with pytest.raises(DataError, match="whole numbers"):
        future_values(frame.assign(ds=range(len(frame))), panel, 3)


def test_future_has_the_columns_of_the_fit() -> None:
    frame, _ = future_frame({"a": 5, "b": 6}, 3)
    panel = read(frame, future=("promotion", "holiday"))
    with pytest.raises(DataError, match="those of the fit; leave future out"):
        future_values(frame, panel, 3, future="holiday")


def test_no_covariates_known_ahead_take_no_rows() -> None:
    assert future_values("none.csv", read(air_passengers()), 3).shape == (1, 3, 0)


def test_options_by_name_or_as_one() -> None:
    series = pd.Series([1, np.nan, 3])
    assert read(series, Reading(fill="zero")).values.tolist() == [1, 0, 3]
    assert read(series, Reading(fill="drop"), fill="zero").values.tolist() == [1, 0, 3]
    with pytest.raises(DataError, match=r"^there is no argument 'fil'; did you mean fill\?$"):
        read(series, fil="zero")


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = long_frame({"a": 5, "b": 6})
    path = tmp_path / "table.parquet"

    def without_pyarrow(path: Path) -> pd.DataFrame:
        raise ImportError

    monkeypatch.setattr(pd, "read_parquet", lambda _: frame)
    same(read(path), read(frame))
    monkeypatch.setattr(pd, "read_parquet", without_pyarrow)
    with pytest.raises(DataError, match=r'pip install "kerasrnn\[parquet\]"'):
        read(path)


def test_parquet_for_real(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = long_frame({"a": 5, "b": 6})
    path = tmp_path / "table.parquet"
    frame.to_parquet(path)
    same(read(path), read(frame))
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "none.parquet")
    with pytest.raises(DataError, match="no readable Parquet file"):
        read(write(tmp_path, "ds,y\n", "table.pq"))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("freq", ["h", "30min", "D"])
@pytest.mark.parametrize("start", ["2024-03-01", "2024-09-25"])
def test_summer_time_leaves_no_gap(zone: str, freq: str, start: str, tmp_path: Path) -> None:
    times = pd.date_range(start, periods=2000 if freq != "D" else 60, freq=freq, tz=zone, name="ds")
    values = np.arange(float(len(times)))
    series = only(pd.Series(values, times))
    assert series.index.equals(times)
    assert series.index.freqstr == freq
    holes = only(pd.Series(values, times).drop(times[3:-3:5]), fill="linear")
    assert holes.index.equals(times)
    np.testing.assert_allclose(holes, values, rtol=1e-12)
    path = tmp_path / "table.csv"
    pd.Series(values, times, name="y").to_csv(path)
    if freq != "D":  # the offsets of such text tell moments, and no time zone
        assert only(path).index.equals(times.tz_convert("UTC"))


@pytest.mark.parametrize("shape", [(1, 1_000_000), (5000, 200)])
def test_a_million_rows_take_seconds(shape: tuple[int, int]) -> None:
    series, rows = shape
    times = pd.date_range("2000-01-01", periods=rows, freq="h" if series == 1 else "D")
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{i}" for i in range(series)], rows),
            "ds": np.tile(times, series),
            "y": np.random.default_rng(0).normal(size=series * rows),
        }
    )
    start = time.perf_counter()
    panel = read(frame)
    seconds = time.perf_counter() - start
    assert panel.lengths.tolist() == [rows] * series
    assert np.array_equal(panel.positions(), np.tile(np.arange(rows), series))
    assert seconds < 10, f"{seconds:.1f} s"  # 0.3 s; much more is a loop over rows


@pytest.mark.parametrize("cells", [["0.001", "0.002"], ["0.001", "0.002", "1.234,5"]])
def test_a_group_of_thousands_does_not_begin_with_zero(tmp_path: Path, cells: list[str]) -> None:
    path = write(tmp_path, "ds;y\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate(cells)))
    with pytest.raises(DataError, match=r"'0\.001'"):
        read(path, decimal=",", thousands=".")


def test_short_years_can_be_read_in_two_ways_as_long_ones(tmp_path: Path) -> None:
    cells = [f"01/{month:02d}/20" for month in range(1, 13)]
    path = write(tmp_path, "ds,y\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))
    with pytest.raises(DataError, match="can be read in two ways"):
        read(path)
    assert str(read(path, dates="day-first").frequency.freqstr) == "MS"


def test_short_years_far_ahead_are_told(tmp_path: Path) -> None:
    months = pd.date_range("1949-01-01", periods=24, freq="MS")
    rows = "".join(f"{month:%b-%y},{i}\n" for i, month in enumerate(months))
    message = r"line 2.*'Jan-49' would be a day of 2049; write years with four digits"
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, "ds,y\n" + rows))


def test_short_years_are_no_days(tmp_path: Path) -> None:
    rows = "".join(f"Jan-{year},{year % 7}\n" for year in range(80, 96))
    panel = read(write(tmp_path, "ds,y\n" + rows))
    assert (str(panel.times[0].date()), panel.frequency.freqstr) == ("1980-01-01", "YS-JAN")
