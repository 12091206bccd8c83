"""What is said about data that cannot be used: one line, with place and remedy."""

import gzip
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting.data.ahead import future_values
from kerasrnn.forecasting.data.reading import Reading, read
from kerasrnn.forecasting.errors import DataError
from tests.tables import write

TEN_COLUMNS = "abcdefghij"


def told(data: Any, **options: Any) -> str:
    """Return the error that reading ends in, which is one line."""
    with pytest.raises(DataError) as caught:
        read(data, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def refusal(path: Path, **options: Any) -> str:
    """Return the error that reading a file ends in, which names the file."""
    message = told(path, **options)
    assert str(path) in message
    return message


# What is wrong: the file, and what the error must hold of line, column, cell and remedy.
BAD = {
    "empty": ("", ["is empty", "header line"]),
    "blank": ("\n\n \n", ["is empty", "header line"]),
    "header only": ("ds,y\n\n", ["no rows", "add rows"]),
    "separators only": ("ds,y\n,\n,\n", ["no rows", "add rows"]),
    "no header": ("1,112\n2,118\n", ["line 1", "1, 112", "add a header line"]),
    "one name twice": ("ds,y,y\n1,2,3\n", ["line 1", "2 columns are named 'y'"]),
    "text": ("ds,y\n1,2\n2,x\n", ["line 3", "'y'", "'x'", "target"]),
    "thousands": (
        'ds,y\n1,2\n2,"1,000"\n',
        ["line 3", "'y'", "'1,000'", "thousands , or decimal ,"],
    ),
    "decimal comma": ("ds;y\n1;2\n2;1,5\n", ["line 3", "'y'", "'1,5'", "with decimal ,"]),
    "infinite": ("ds,y\n1,2\n2,-inf\n3,inf\n", ["line 3", "'y'", "'-inf'", "1 more", "fill"]),
    "too large": ("ds,y\n1,2\n2,1e999\n", ["line 3", "'y'", "'1e999'", "fill"]),
    "beyond": ("ds,y\n1,2\n2,1e31\n", ["line 3", "'y'", "1e31 is beyond 1e+30", "larger unit"]),
    "missing": ("ds,y\n1,2\n2,\n", ["line 3", "'y'", "fill linear", "previous", "drop"]),
    "n/a, twice": ("ds,y\n1,2\n2,N/A\n3,nan\n", ["line 3", "'y'", "1 more", "fill linear"]),
    "short row": ("ds,y\n1,2\n2\n3,4\n", ["line 3", "expected 2 cells", "got 1"]),
    "long row": ("ds,y\n1,2\n2,3,4\n3,4\n", ["line 3", "expected 2 cells", "got 3", "header"]),
    "open quote": ('ds,y\n1,"2\n2,3\n', ["line 2", "expected a number"]),
    "nothing": ("ds,y\n1,\n2,\n", ["'y'", "no values", "target"]),
    "constant": ("ds,y\n1,5\n2,5\n3,5\n", ["'y'", "all 3 values are 5", "target"]),
    "unsorted": ("ds,y\n2,1\n1,2\n", ["line 3", "'ds'", "'1'", "sort"]),
    "duplicate": ("ds,y\n1,1\n2,2\n1,3\n", ["line 4", "'ds'", "'1'", "sort"]),
    "repeated": ("ds,y\n1,1\n2,2\n2,3\n", ["line 4", "'ds'", "'2'", "line 3", "duplicates"]),
    "bad date": ("ds,y\n2000-01,1\n2000-13,2\n", ["line 3", "'ds'", "'2000-13'", "1960-12"]),
    "bad time": ("ds,y\nfoo,1\nbar,2\n", ["line 2", "'ds'", "'foo'", "time"]),
    "no time": ("ds,y\n2000-01,1\n,2\n", ["line 3", "'ds'", "''", "time"]),
    "days without a year": (
        "ds,y\n30-Jan,1\n31-Jan,2\n01-Feb,3\n",
        ["'ds'", "'30-Jan'", "have no year; add it"],
    ),
    "days without a century": (
        "ds,y\n200130,1\n200131,2\n200201,3\n",
        ["'ds'", "'200130'", "(yymmdd); write them as 2020-01-30"],
    ),
    "month without a year": ("ds,y\nJan,1\nFeb,2\n", ["line 2", "'ds'", "'Jan'", "1960-12"]),
    "no such week": ("ds,y\n2021-W52,1\n2021-W53,2\n", ["line 3", "'2021-W53'", "1960-12"]),
    "time of day": ("ds,y\n10:00,1\n11:00,2\n", ["'ds'", "'10:00'", "need a date"]),
    "ten columns": (
        f"{','.join(TEN_COLUMNS)}\n1,2,3,4,5,6,7,8,9,0\n",
        ["10 columns", "target", ", ".join(TEN_COLUMNS), "wide"],
    ),
    "latin-1": ("ds,y\n1,2\n2,é\n".encode("latin-1"), ["line 3", "0xe9", "encoding latin-1"]),
    "utf-16": ("ds,y\n1,2\n2,4\n".encode("utf-16"), ["not utf-8", "encoding utf-16"]),
    "utf-16, unmarked": ("ds,y\n1,2\n2,4\n".encode("utf-16-le"), ["zero", "encoding utf-16"]),
    "cut gzip": (gzip.compress(b"ds,y\n1,2\n" * 9)[:-9], ["damaged gzip file", "write it again"]),
    "gap": (
        "ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-05,4\n",
        ["line 4", "'ds'", "2 rows are missing", "D, which the times follow", "frequency"],
    ),
    "missing and gap": (
        "ds,y\n1,1\n2,\n3,3\n6,4\n",
        ["line 3", "missing value, and 2 rows are missing; accept missing values and rows with"],
    ),
    "gap in numbers": ("ds,y\n1,1\n2,2\n4,4\n", ["line 4", "1 row is missing", "frequency 1"]),
    "off the frequency": (
        "ds,y\n2020-01-01 00:00,1\n2020-01-01 01:00,2\n2020-01-01 02:00,4\n2020-01-01 02:30,5\n",
        ["line 5", "'ds'", "02:30:00 is not at", "frequency h", "frequency", "fill drop"],
    ),
    "no frequency": (
        "ds,y\n2020-01-01,1\n2020-01-03,2\n2020-01-08,4\n2020-01-20,5\n",
        ["'ds'", "no frequency found", "2 days", "12 days", "frequency D", "fill drop"],
    ),
    "series without a name": ("unique_id,ds,y\na,1,1\n,2,2\n", ["line 3", "'unique_id'", "name"]),
    "series without values": (
        "unique_id,ds,y\na,1,1\na,2,2\nb,1,\nb,2,\n",
        ["'y'", "series 'b'", "no values at all", "leave the series out"],
    ),
    "gap in the second": (
        "unique_id,ds,y\na,1,1\na,2,2\nb,1,1\nb,5,3\nb,6,1\n",
        ["line 5", "series 'b'", "3 rows are missing", "between 1 and 5"],
    ),
    "unsorted in the second": (
        "unique_id,ds,y\na,5,1\na,6,2\nb,2,1\nb,1,3\n",
        ["line 5", "series 'b'", "'1' comes after", "sort"],
    ),
    "missing in the second": (
        "unique_id,ds,y\na,5,1\nb,1,\na,6,2\nb,2,1\n",
        ["line 3", "'y'", "series 'b'", "missing value"],
    ),
    "all constant": (
        "unique_id,ds,y\na,1,1\na,2,1\nb,1,7\nb,2,7\n",
        ["each of the 2 series is constant"],
    ),
    "two targets": ("ds,a,b\n1,1,1\n", ["3 columns", "out of a, b", "with wide"]),
    "many series, none named": (
        "store,day,sales\na,2020-01-01,1\na,2020-01-02,2\nb,2020-01-01,1\nb,2020-01-02,2\n",
        ["3 columns", "target, out of sales", "unique_id"],
    ),
}


@pytest.mark.parametrize(("content", "parts"), BAD.values(), ids=BAD)
def test_bad_file_is_told_with_place_and_remedy(
    tmp_path: Path, content: str | bytes, parts: list[str]
) -> None:
    message = refusal(write(tmp_path, content))
    assert [part for part in parts if part not in message] == [], message


LONG = (
    "store,day,sales,kind\na,2020-01-01,1,x\na,2020-01-02,2,x\nb,2020-01-01,3,y\nb,2020-01-02,4,z\n"
)
# What was asked for in vain of the table above, and what the error must hold.
WRONG = {
    "unnamed series": ({"target": "sales"}, ["line 4", "comes after a later", "unique_id"]),
    "no such series": ({"unique_id": "stores"}, ["no column 'stores'", "unique_id 'store'?"]),
    "no such past": ({"past": ["sale"]}, ["no column 'sale'", "past 'sales'?"]),
    "changing": (
        {"unique_id": "store", "target": "sales", "static": "kind"},
        ["line 5", "'kind'", "series 'b'", "'z' after 'y'", "past or future"],
    ),
    "text as covariate": (
        {"unique_id": "store", "target": "sales", "future": "kind"},
        ["line 2", "'kind'", "expected a number, got 'x'", "future"],
    ),
    "twice": ({"past": ["sales", "sales"]}, ["past names 'sales' twice"]),
    "two roles": ({"past": ["sales"], "future": ["sales"]}, ["past and future both name"]),
    "no target": ({"unique_id": "store"}, ["target, out of sales"]),
    "wide and long": ({"unique_id": "store", "wide": True}, ["leave unique_id out, or wide"]),
    "wide with covariates": ({"past": "sales", "wide": True}, ["leave past out, or wide"]),
    "wide with text": ({"wide": True}, ["line 2", "'store'", "'a'"]),
    "frequency": (
        {"unique_id": "store", "target": "sales", "frequency": "sometimes"},
        ["frequency sometimes", "h, 15min, D, B, W-MON, MS, QS or YS"],
    ),
    "old name": (
        {"unique_id": "store", "target": "sales", "frequency": "M"},
        ["frequency", "ME"],
    ),
    "backward": (
        {"unique_id": "store", "target": "sales", "frequency": "-1D"},
        ["frequency -1D", "forward"],
    ),
    "another anchor": (
        {"unique_id": "store", "target": "sales", "frequency": "W"},
        ["line 2", "2020-01-01", "is not at the frequency W-SUN", "look like D"],
    ),
}


@pytest.mark.parametrize(("options", "parts"), WRONG.values(), ids=WRONG)
def test_wrong_options_are_told_with_place_and_remedy(
    tmp_path: Path, options: dict[str, Any], parts: list[str]
) -> None:
    message = told(write(tmp_path, LONG), **options)
    assert [part for part in parts if part not in message] == [], message


DAYS = pd.date_range("2020-01-01", periods=4, name="day")
FRAMES = {
    "text": (pd.Series(["1", "x", "2", "3"], DAYS), ["the series, row 1, column 'y'", "'x'"]),
    "missing": (
        pd.DataFrame({"power": [1, np.nan, 2, 3]}, DAYS),
        ["the data frame, row 1, column 'power': missing value at 2020-01-02"],
    ),
    "missing in a wide one": (
        pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [np.nan, 2, 3, np.nan]}, DAYS),
        ["row 3, column 'b': missing value at 2020-01-04"],
    ),
    "empty in a wide one": (
        pd.DataFrame({"a": [1, 2, 3, 4], "b": [np.nan] * 4}, DAYS),
        ["column 'b': no values at all; leave the series out"],
    ),
    "dates as values": (pd.Series(DAYS, range(4)), ["row 0, column 'day': expected a number"]),
    "no rows": (pd.Series([], dtype=float), ["the series has no rows"]),
    "one name twice": (
        pd.DataFrame([[1, 2]], columns=["y", "y"]),
        ["the data frame has several columns 'y'"],
    ),
    "three levels": (
        pd.DataFrame({"y": [1]}, pd.MultiIndex.from_tuples([(1, 2, 3)])),
        ["an index of 3 levels; use reset_index"],
    ),
    "lengths of time": (
        pd.Series([1, 2], pd.to_timedelta([1, 2], unit="h")),
        ["the series has an index of timedelta64", "dates or whole numbers"],
    ),
    "an array": (np.arange(3.0), ["Got ndarray", "pandas.Series(values)"]),
    "no time": (
        pd.Series([1, 2, 3], pd.DatetimeIndex(["2020-01-01", None, "2020-01-03"], name="t")),
        ["the series, row 1, column 't': expected a time", "NaT"],
    ),
    "all constant": (pd.DataFrame({"a": [1] * 4, "b": [2] * 4}, DAYS), ["each of the 2 series"]),
}


