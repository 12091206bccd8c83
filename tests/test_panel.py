"""One or many series in one table: parts of it, and more rows."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting.data.panel import Columns, Panel
from kerasrnn.forecasting.data.reading import air_passengers, read
from kerasrnn.forecasting.errors import DataError


def random_panel(seed: int, freq: str | None = "MS", series: int = 4) -> Panel:
    """Return series of unequal lengths and starts, with all kinds of covariates."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 20, series)
    starts = rng.integers(0, 10, series)
    rows = np.concatenate([np.arange(a, a + n) for a, n in zip(starts, lengths, strict=True)])
    times = pd.Index(rows, name="ds")
    if freq is not None:
        times = pd.DatetimeIndex(
            pd.date_range("2020-01-01", periods=40, freq=freq, name="ds")[rows]
        )
    return Panel(
        ids=tuple(f"s{i}" for i in range(series)),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        times=times,
        values=rng.normal(size=len(rows)),
        past=rng.normal(size=(len(rows), 2)),
        future=rng.normal(size=(len(rows), 1)),
        static=pd.DataFrame({"size": rng.normal(size=series), "kind": list("abcdefgh"[:series])}),
        columns=Columns("unique_id", "ds", "y", ("a", "b"), ("c",), ("size", "kind")),
        frequency=1 if freq is None else pd.tseries.frequencies.to_offset(freq),
        form="long",
    )


def equal(panel: Panel, other: Panel) -> None:
    """Hold that two panels are alike."""
    pd.testing.assert_frame_equal(panel.to_frame(), other.to_frame())
    pd.testing.assert_frame_equal(panel.static, other.static)
    assert panel.ids == other.ids
    assert (panel.frequency, panel.columns) == (other.frequency, other.columns)


