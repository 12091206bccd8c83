"""One or many series in one table, and parts of it."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.data.reading import read
from kerasrnn.forecasting.errors import DataError
from tests.panels import equal, everything, random_panel


def by_group(panel: Panel, part: Callable[[int, pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Return a part of each series' rows, by pandas."""
    frames = [frame for _, frame in everything(panel).groupby("unique_id", sort=False)]
    return pd.concat([part(i, frame) for i, frame in enumerate(frames)], ignore_index=True)


seeds = given(seed=st.integers(0, 2**16))
frequencies = pytest.mark.parametrize("freq", [None, "h", "D", "B", "W-TUE", "MS", "QE-NOV", "YS"])


def test_panels_are_not_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        random_panel(0).form = "wide"  # type: ignore[misc]


@seeds
def test_until_is_the_head_of_each_series(seed: int) -> None:
    panel = random_panel(seed)
    drop = np.random.default_rng(seed).integers(0, panel.lengths)
    until = by_group(panel, lambda i, frame: frame.iloc[: len(frame) - drop[i]])
    pd.testing.assert_frame_equal(everything(panel.until(drop)), until)
    equal(panel.until(0), panel)


@pytest.mark.parametrize("fill", ["linear", "previous", "zero", "seasonal"])
@seeds
def test_no_hole_is_filled_with_what_comes_later(seed: int, fill: str) -> None:
    rng = np.random.default_rng(seed)
    rows, drop, names = 30, int(rng.integers(1, 16)), ["y", "sold"]
    days = pd.date_range("2024-01-01", periods=rows)
    frame = pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": days}) for name in "ab"], ignore_index=True
    )
    frame[names] = rng.normal(size=(2 * rows, 2))
    number = np.tile(np.arange(rows), 2)
    frame[names] = frame[names].mask(rng.random((2 * rows, 2)) < 0.5)
    frame["sold"] = frame["sold"].mask(number < rng.integers(0, 10))  # it begins later
    frame.loc[number >= rows - 14, names] = frame[names].fillna(1.0)  # a value for every weekday
    frame.loc[number == 12, names] = frame[names].fillna(1.0)  # all have begun before the cut
    poisoned = frame.copy()
    poisoned.loc[number >= rows - drop, names] *= 1e6
    before, same = (read(table, past="sold", fill=fill).until(drop) for table in (frame, poisoned))
    equal(before, same)


@pytest.mark.parametrize("fill", ["linear", "seasonal"])
def test_a_hole_where_a_covariate_begins_is_not_filled_with_what_comes_later(fill: str) -> None:
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=30), "y": np.arange(30.0)})
    frame["sold"] = np.arange(30.0)
    frame.loc[:9, "sold"] = np.nan
    frame.loc[10:19, "y"] = np.nan
    panel = read(frame, target="y", past="sold", fill=fill)
    assert panel.until(10).values.tolist() == [9.0] * 10


def test_a_hole_that_only_a_later_season_would_fill_gets_the_value_before() -> None:
    values = np.array([1, 2, np.nan, 4, 5, 6, 7, 8, 9, 10.0])
    series = pd.Series(values, pd.date_range("2024-01-01", periods=10))
    panel = read(series, fill="seasonal")
    assert panel.values[2] == 10
    assert panel.until(1).values[2] == 2


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