@pytest.mark.parametrize(("data", "parts"), FRAMES.values(), ids=FRAMES)
def test_bad_frame_is_told_with_place_and_remedy(data: Any, parts: list[str]) -> None:
    message = told(data)
    assert [part for part in parts if part not in message] == [], message


def test_one_constant_series_of_two_is_accepted_and_both_where_allowed() -> None:
    frame = pd.DataFrame({"a": [1] * 4, "b": [2, 3, 4, 5]}, DAYS)
    assert read(frame).num_series == 2
    assert read(pd.Series([5, 5]), allow_constant=True).num_series == 1


def test_series_that_lose_all_rows() -> None:
    frame = pd.DataFrame({"y": [1, 2, np.nan], "x": [np.nan, np.nan, 3]})
    options = {"target": "y", "past": "x"}
    assert "every row has a missing value in y, x" in told(frame, fill="drop", **options)
    frame["x"] = np.nan
    assert "column 'x': no values at all; use fill zero" in told(frame, fill="linear", **options)


def test_static_covariate_that_is_missing() -> None:
    frame = pd.DataFrame({"unique_id": ["a", "b"], "ds": [1, 1], "y": [1, 2], "kind": ["x", None]})
    assert "row 1, column 'kind', series 'b': missing value" in told(frame, static="kind")