def by_group(panel: Panel, part: Callable[[int, pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Return a part of each series' rows, by pandas."""
    frames = [frame for _, frame in panel.to_frame().groupby("unique_id", sort=False)]
    return pd.concat([part(i, frame) for i, frame in enumerate(frames)], ignore_index=True)


seeds = given(seed=st.integers(0, 2**16))
frequencies = pytest.mark.parametrize("freq", [None, "h", "D", "B", "W-TUE", "MS", "QE-NOV", "YS"])


def test_panels_are_not_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        random_panel(0).form = "wide"  # type: ignore[misc]


@seeds
def test_until_and_last_are_the_heads_and_tails_of_each_series(seed: int) -> None:
    panel = random_panel(seed)
    drop = np.random.default_rng(seed).integers(0, panel.lengths)
    until = by_group(panel, lambda i, frame: frame.iloc[: len(frame) - drop[i]])
    pd.testing.assert_frame_equal(panel.until(drop).to_frame(), until)
    last = by_group(panel, lambda _, frame: frame.tail(5))
    pd.testing.assert_frame_equal(panel.last(5).to_frame(), last)
    equal(panel.until(0), panel)
    equal(panel.last(99), panel)


def test_nothing_that_remains_is_told() -> None:
    panel = random_panel(0)
    shortest = int(panel.lengths.argmin())
    message = f"series 's{shortest}' has {panel.lengths[shortest]} rows, .* none remains"
    with pytest.raises(DataError, match=message):
        panel.until(int(panel.lengths[shortest]))


@seeds
def test_series_come_in_the_order_selected(seed: int) -> None:
    panel = random_panel(seed)
    chosen = panel.select(["s3", "s0"])
    assert chosen.ids == ("s3", "s0")
    for i, name in enumerate(chosen.ids):
        pd.testing.assert_series_equal(chosen.series(i), panel.series(int(name[1:])))
    assert chosen.static["kind"].tolist() == ["d", "a"]


def test_unknown_series_suggests_the_near_one() -> None:
    with pytest.raises(DataError, match=r"no series 's33'; did you mean 's3'\?"):
        random_panel(0).select(["s33"])
    with pytest.raises(DataError, match="no series 'xyz' of 4"):
        random_panel(0).select(["xyz"])


@frequencies
@seeds
def test_rows_that_follow_are_appended(seed: int, freq: str | None) -> None:
    panel = random_panel(seed, freq)
    known = panel.select(
        [name for name, rows in zip(panel.ids, panel.lengths, strict=True) if rows > 1]
    )
    rng = np.random.default_rng(seed)
    if known.num_series:
        drop = rng.integers(1, known.lengths)
        before = known.until(drop)
        ends = known.offsets[1:] - drop
        after = known._cut(ends, drop).select(rng.permutation(known.ids).tolist())
        equal(before.append(after), known)
    equal(panel.select(panel.ids[:2]).append(panel.select(panel.ids[2:])), panel)


def test_a_new_series_makes_one_series_long() -> None:
    series = air_passengers()
    panel = read(series)
    other = read(series.to_frame().assign(unique_id="b").reset_index(), target=series.name)
    both = panel.append(other)
    assert (both.form, both.ids) == ("long", (series.name, "b"))
    assert both.series(1).to_list() == series.to_list()


def test_rows_that_do_not_follow_are_told() -> None:
    panel = read(air_passengers())
    following = pd.date_range("1961-01-01", periods=3, freq="MS")
    for times, expected, got in (
        (following + following.freq, "1961-01-01,", "1961-02-01;"),
        (following.delete(1), "1961-02-01,", "1961-03-01;"),
        (pd.DatetimeIndex(["1960-12-01"]), "1961-01-01,", "1960-12-01;"),
    ):
        values = pd.Series(range(len(times)), times, name=panel.columns.target)
        with pytest.raises(DataError, match=f"expected a row at {expected}.*got {got}"):
            panel.append(read(values, fill="drop"))
    wrong = pd.Series([1, 2], pd.DatetimeIndex(["1961-01-01", "1961-02-01"], tz="UTC"), name="y")
    with pytest.raises(DataError, match="target is 'y', expected 'passengers'"):
        panel.append(read(wrong))
    with pytest.raises(DataError, match=r"dates in time zone UTC.*those of the series dates"):
        panel.append(read(wrong.rename("passengers")))
    with pytest.raises(DataError, match=r"whole numbers.*those of the series dates"):
        panel.append(read(pd.Series([1, 2], name="passengers")))


def test_one_row_that_follows_needs_no_frequency_of_its_own() -> None:
    panel = read(air_passengers())
    row = pd.Series([440.0], pd.DatetimeIndex(["1961-01-01"]), name="passengers")
    more = panel.append(read(row))
    assert more.series(0).iloc[-1] == 440
    assert more.series(0).index.freqstr == "MS"


def test_rows_without_times_are_numbered_on() -> None:
    panel = read(pd.Series([1.0, 2.0, 4.0]))
    for new in (pd.Series([5.0, 6.0]), pd.Series([5.0, 6.0], [3, 4])):
        assert panel.append(read(new)).series(0).to_dict() == {0: 1, 1: 2, 2: 4, 3: 5, 4: 6}
    equal(panel.until(2).append(panel.last(2)), panel)


def test_rows_of_equal_steps_need_only_be_later() -> None:
    times = pd.DatetimeIndex(["2020-01-01", "2020-01-04", "2020-01-09", "2020-01-20"])
    panel = read(pd.Series([1, 2, 3, 4], times), fill="drop")
    assert panel.frequency is None
    later = read(pd.Series([5, 6], pd.DatetimeIndex(["2020-01-21", "2020-02-20"])))
    assert panel.append(later).values.tolist() == [1, 2, 3, 4, 5, 6]
    with pytest.raises(DataError, match="got 2020-01-20"):
        panel.append(read(pd.Series([5], times[-1:])))


@frequencies
@seeds
def test_positions_are_alike_where_times_are(seed: int, freq: str | None) -> None:
    panel = random_panel(seed, freq)
    everything = panel.times.unique().sort_values()
    positions = panel.positions()
    assert positions.min() == 0
    if freq is None:
        assert positions.tolist() == (panel.times - everything[0]).tolist()
    else:
        ordered = pd.date_range(everything[0], everything[-1], freq=freq)
        assert positions.tolist() == ordered.get_indexer(panel.times).tolist()


def test_series_are_named_and_keep_their_frequency() -> None:
    panel = random_panel(3, "W-TUE")
    for i in range(4):
        series = panel.series(i)
        assert series.name == f"s{i}"
        assert series.index.freqstr == "W-TUE"
        assert np.array_equal(series, panel.values[panel.rows(i)])
        assert panel.future_times(i, 2).equals(
            pd.date_range(series.index[-1], periods=3, freq="W-TUE")[1:]
        )


def test_frame_has_usual_names_where_there_were_none() -> None:
    frame = read(pd.Series([1.0, 2.0], name="power")).to_frame()
    assert frame.to_dict("list") == {"unique_id": ["power"] * 2, "ds": [0, 1], "power": [1, 2]}
