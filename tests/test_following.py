"""Rows that follow on those of a panel: taken in, left out where known, filled or refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting.data.following import append
from kerasrnn.forecasting.data.reading import air_passengers, read
from kerasrnn.forecasting.errors import DataError
from tests.panels import equal, random_panel
from tests.tables import seasonal_series, write

seeds = given(seed=st.integers(0, 2**16))
frequencies = pytest.mark.parametrize("freq", [None, "h", "D", "B", "W-TUE", "MS", "QE-NOV", "YS"])


@frequencies
@seeds
def test_rows_that_follow_are_appended(seed: int, freq: str | None) -> None:
    panel = random_panel(seed, freq)
    long = [name for name, rows in zip(panel.ids, panel.lengths, strict=True) if rows > 1]
    rng = np.random.default_rng(seed)
    if long:
        known = panel.select(long)
        drop = rng.integers(1, known.lengths)
        before = known.until(drop)
        after = known._cut(known.offsets[1:] - drop, drop).select(rng.permutation(long).tolist())
        equal(append(before, after), known)
        equal(append(before, known), known)  # with the known rows once more
    equal(append(panel.select(panel.ids[:2]), panel.select(panel.ids[2:])), panel)


def test_a_new_series_makes_one_series_long() -> None:
    series = air_passengers()
    other = series.to_frame().assign(unique_id="b").reset_index()
    both = append(read(series), read(other, target=series.name))
    assert (both.form, both.ids) == ("long", (series.name, "b"))
    assert both.series(1).to_list() == series.to_list()


def table(rows: int = 24, **columns: Any) -> pd.DataFrame:
    """Return two daily series with a covariate, from different days on."""
    days = pd.date_range("2024-01-01", periods=rows + 1)
    parts = [
        pd.DataFrame({"unique_id": name, "ds": days[i : rows + i]}) for i, name in enumerate("ab")
    ]
    frame = pd.concat(parts, ignore_index=True)
    numbers = np.random.default_rng(0).normal(size=(2, 2 * rows)).round(3)
    return frame.assign(y=numbers[0], x=numbers[1], **columns)


def first_rows(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    return frame[frame.groupby("unique_id").cumcount() < rows]


def test_a_table_that_grows_can_be_given_whole(tmp_path: Path) -> None:
    frame, path = table(), tmp_path / "table.csv"
    first_rows(frame, 20).to_csv(path, index=False)
    panel = read(path, past="x")
    equal(append(panel, path), panel)
    frame.to_csv(path, index=False)
    equal(append(panel, path), read(path, past="x"))


@pytest.mark.parametrize("fill", ["linear", "previous", "zero", "seasonal"])
def test_a_table_with_holes_comes_out_as_if_read_at_once(fill: str) -> None:
    frame = table(31)
    rng = np.random.default_rng(1)
    inner = frame.groupby("unique_id").cumcount()
    frame["y"] = frame["y"].mask((rng.random(62) < 0.3) & (inner > 6) & ~inner.isin([22, 30]))
    frame = frame[~inner.isin([11, 14, 28])]
    whole = read(frame, fill=fill, past="x")
    known = read(first_rows(frame, 21), fill=fill, past="x")
    equal(append(known, frame), whole)
    equal(append(known, frame.groupby("unique_id").tail(7)), whole)
    assert 6 < known.num_filled < whole.num_filled < 30


def test_gaps_are_filled_from_the_known_rows() -> None:
    days = pd.date_range("2024-01-01", periods=16)
    known = read(pd.Series(np.arange(1.0, 9), days[:8], name="y"))
    new = pd.Series([11.0, np.nan, 15.0], days[[10, 11, 13]], name="y")
    filled = append(known, new, fill="linear")
    assert filled.values[8:].tolist() == [9, 10, 11, 12 + 1 / 3, 13 + 2 / 3, 15]
    assert filled.observed[8:].tolist() == [False, False, True, False, False, True]
    assert append(known, new, fill="seasonal").values[8:].tolist() == [2, 3, 11, 5, 6, 15]
    assert append(filled, pd.Series([9.5], days[[8]], name="y")).values[8] == 9.5


@pytest.mark.parametrize("column", ["y", "x"])
def test_a_value_given_late_takes_the_place_of_a_filled_one(column: str) -> None:
    frame = table(10)
    without = frame[column].mask(frame.index.isin([3, 4]))
    late = read(frame.assign(**{column: without}), fill="linear", past="x")
    assert late.num_filled == 2 * (column == "y")
    equal(append(late, frame), read(frame, fill="linear", past="x"))
    with pytest.raises(DataError, match=rf"row 2, column '{column}'.* got 0\.5"):
        append(late, frame.assign(**{column: frame[column].mask(frame.index == 2, 0.5)}))


def test_rows_before_a_series_that_began_late_are_left_out_again() -> None:
    frame = table(12).assign(x=lambda one: one["x"].mask(one.index.isin([0, 1, 2])))
    whole = read(frame, past="x", fill="linear")
    assert whole.lengths.tolist() == [9, 12]
    equal(append(read(first_rows(frame, 8), past="x", fill="linear"), frame), whole)


def test_another_value_of_a_known_row_is_told(tmp_path: Path) -> None:
    frame = table(8)
    path = tmp_path / "table.csv"
    panel = read(frame, past="x")
    frame.assign(y=frame["y"].mask(frame.index == 12, 7.25)).to_csv(path, index=False)
    was = float(frame["y"][12])
    message = (
        rf"table.csv, line 14, column 'y', series 'b': expected {was}, which is known at "
        r"2024-01-06, got 7\.25; correct .* after 2024-01-09, or fit again"
    )
    with pytest.raises(DataError, match=message):
        append(panel, path)
    with pytest.raises(DataError, match=r"row 3, column 'x', series 'a': .* got 0\.5;"):
        append(panel, frame.assign(x=frame["x"].mask(frame.index == 3, 0.5)))


def test_rows_that_do_not_follow_are_told() -> None:
    panel = read(air_passengers())
    following = pd.date_range("1961-01-01", periods=3, freq="MS")
    for times, told in (
        (following + following.freq, "row 0.*1 row is missing at the frequency MS of the series"),
        (following.delete(1), "row 1.*between 1961-01-01 and 1961-03-01; give these rows, or fill"),
        (
            pd.DatetimeIndex(["1948-12-01"]),
            "a row after 1960-12-01, .* got 1948-12-01,",
        ),
        (pd.DatetimeIndex(["1961-01-02"]), "1961-01-02 is not at the frequency MS"),
    ):
        values = pd.Series(range(len(times)), times, name=panel.columns.target)
        for fill in (None, "drop"):
            with pytest.raises(DataError, match=told):
                append(panel, values, fill=fill)
    wrong = pd.Series([1, 2], pd.DatetimeIndex(["1961-01-01", "1961-02-01"], tz="UTC"), name="y")
    with pytest.raises(DataError, match="target is 'y', expected 'passengers'"):
        append(panel, wrong)
    with pytest.raises(DataError, match=r"dates in time zone UTC.*those of the series dates"):
        append(panel, wrong.rename("passengers"))
    with pytest.raises(DataError, match=r"whole numbers.*those of the series dates"):
        append(panel, pd.Series([1, 2], name="passengers"))


def test_one_row_that_follows_needs_no_frequency_of_its_own() -> None:
    panel = read(air_passengers())
    row = pd.Series([440.0], pd.DatetimeIndex(["1961-01-01"]), name="passengers")
    more = append(panel, row)
    assert more.series(0).iloc[-1] == 440
    assert more.series(0).index.freqstr == "MS"


def test_rows_without_times_are_numbered_on_or_known(tmp_path: Path) -> None:
    panel = read(pd.Series([1.0, 2.0, 4.0]))
    whole = pd.Series([1.0, 2.0, 4.0, 5.0, 6.0])
    for new in (pd.Series([5.0, 6.0]), pd.Series([5.0, 6.0], [3, 4]), whole):
        assert append(panel, new).series(0).to_dict() == whole.to_dict()
    path = write(tmp_path, "unique_id,y\na,1\na,2\nb,1\na,3\nb,5\n")
    grown = append(read(path), write(tmp_path, "unique_id,y\na,1\nb,1\na,2\nb,5\nb,7\na,3\na,4\n"))
    assert grown.values.tolist() == [1, 2, 3, 4, 1, 5, 7]
    assert append(grown, write(tmp_path, "unique_id,y\nb,8\nc,3\na,9\n")).values.tolist() == [
        *(1, 2, 3, 4, 9),
        *(1, 5, 7, 8),
        3,
    ]


def test_rows_of_equal_steps_need_only_be_later() -> None:
    times = pd.DatetimeIndex(["2020-01-01", "2020-01-04", "2020-01-09", "2020-01-20"])
    panel = read(pd.Series([1, 2, 3, 4], times), fill="drop")
    assert panel.frequency is None
    later = pd.Series([5, np.nan, 6], pd.DatetimeIndex(["2020-01-21", "2020-02-02", "2020-02-20"]))
    assert append(panel, later).values.tolist() == [1, 2, 3, 4, 5, 6]
    assert append(panel, pd.Series([4, 5], [times[-1], later.index[0]])).values[-1] == 5
    with pytest.raises(DataError, match="got 2020-01-19, which is none of those known"):
        append(panel, pd.Series([5], pd.DatetimeIndex(["2020-01-19"])))


def test_a_panel_is_read_already() -> None:
    panel = read(seasonal_series(20))
    with pytest.raises(DataError, match="a Panel was read before: leave fill out"):
        append(panel.until(3), panel, fill="linear")


def test_rows_without_times_go_on_though_the_first_is_missing() -> None:
    known = read(pd.DataFrame({"a": [1.0, 0, 0, 0, 0], "b": [1.0, 2, 3, 4, 5]}), wide=True)
    new = pd.DataFrame({"a": [np.nan, 0, 0], "b": [6.0, 7, 8]})
    joined = append(known, new, fill="previous")
    assert joined.series(0).to_list() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert joined.series(1).to_list() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_corrected_row_of_a_table_without_times_is_told() -> None:
    known = read(pd.DataFrame({"y": [1.0, 2, 3, 4, 5]}))
    with pytest.raises(DataError, match=r"expected 3\.0, which is known at 2, got 3\.1"):
        append(known, pd.DataFrame({"y": [1.0, 2, 3.1, 4, 5, 6]}))


def test_a_covariate_that_may_have_been_filled_gives_way() -> None:
    days = pd.date_range("2024-01-01", periods=7)
    frame = pd.DataFrame({"ds": days, "y": range(7), "x": [1.0, 2, 3, 4, 5.5, 6, 7]})
    holes = frame[:6].assign(x=[1, 2, 3, 4, np.nan, 6])
    known = read(holes, target="y", past="x", fill="previous")
    assert append(known, frame).past[:, 0].tolist() == frame["x"].tolist()
    known = read(holes.dropna(), target="y", past="x", fill="drop")
    with pytest.raises(DataError, match=r"expected 1\.0, which is known"):
        append(known, frame.assign(x=frame["x"] + 1))


def test_static_covariates_of_new_series_are_of_the_kind_of_the_known() -> None:
    frame = pd.DataFrame({"unique_id": ["a", "a", "b", "b"], "ds": [1, 2, 1, 2], "y": [1, 2, 3, 5]})
    new = pd.DataFrame({"unique_id": ["c", "c"], "ds": [1, 2], "y": [4, 6]})
    text = read(frame.assign(k=["1", "1", "x", "x"]), static="k")
    assert append(text, new.assign(k=[2, 2])).static["k"].tolist() == ["1", "x", "2"]
    numbers = read(frame.assign(k=[1, 1, 2, 2]), static="k")
    with pytest.raises(DataError, match=r"'k': expected numbers.* Got 'x' of a new series"):
        append(numbers, new.assign(k=["x", "x"]))