def test_filling_a_gap_of_ages_is_refused() -> None:
    times = pd.DatetimeIndex(["2000-01-01 00:00:00", "2000-01-01 00:00:01", "2020-01-01"])
    message = told(pd.Series([1, 2, 3], times), fill="linear")
    assert "at the frequency s there would be 631152001 rows, of which 3 are given" in message


def test_whole_numbers_take_whole_numbers_as_frequency() -> None:
    assert "frequency D: the times are whole numbers" in told(pd.Series([1, 2]), frequency="D")
    assert read(pd.Series([1, 2], [0, 3]), frequency="3").frequency == 3


def test_whole_numbers_without_a_century_are_refused_and_others_read() -> None:
    frame = pd.DataFrame({"ds": [200130, 200131, 200201], "y": [1, 2, 3]})
    assert "(yymmdd); write them as 2020-01-30" in told(frame)
    assert read(frame.assign(ds=[200199, 200200, 200201])).times.tolist() == [
        200199,
        200200,
        200201,
    ]
    assert read(frame.assign(ds=[200101, 200102, 200103])).frequency == pd.offsets.MonthBegin()


@given(
    cells=st.lists(
        st.text("0123456789-/.:, TWQZ+ajnuy", min_size=1, max_size=12)
        | st.from_regex(r"(\d{1,4}|Jan|Feb|W|Q)[-/. :'](\d{1,4}|Jan|Feb|W\d\d)", fullmatch=True)
        | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d([+-]\d\d:?\d\d|Z)?", fullmatch=True),
        min_size=1,
        max_size=3,
    ),
    order=st.sampled_from([None, "day-first", "month-first"]),
)
def test_times_are_read_or_refused_whatever_they_are(cells: list[str], order: str | None) -> None:
    frame = pd.DataFrame({"ds": cells, "y": range(len(cells))})
    with suppress(DataError):
        panel = read(frame, time="ds", target="y", dates=order, sort=True, fill="drop")
        assert panel.times.dtype.kind == "i" or panel.times.min().year > 999


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file; check the path" in refusal(tmp_path / "none.csv")
    assert "no such file; check the path" in refusal(tmp_path / "no" / "none.csv")


def test_directory(tmp_path: Path) -> None:
    assert "is a directory; name a CSV file" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["table.zip", "table.xlsx", "table.csv"])
def test_archive(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("table.csv", "ds,y\n1,2\n")
    assert "is a zip archive or an Excel workbook; save the sheet" in refusal(tmp_path / name)


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> bytes:
        raise PermissionError

    path = write(tmp_path, "y\n1\n2\n")
    monkeypatch.setattr(Path, "read_bytes", deny)
    assert "permissions" in refusal(path)


@pytest.mark.parametrize("option", ["target", "time"])
def test_wrong_column_name_suggests_the_near_one(tmp_path: Path, option: str) -> None:
    path = write(tmp_path, "month,passengers,note\n2000-01,1,a\n2000-02,2,b\n")
    near = {"target": "pasengers", "time": "mont"}[option]
    meant = {"target": "passengers", "time": "month"}[option]
    message = refusal(path, **{option: near})
    assert f"no column {near!r}; it has month, passengers, note" in message
    assert message.endswith(f"did you mean {option} {meant!r}?")
    assert "did you mean" not in refusal(path, **{option: "zzz"})


def test_target_and_time_must_differ(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "a,b\n1,2\n2,3\n"), target="a", time="a")
    assert "target and time both name 'a'" in message


@pytest.mark.parametrize("name", ["fill", "duplicates", "dates"])
def test_unknown_ways_to_fill_and_to_keep_rows(name: str) -> None:
    with pytest.raises(DataError, match=f"^{name} must be one of .*Got 'some'"):
        Reading(**{name: "some"})


@pytest.mark.parametrize(
    ("cell", "options", "remedy"),
    [
        ("12,5", {}, "with decimal ,"),
        (",5", {}, "with decimal ,"),
        ("1,5e3", {}, "with decimal ,"),
        ("-1,234", {}, "with thousands , or decimal ,"),
        ("1,234,567", {}, "with thousands ,"),
        ("1,234.5", {}, "with thousands ,"),
        ("1.234,5", {}, "with decimal , thousands ."),
        ("1.234.567", {}, "with thousands ."),
        ("1 234", {}, 'with thousands " "'),
        ("1\u202f234,5", {}, 'with thousands " " decimal ,'),
        ("1'234.5", {}, 'with thousands "\'"'),
        ("1.234", {"decimal": ","}, "with thousands ."),
        ("12.5", {"decimal": ","}, "with decimal ."),
        ("12.34", {"thousands": "."}, "with decimal ."),
        ("1.2345", {"thousands": "."}, "with decimal ."),
        ("12,34", {"thousands": ","}, "with decimal ,"),
    ],
)
def test_numbers_in_another_spelling_are_told_with_the_options(
    cell: str, options: dict[str, str], remedy: str
) -> None:
    message = told(pd.Series(["1", cell, "2"]), **options)
    assert message.startswith("the series, row 1, column 'y': expected a number, got")
    assert f"read such numbers {remedy}, correct the cell" in message


def test_a_spelling_of_no_number_has_no_option() -> None:
    for cell in ("1,2,3", "12,34,567", "1.23.456", "one", ",", "1,5 EUR"):
        assert "; correct the cell" in told(pd.Series(["1", cell, "2"]))


def test_points_that_can_be_read_in_two_ways(tmp_path: Path) -> None:
    path = write(tmp_path, "ds;y\n1;5.069\n2;12.500\n3;7\n")
    message = refusal(path)
    assert "column 'y': numbers such as '5.069' can be read in two ways" in message
    assert message.endswith("use decimal . or thousands .")
    assert read(path, decimal=".").values.tolist() == [5.069, 12.5, 7]
    assert read(path, thousands=".").values.tolist() == [5069, 12500, 7]
    for cells in (("5.069", "0.123"), ("5.069", "12.5"), ("5", "12")):
        rows = "".join(f"{i};{cell}\n" for i, cell in enumerate(cells))
        assert read(write(tmp_path, "ds;y\n" + rows)).values.tolist() == [*map(float, cells)]
    assert read(write(tmp_path, "ds,y\n1,5.069\n2,12.500\n")).values.tolist() == [5.069, 12.5]


def test_unknown_and_equal_signs() -> None:
    with pytest.raises(DataError, match=r"^decimal must be one of '\.' ','\. Got ';'"):
        Reading(decimal=";")
    with pytest.raises(DataError, match=r"^thousands must be one of .*Got ''"):
        Reading(thousands="")
    with pytest.raises(DataError, match="decimal and thousands are both ','; name two"):
        Reading(decimal=",", thousands=",")


def test_unknown_encoding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="encoding klingon: no such encoding"):
        read(write(tmp_path, "y\n1\n2\n"), encoding="klingon")


def test_future_without_its_columns() -> None:
    frame = pd.DataFrame({"unique_id": ["a", "a"], "ds": [1, 2], "y": [1, 2], "x": [3, 4]})
    panel = read(frame, future="x")
    for name, option in (("unique_id", "unique_id"), ("ds", "time"), ("x", "future")):
        with pytest.raises(DataError, match=f"no column '{name}'"):
            future_values(frame.drop(columns=name), panel, 1)
        renamed = frame.rename(columns={name: f"{name}s"})
        with pytest.raises(DataError, match=f"did you mean {option} '{name}s'"):
            future_values(renamed, panel, 1)


BAD_ROWS = {
    "text": ("2000-07,word", "'y'"),
    "missing": ("2000-07,", "'y'"),
    "infinite": ("2000-07,inf", "'y'"),
    "bad time": ("soon,7", "'ds'"),
    "unsorted": ("1999-01,7", "'ds'"),
    "repeated": ("2000-01,7", "'ds'"),
    "gap": ("2000-08,7", "'ds'"),
}


@given(
    kind=st.sampled_from(sorted(BAD_ROWS)),
    blanks=st.lists(st.integers(0, 3), min_size=6, max_size=6) | st.just([0] * 6),
    position=st.integers(1, 5),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_line_number_is_that_of_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    blanks: list[int],
    position: int,
    end: str,
) -> None:
    bad, column = BAD_ROWS[kind]
    position = {"missing": 5, "repeated": 1, "gap": 5}.get(kind, position)
    rows = [f"2000-{month:02d},{month}" for month in range(1, 7)]
    rows[position] = bad
    lines = ["ds,y"]
    for row, blank in zip(rows, blanks, strict=True):
        lines += [""] * blank + [row]
    path = tmp_path_factory.mktemp("lines") / "table.csv"
    path.write_bytes(end.join(lines).encode())
    assert f"line {lines.index(bad) + 1}, column {column}" in refusal(path)


def test_the_first_cell_that_is_no_time_is_named(tmp_path: Path) -> None:
    cells = ["Jan-10", "Feb-10", "Mar-10", "Apr-10", "Mai-10", "Jun-10"]
    path = write(tmp_path, "ds,y\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))
    assert "line 6, column 'ds': expected a time" in refusal(path)


def test_rows_that_all_series_of_a_wide_table_lack_count_once(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=20).delete([7, 8])
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(18, 3)), days, list("abc"))
    assert "2 rows are missing" in told(frame)
